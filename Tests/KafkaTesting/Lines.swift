import CPlatform
import Foundation
package import Kafka
import Synchronization

/// Log lines, kept for looking at.
package final class Lines: Sendable {
    private let lines = Mutex<[String]>([])

    /// What writes them here.
    package var log: KafkaLog {
        KafkaLog { [self] level, text in
            if ProcessInfo.processInfo.environment["COLLIE_TEST_LOG"] != nil {
                FileHandle.standardError.write(
                    Data("[\(level)] \(collie_monotonic_milliseconds() % 1_000_000) \(text)\n".utf8)
                )
            }
            lines.withLock { $0.append(text) }
        }
    }

    /// No lines yet.
    package init() {}

    /// Whether a line contains a text.
    package func contains(_ text: String) -> Bool {
        lines.withLock { $0.contains { $0.contains(text) } }
    }
    /// All lines so far.
    package var all: [String] { lines.withLock { $0 } }
}
