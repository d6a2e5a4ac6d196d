import Foundation
import Glibc
import KafkaTesting
import Testing

/// A cart's ladder of three reminders, with everything delivered three times and the leader dying
/// at each of them.
@Suite("Crashes", .serialized, .oneAtATimeAtTheBroker)
struct CrashTests {
    private static let channels = ["email", "sms", "whatsapp"]

    /// One person's events, as a collector writes them.
    private struct Story {
        let begin: Date
        private var count = 0
        private(set) var lines: [String] = []

        init(beginning begin: Date) { self.begin = begin }

        /// The moment so many seconds after the beginning.
        func time(_ seconds: Double) -> Date { begin.addingTimeInterval(seconds) }

        /// Adds an event; answers its lines.
        mutating func tell(_ type: String, at seconds: Double, times: Int = 3, _ more: String)
            -> [String]
        {
            count += 1
            let moment = time(seconds).formatted(
                Date.ISO8601FormatStyle(includingFractionalSeconds: true)
            )
            let line =
                #"{"type":"\#(type)","messageId":"m\#(count)","userId":"c","#
                + #""timestamp":"\#(moment)",\#(more)}"#
            let new = Array(repeating: line, count: times)
            lines += new
            return new
        }

        /// A product goes into the cart: the browser says so three times, the shop's server once.
        mutating func add(_ product: String, _ price: Int, at seconds: Double) -> [String] {
            let more =
                #""event":"Product Added","properties":{"cart_id":"c1","product_id":"\#(product)","#
                + #""price":\#(price),"quantity":1}"#
            return tell("track", at: seconds, more) + tell("track", at: seconds, times: 1, more)
        }
    }

    @Test(.enabled(if: Cluster.kind == .real, Comment(rawValue: RealKafka.howTo)))
    func `three reminders come once each, whoever dies at them`() throws {
        let deployment = try Deployment(try Cluster(.real))
        deployment.hasShortWindows = true
        try deployment.createTopics()
        for topic in ["viber", "telegram", "web_push", "mobile_push", "in_app", "app_inbox"] {
            try deployment.cluster.create(deployment.output("send.\(topic)"), 1)
        }
        let readers = try CrashTests.channels.map { try deployment.reader("send.\($0)") }
        func seen() throws -> Int {
            for reader in readers { try reader.poll(.milliseconds(1)) }
            return readers.reduce(0) { $0 + $1.seen.count }
        }

        // The first leader dies when the broker has the first reminder and nobody may see it.
        let first = try deployment.run(crashAt: "after-flush")
        try first.says("leads: reads")
        var story = Story(beginning: Date())
        let person = #""traits":{"email":"c@example.com","phone":"+919800000001"}"#
        try deployment.put(story.tell("identify", at: -2, person))
        for channel in CrashTests.channels {
            let more =
                #""event":"Consent Updated","properties":{"channel":"\#(channel)","#
                + #""state":"subscribed"}"#
            try deployment.put(story.tell("track", at: -1.5, more))
        }
        try deployment.put(story.add("A", 1_500, at: -1))
        try deployment.put(story.add("B", 900, at: 0))
        #expect(try first.end() == 128 + SIGKILL)
        #expect(try seen() == 0)

        // It is started again, writes the first, and dies when the second is a commit away.
        let again = try deployment.run(crashAt: "before-commit:2")
        try again.says("this instance leads now")
        let other = try deployment.run()
        #expect(try again.end() == 128 + SIGKILL)
        #expect(try seen() <= 1)

        // Another one takes over, writes the second, and dies at the moment the third is due: six
        // seconds of silence, ten more, and one in which late events are waited for.
        try other.says("leads: reads")
        try until("the second reminder") { try seen() == 2 }
        let last = try deployment.run()
        try last.says("stands by")
        let due = story.time(6 + 10 + 1)
        while due > Date() { usleep(500) }
        other.send(SIGKILL)
        #expect(try other.end() == 128 + SIGKILL)
        try until("the third reminder") { try seen() == 3 }
        try last.says("leads: reads")

        last.send(SIGTERM)
        #expect(try last.end() == 0)
        #expect(try seen() == 3)
        #expect(readers.map(\.seen.count) == [1, 1, 1])
        try check(readers, story, deployment)
    }

    private func check(_ readers: [Reader], _ story: Story, _ deployment: Deployment) throws {
        for command in try readers.flatMap({ try $0.objects() }) {
            let variables = try #require(command["variables"] as? [String: Any])
            #expect(variables["value"] as? Int == 2_400)
            let items = try #require(variables["items"] as? [[String: Any]])
            #expect(items.compactMap { $0["product_id"] as? String }.sorted() == ["A", "B"])
            #expect(items.compactMap { $0["quantity"] as? Int } == [1, 1])
        }
        // Who goes through the same events in peace comes to the same ids.
        let events = try deployment.folder.write("events", story.lines.joined(separator: "\n"))
        let replay = try collie(
            "replay",
            "--config",
            try deployment.writeConfig(),
            "--short-windows",
            "--until-idle",
            "--input",
            events
        )
        let peaceful = try replay.objects().compactMap { object -> String? in
            guard (object["topic"] as? String)?.contains("send.") == true else { return nil }
            return (object["headers"] as? [String: String])?["ce_id"]
        }
        #expect(peaceful.count == 3)
        #expect(Set(peaceful) == Set(readers.flatMap(\.sendIDs)))
        let audit = try deployment.audit()
        #expect(audit.code == 0, "\(audit.output)\(audit.errors)")
    }
}
