package import Engine
import Foundation

/// What an orchestrator is told when it asks how an instance is.
///
/// The status is for machines: 200 is yes, 503 is no. The body says the state and why, as JSON, and
/// is the same for every question.
package struct ProbeAnswer: Sendable, Equatable {
    /// The HTTP status.
    package let status: Int32
    /// One line of JSON.
    package let body: String

    /// Answers a path.
    package init(to path: String, _ health: Health.Reading) {
        let isYes: Bool
        switch path {
        case "/livez": isYes = health.isLive
        case "/readyz": isYes = health.isReady
        case "/startupz": isYes = health.isRestored
        default:
            status = 404
            body = #"{"error":"ask /livez, /readyz or /startupz"}"# + "\n"
            return
        }
        status = isYes ? 200 : 503
        body = ProbeAnswer.describe(health)
    }

    private static func describe(_ health: Health.Reading) -> String {
        var fields = ["\"state\":" + quoted(health.state.rawValue)]
        if let recovery = health.recovery {
            fields += [
                "\"percent\":\(Int(recovery.share * 100))",
                "\"records\":\(recovery.records)",
                "\"elapsed_seconds\":\(recovery.elapsed.components.seconds)",
            ]
            if let remaining = recovery.remaining {
                fields.append("\"seconds_to_go\":\(remaining.components.seconds)")
            }
        }
        if !health.waits.isEmpty {
            let waits = health.waits.map(quoted).joined(separator: ",")
            fields.append("\"waiting_for\":[\(waits)]")
        }
        if let failure = health.failure { fields.append("\"reason\":" + quoted(failure)) }
        return "{" + fields.joined(separator: ",") + "}\n"
    }

    private static func quoted(_ text: String) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        let bytes = (try? encoder.encode(text)) ?? Data("\"\"".utf8)
        return String(decoding: bytes, as: UTF8.self)
    }
}
