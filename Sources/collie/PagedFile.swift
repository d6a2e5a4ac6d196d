import Engine
import LoadTesting
import Rings
import Shards
import Synchronization

/// Writes lines to a file from a thread of its own, so that compressing takes no time of who makes
/// them.
///
/// Lines travel in pages, of which only a few exist: who makes lines faster than the file takes them
/// waits. What goes wrong there is thrown by the next page, or by `close`. Owned by one thread.
final class PagedFile {
    private static let pageSize = 1 << 19
    private static let pagesMax = 4

    /// The pages on their way, and what went wrong.
    private struct Way {
        var filled: [[UInt8]] = []
        var spare: [[UInt8]] = []
        var failure: (any Error)?
        var isOver = false
    }

    /// What both threads see.
    private final class Shared: Sendable {
        let way = Mutex(Way())
        let maker = Signal()
        let writer = Signal()
    }

    // A file that goes from the thread that opened it to the one that uses it.
    private struct Handle: @unchecked Sendable {
        // @unchecked: the opener does not use it any more once the thread runs.
        let file: LineFile
    }

    private let shared = Shared()
    private let thread = EngineThread(name: "file")
    private var page: [UInt8] = []

    /// Opens a file, emptying it if it exists; nil and `-` are standard output.
    init(path: String?) throws {
        let handle = Handle(file: try LineFile(path: path))
        page.reserveCapacity(2 * PagedFile.pageSize)
        let shared = shared
        thread.start { PagedFile.write(shared, to: handle.file) }
    }

    /// Adds a line; the newline is added here.
    func write(_ line: [UInt8]) throws {
        page.append(contentsOf: line)
        page.append(10)
        if page.count >= PagedFile.pageSize { try turn() }
    }

    /// Ends the file once everything is written.
    func close() throws {
        try turn()
        shared.way.withLock { $0.isOver = true }
        shared.writer.notify()
        thread.join()
        if let failure = shared.way.withLock({ $0.failure }) { throw failure }
    }

    /// Hands the page over and takes an empty one.
    private func turn() throws {
        let shared = shared
        shared.maker.wait { shared.way.withLock { $0.filled.count < PagedFile.pagesMax } }
        let full = page
        page = []
        let (failure, spare) = shared.way.withLock { way in
            way.filled.append(full)
            return (way.failure, way.spare.popLast())
        }
        page = spare ?? []
        page.reserveCapacity(2 * PagedFile.pageSize)
        shared.writer.notify()
        if let failure { throw failure }
    }

    /// The thread's life: pages in their order until the file is over.
    ///
    /// After a failure it only makes room, so that nobody waits for it.
    private static func write(_ shared: Shared, to file: LineFile) {
        while true {
            shared.writer.wait { shared.way.withLock { !$0.filled.isEmpty || $0.isOver } }
            let next = shared.way.withLock { way -> (page: [UInt8]?, hasFailed: Bool) in
                (way.filled.isEmpty ? nil : way.filled.removeFirst(), way.failure != nil)
            }
            do {
                guard var page = next.page else {
                    if !next.hasFailed { try file.close() }
                    return
                }
                if !next.hasFailed { try file.write(page.raw) }
                page.removeAll(keepingCapacity: true)
                let empty = page
                shared.way.withLock { $0.spare.append(empty) }
            } catch {
                shared.way.withLock { $0.failure = error }
                if next.page == nil { return }
            }
            shared.maker.notify()
        }
    }
}
