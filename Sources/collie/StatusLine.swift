import CPlatform
import Foundation
import Rings
import Shards
import Synchronization

/// A line at the bottom of a terminal that is written over and over; silent where there is no
/// terminal to look at.
///
/// Used by one thread at a time.
final class StatusLine: @unchecked Sendable {
    // @unchecked: whoever shows also clears, or waits for who shows.

    private let isShown: Bool
    private var length = 0

    /// A line on standard error.
    init() { isShown = collie_is_terminal(2) }

    /// Shows a text instead of the last one.
    func show(_ text: String) {
        guard isShown else { return }
        let width = max(20, Int(collie_terminal_width(2)))
        let cut = String(text.prefix(width - 1))
        let blank = String(repeating: " ", count: max(0, length - cut.count))
        FileHandle.standardError.write(Data(("\r" + cut + blank).utf8))
        length = cut.count
    }

    /// Takes the line away.
    func clear() {
        guard isShown, length > 0 else { return }
        FileHandle.standardError.write(
            Data(("\r" + String(repeating: " ", count: length) + "\r").utf8)
        )
        length = 0
    }
}

/// A thread that looks at something again and again until it is ended.
final class Watcher: Sendable {
    private let thread = EngineThread(name: "watcher")
    private let signal = Signal(idleStrategy: IdleStrategy(spins: 0, yields: 0))
    private let isOver = Atomic<Bool>(false)

    /// Starts looking.
    init(every pause: Duration, _ look: @escaping @Sendable () -> Void) {
        thread.start { [signal, self] in
            while !signal.wait(atMost: pause, until: { isOver.load(ordering: .acquiring) }) {
                look()
            }
        }
    }

    /// Looks no more; returns when the last look is over.
    func end() {
        isOver.store(true, ordering: .releasing)
        signal.notify()
        thread.join()
    }
}

/// A number with spaces between thousands.
func grouped(_ number: Int) -> String {
    var digits = String(number.magnitude)
    var groups: [String] = []
    while digits.count > 3 {
        groups.insert(String(digits.suffix(3)), at: 0)
        digits.removeLast(3)
    }
    groups.insert(digits, at: 0)
    return (number < 0 ? "-" : "") + groups.joined(separator: " ")
}
