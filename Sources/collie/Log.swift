import CPlatform
import Foundation
import Kafka
import Synchronization

/// What Collie says while it runs: for people on a terminal, as JSON lines for machines.
///
/// Any thread. Identifiers of people never stand in it.
final class Log: Sendable {
    private let isForPeople = collie_is_terminal(2)
    private let least: KafkaLogLevel
    private let status: StatusLine?
    private let lock = Mutex<Void>(())

    /// A log on standard error.
    init(least: KafkaLogLevel = .notice, status: StatusLine? = nil) {
        self.least = least
        self.status = status
    }

    /// The same log, for the Kafka clients.
    var kafka: KafkaLog {
        KafkaLog { [self] level, text in line(level, text) }
    }

    /// Writes a line.
    func line(_ level: KafkaLogLevel, _ text: String) {
        guard level >= least else { return }
        let time = Date().formatted(.iso8601)
        lock.withLock { _ in
            status?.clear()
            if isForPeople {
                complain("\(time) \(level): \(text)")
            } else {
                let fields = ["time": time, "level": "\(level)", "message": text]
                let json =
                    (try? JSONSerialization.data(
                        withJSONObject: fields,
                        options: [.sortedKeys, .withoutEscapingSlashes]
                    ))
                    ?? Data()
                complain(String(decoding: json, as: UTF8.self))
            }
        }
    }
}
