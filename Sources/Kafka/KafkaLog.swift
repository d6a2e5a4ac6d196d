import CPlatform
import Synchronization

/// How much a line of the log matters.
package enum KafkaLogLevel: Int, Comparable, Sendable {
    case debug
    case notice
    case warning
    case error

    package static func < (left: KafkaLogLevel, right: KafkaLogLevel) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// Where the lines about the broker go, ours and librdkafka's.
///
/// Any thread may write. What librdkafka says is rate-limited, for with a broker away it says the
/// same of each connection several times a second; what was held back is counted and told.
package final class KafkaLog: Sendable {
    private struct Kinds {
        var begin: Int64 = 0
        var lines = 0
        var held = 0
        var recent: [String: Int64] = [:]
    }

    private static let windowMilliseconds: Int64 = 10_000
    private static let linesPerWindowMax = 20

    private let write: @Sendable (KafkaLogLevel, String) -> Void
    private let kinds = Mutex(Kinds())

    /// Makes a log; the closure may be called on any thread.
    package init(_ write: @escaping @Sendable (KafkaLogLevel, String) -> Void) {
        self.write = write
    }

    /// A log that nobody reads.
    package static func silent() -> KafkaLog { KafkaLog { _, _ in } }

    /// Writes a line of our own.
    package func line(_ level: KafkaLogLevel, _ text: String) { write(level, text) }

    /// Writes a line of librdkafka, unless one of its kind was written just now.
    func libraryLine(_ level: KafkaLogLevel, kind: String, _ text: String) {
        let now = collie_monotonic_milliseconds()
        let (isWritten, held) = kinds.withLock { kinds -> (Bool, Int) in
            var held = 0
            if now - kinds.begin >= KafkaLog.windowMilliseconds {
                held = kinds.held
                kinds = Kinds(begin: now)
            }
            let isRepeated = kinds.recent[kind] != nil
            if isRepeated || kinds.lines >= KafkaLog.linesPerWindowMax {
                kinds.held += 1
                return (false, held)
            }
            kinds.recent[kind] = now
            kinds.lines += 1
            return (true, held)
        }
        if held > 0 { write(.debug, "librdkafka: \(held) more lines were held back") }
        if isWritten { write(level, "librdkafka: \(text)") }
    }
}

/// Says that something is waited for: at once, then less and less often, and when it is over.
package struct WaitingNotice {
    private var begin: Int64?
    private var next: Int64 = 0
    private var pause: Int64 = 1_000

    /// Nothing is waited for yet.
    package init() {}

    /// Whether something is waited for.
    package var isWaiting: Bool { begin != nil }

    /// Says what is waited for and why, if it is time to say so.
    package mutating func waiting(for what: String, reason: String, _ log: KafkaLog) {
        let now = collie_monotonic_milliseconds()
        let since = begin ?? now
        if begin == nil {
            begin = now
            pause = 1_000
        } else if now < next {
            return
        }
        next = now + pause
        pause = min(pause * 2, 30_000)
        log.line(.warning, "waiting for \(what) (\(reason)), \((now - since) / 1_000) s")
    }

    /// Says that the waiting is over, if there was any.
    package mutating func over(_ what: String, _ log: KafkaLog) {
        guard let since = begin else { return }
        begin = nil
        let seconds = (collie_monotonic_milliseconds() - since) / 1_000
        log.line(.notice, "\(what) after \(seconds) s")
    }
}
