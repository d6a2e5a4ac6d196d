package import Encoding
package import Events
import Foundation

/// Writes outputs as lines to a file or to standard output.
///
/// Owned by the egress thread. Lines are gathered and written in large pieces; an epoch is
/// committed when its lines were given to the system.
@safe
package final class FileSink: OutputSink {
    private let descriptor: Int32
    private let path: String
    private let ownsDescriptor: Bool
    private var lines = OutputLine()
    private var pending: [UInt8] = []

    /// Opens a file, emptying it if it exists; nil is standard output.
    package init(path: String?) throws(SourceError) {
        self.path = path ?? "standard output"
        pending.reserveCapacity(1 << 20)
        guard let path else {
            descriptor = 1
            ownsDescriptor = false
            return
        }
        descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        ownsDescriptor = true
        guard descriptor >= 0 else {
            throw SourceError(
                description: "cannot write \(path): \(unsafe String(cString: strerror(errno)))"
            )
        }
    }

    deinit { if ownsDescriptor, descriptor >= 0 { close(descriptor) } }

    package func write(_ record: OutputRecord, of buffer: OutputBuffer) throws {
        lines.write(record, of: buffer) { line in
            unsafe line.withUnsafeBytes { unsafe pending.append(contentsOf: $0) }
        }
        if pending.count > 1 << 19 { try flush() }
    }

    package func commit(_ mark: EpochMark?) throws { try flush() }

    private func flush() throws {
        var begin = 0
        while begin < pending.count {
            let count = unsafe pending.withUnsafeBytes {
                unsafe Foundation.write(descriptor, $0.baseAddress! + begin, $0.count - begin)
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw SourceError(
                    description:
                        "cannot write \(path): \(unsafe String(cString: strerror(errno)))"
                )
            }
            begin += count
        }
        pending.removeAll(keepingCapacity: true)
    }
}

/// Drops outputs: for measuring the engine alone.
package final class NullSink: OutputSink {
    package init() {}
    package func write(_ record: OutputRecord, of buffer: OutputBuffer) throws {}
    package func commit(_ mark: EpochMark?) throws {}
}

extension FileSource: RecordSource {
    package func fill(_ block: EventBlock) throws -> SourceTurn {
        let more: Bool = try read(block)
        return more ? .records : .end
    }
}
