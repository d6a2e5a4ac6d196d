import Foundation
import Kafka
import KafkaTesting
import LoadTesting
import Testing

/// Captures and loads against a broker, and a deployment that works meanwhile.
@Suite(
    "collie capture and collie load",
    .serialized,
    .oneAtATimeAtTheBroker,
    .enabled(if: Cluster.kind == .real, Comment(rawValue: RealKafka.howTo))
)
struct LoadTests {
    private let deployment: Deployment
    private let config: String
    private let folder: Folder

    init() throws {
        deployment = try Deployment(try Cluster())
        deployment.hasShortWindows = true
        folder = deployment.folder
        config = try deployment.writeConfig()
        try deployment.createTopics()
    }

    /// Runs a command that knows the deployment.
    private func run(_ words: String...) throws -> Outcome {
        let program = try Program(words + ["--config", config, "--short-windows"])
        let code = try program.end(within: .seconds(40))
        return Outcome(code: code, output: program.output, errors: program.errors)
    }

    /// The records of a capture file.
    private func records(_ path: String) throws -> [TrafficRecord] {
        let file = try CaptureFile(path: path)
        try file.verify()
        var traffic = try CaptureTraffic(file)
        var records: [TrafficRecord] = []
        while let record = try traffic.next() { records.append(record) }
        return records
    }

    @Test func `what is captured and played keeps keys, headers, partitions and distances`() throws
    {
        let original = folder.path + "/original"
        for wave in 0..<3 {
            for partition in Int32(0)..<2 {
                try write(
                    [
                        "no event \(wave)",
                        #"{"messageId":"m\#(wave)\#(partition)","type":"track"}"#,
                    ],
                    to: deployment.events,
                    deployment.settings,
                    partition: partition,
                    headers: [("ce_id", "i\(wave)"), ("x", "y")]
                )
            }
            usleep(400_000)
        }
        let captured = try run("capture", "--output", original)
        #expect(captured.code == 0, "\(captured.errors)")
        #expect(captured.errors.contains("12 records of \(deployment.events)"))
        let before = try records(original)
        #expect(before.count == 12)
        try deployment.cluster.create(deployment.name + ".copy", 2)
        let loaded = try run(
            "load",
            "--input",
            original,
            "--topic",
            deployment.name + ".copy",
            "--drain",
            "1s",
            "--speed",
            "2",
            "--expect",
            "errors=0"
        )
        #expect(loaded.code == 0, "\(loaded.errors)")
        let copy = folder.path + "/copy"
        #expect(
            try run("capture", "--topic", deployment.name + ".copy", "--output", copy).code == 0
        )
        let after = try records(copy)
        #expect(after.count == 12)
        for partition in Int32(0)..<2 {
            let was = before.filter { $0.partition == partition }
            let new = after.filter { $0.partition == partition }
            #expect(new.map(\.key) == was.map(\.key))
            let ids = new.map { unpack($0.headers)["ce_id"] ?? "" }
            #expect(
                ids.map { String($0.prefix(3)) } == was.map { unpack($0.headers)["ce_id"]! + "~" }
            )
            #expect(new.allSatisfy { unpack($0.headers)["x"] == "y" })
            for (one, other) in zip(was, new) {
                let text = String(decoding: one.value ?? [], as: UTF8.self)
                let now = String(decoding: other.value ?? [], as: UTF8.self)
                #expect(text.hasPrefix("no") ? now == text : now.contains("~"), "\(now)")
                // At twice the speed.
                let distance = Double(one.time! - before[0].time!) / 2
                #expect(abs(Double(other.time! - after[0].time!) - distance) < 100)
            }
        }
        // A part of it, by offsets.
        let part = folder.path + "/part"
        #expect(try run("capture", "--output", part, "--offsets", "1:2-4").code == 0)
        let some = try records(part)
        #expect(some.map(\.offset) == [2, 3, 4] && some.allSatisfy { $0.partition == 1 })
        // By time: what came behind the first wave.
        let late = folder.path + "/late"
        let time = before[4].time! - 100
        let from = Date(timeIntervalSince1970: Double(time) / 1_000)
            .formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        let some2 = try run("capture", "--output", late, "--from", from, "--quiet")
        #expect(some2.code == 0 && some2.errors == "")
        #expect(try records(late) == Array(before[4...]))
        // A file is never written over, and a damaged one never played.
        #expect(try run("capture", "--output", late).errors.contains("is there already"))
        var bytes = Array(try Data(contentsOf: URL(filePath: original)))
        bytes[60] ^= 4
        let damaged = try run("load", "--input", try folder.write("damaged", bytes))
        #expect(damaged.code == 4)
        #expect(damaged.errors.contains("damaged is damaged: the chunk at byte 16"))
        #expect(damaged.output == "")
    }

    @Test func `a load says what came of it, and fails where an objective is missed`() throws {
        let instance = try deployment.lead()
        let page = folder.path + "/page.html"
        let text = folder.path + "/percentiles"
        let outcome = try run(
            "load",
            "--rate",
            "300",
            // The first reminder is due after four seconds and waits another for late events;
            // several must be due before the end, whatever moment the load began at.
            "--span",
            "9s",
            "--pace",
            "0.02",
            "--drain",
            "6s",
            "--html",
            page,
            "--percentiles",
            text,
            "--expect",
            "p50<5s",
            "errors=0",
            "lag.end=0",
            "p99<1us",
            "throughput>100000/s"
        )
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("missed: p99<1us, measured "))
        #expect(outcome.errors.contains("missed: throughput>100000/s, measured "))
        #expect(!outcome.errors.contains("missed: p50"), "\(outcome.errors)")
        #expect(outcome.errors.contains("5 s: "))
        let report = try JSONDecoder().decode(LoadReport.self, from: Data(outcome.output.utf8))
        #expect(report.events.sent > 500 && report.events.confirmed == report.events.sent)
        #expect(report.latency.commands.count > 0 && report.latency.decisionsDue.count > 0)
        #expect((report.latency.commands.p50 ?? 0) > 0.1)
        #expect(report.outputs.commands > 0 && report.outputs.decisions > report.outputs.commands)
        #expect(report.outputs.unmatched == 0)
        #expect(report.lag.max ?? -1 >= 0 && report.lag.end == 0)
        #expect(report.objectives.map(\.isMet) == [true, true, true, false, false])
        let html = try String(contentsOfFile: page, encoding: .utf8)
        #expect(html.contains("<svg") && html.hasSuffix("</html>\n"))
        #expect(!html.contains("http://") && !html.contains("https://"))
        let table = try String(contentsOfFile: text, encoding: .utf8)
        #expect(table.contains("Total count    = "))
        #expect(table.contains(" \(report.latency.commands.count)]"))
        instance.send(SIGTERM)
        #expect(try instance.end(within: .seconds(15)) == 0)
    }

    @Test func `a topic or a file that is not there is named`() throws {
        let topic = try run("load", "--topic", "no-such-topic", "--span", "1s")
        #expect(topic.code == 4)
        #expect(topic.errors.contains("topic no-such-topic does not exist"))
        let file = try run("load", "--input", "/no/such/file")
        #expect(file.code == 4)
        #expect(file.errors.contains("cannot read /no/such/file"))
        let generated = try run("generate", "--topic", "no-such-topic")
        #expect(generated.code == 4)
        let made = try run("generate", "--topic", deployment.events, "--events", "500")
        #expect(made.code == 0)
        #expect(made.errors.contains("500 events in \(deployment.events)"))
    }
}
