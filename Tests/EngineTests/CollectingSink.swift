import Encoding
import Engine
import Foundation

/// Keeps the lines that a `FileSink` would write, in order.
final class CollectingSink: OutputSink {
    private var lines = OutputLine()
    private(set) var texts: [Data] = []

    func write(_ record: OutputRecord, of buffer: OutputBuffer) throws {
        lines.write(record, of: buffer) { line in
            line.withUnsafeBytes { texts.append(Data($0)) }
        }
    }

    func commit(_ mark: EpochMark?) throws {}

    /// What was written to a topic.
    func records(of topic: String) throws -> [Written] {
        try texts.compactMap { text in
            let object = try JSONSerialization.jsonObject(with: text) as? [String: Any]
            guard let object, object["topic"] as? String == topic else { return nil }
            return Written(
                headers: object["headers"] as? [String: String] ?? [:],
                value: object["value"] as? [String: Any] ?? [:]
            )
        }
    }

    /// A record as its reader sees it.
    struct Written {
        var headers: [String: String]
        var value: [String: Any]

        subscript(_ member: String) -> String { value[member] as? String ?? "" }
    }
}
