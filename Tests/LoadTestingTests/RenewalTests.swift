import Events
import Foundation
import LoadTesting
import Testing

@Suite("Events made new")
struct RenewalTests {
    private static let base: Int64 = 1_777_852_800_000

    private func renew(
        _ value: String,
        headers: [UInt8] = [],
        shift: Int64 = 3_600_000,
        time: Int64 = base + 3_600_000
    ) -> EventRenewal {
        var record = TrafficRecord()
        record.value = Array(value.utf8)
        record.headers = headers
        var renewal = EventRenewal(mark: "~x")
        renewal.renew(record, shift: shift, time: time)
        return renewal
    }

    private func text(_ renewal: EventRenewal) -> String {
        String(decoding: renewal.value, as: UTF8.self)
    }

    @Test func `times move and keep their distance, the messageId gets its mark, the rest stays`() {
        let renewal = renew(
            #"{"type":"track","messageId":"m1","originalTimestamp":"2026-05-04T00:00:01.250Z","#
                + #""sentAt": "2026-05-04T05:30:02+05:30", "receivedAt" :"2026-05-04T00:00:04Z","#
                + #""properties":{"timestamp":"2026-05-04T00:00:00Z","messageId":"p","note":"\"id\":"}}"#
        )
        #expect(
            text(renewal)
                == #"{"type":"track","messageId":"m1~x","originalTimestamp":"2026-05-04T01:00:01.250Z","#
                + #""sentAt": "2026-05-04T01:00:02.000Z", "receivedAt" :"2026-05-04T01:00:04.000Z","#
                + #""properties":{"timestamp":"2026-05-04T00:00:00Z","messageId":"p","note":"\"id\":"}}"#
        )
        #expect(renewal.messageID == MessageIDHash("m1~x".utf8).value)
        // Sent 750 ms after it happened, so it happened 750 ms before it was received.
        #expect(renewal.eventTime == RenewalTests.base + 3_604_000 - 750)
    }

    @Test(arguments: [
        (#"{"timestamp":1777852800000}"#, #"{"timestamp":1777856400000}"#),
        (#"{"timestamp":1777852800}"#, #"{"timestamp":1777856400}"#),
        (#"{"timestamp":"1777852800"}"#, #"{"timestamp":"1777856400"}"#),
        (#"{"timestamp":"soon"}"#, #"{"timestamp":"soon"}"#),
        (#"{"timestamp":null,"messageId":7}"#, #"{"timestamp":null,"messageId":7}"#),
        (#"{"messageId":"cut"#, #"{"messageId":"cut~x"#), (#"{"messageId":""#, #"{"messageId":""#),
        (#"["messageId","x"]"#, #"["messageId","x"]"#), ("", ""), ("\"", "\""), ("}]", "}]"),
        (
            #"{"specversion":"1.0","id":"7","time":"2026-05-04T00:00:00Z","data":{"id":"9","messageId":"a"}}"#,
            #"{"specversion":"1.0","id":"7~x","time":"2026-05-04T01:00:00.000Z","data":{"id":"9","messageId":"a~x"}}"#
        ),
    ])
    func `forms that occur`(_ value: String, _ expected: String) {
        #expect(text(renew(value)) == expected)
    }

    @Test func `a messageId is never longer than Collie takes`() {
        let long = String(repeating: "a", count: 99)
        let renewal = renew(#"{"messageId":"\#(long)"}"#)
        #expect(text(renewal) == #"{"messageId":"\#(long.prefix(98))~x"}"#)
    }

    @Test func `headers of CloudEvents are made new, others stay`() {
        func pack(_ headers: [(String, String)]) -> [UInt8] {
            var bytes: [UInt8] = []
            for (name, value) in headers {
                bytes += [UInt8(name.utf8.count), 0]
                bytes += Array(name.utf8)
                bytes += [UInt8(value.utf8.count), 0, 0, 0]
                bytes += Array(value.utf8)
            }
            return bytes
        }
        let renewal = renew(
            "{}",
            headers: pack([
                ("ce_id", "7"), ("x", ""), ("Ce_Time", "2026-05-04T00:00:00Z"), ("ce_idea", "7"),
            ])
        )
        #expect(
            renewal.headers
                == pack([
                    ("ce_id", "7~x"), ("x", ""), ("Ce_Time", "2026-05-04T01:00:00.000Z"),
                    ("ce_idea", "7"),
                ])
        )
        #expect(renewal.messageID == MessageIDHash("7~x".utf8).value)
        #expect(renewal.eventTime == RenewalTests.base + 3_600_000)
        // Headers that are cut off stay as they are.
        #expect(renew("{}", headers: [5, 0, 65]).headers == [5, 0, 65])
    }

    @Test func `the simulated shop's events stay events, and are found again`() throws {
        var traffic = ShopTraffic(
            start: EventTime(milliseconds: RenewalTests.base),
            span: .minutes(10)
        )
        traffic.malformedShare = 0
        var shop = ShopRecords(traffic)
        var renewal = EventRenewal(mark: "~x")
        var ids: Set<UInt64> = []
        var count = 0
        while let record = shop.next() {
            count += 1
            let before = try object(record.value ?? [])
            renewal.renew(record, shift: 60_000, time: record.time! + 60_000)
            var after = try object(renewal.value)
            let id = after["messageId"] as? String ?? ""
            #expect(renewal.messageID == MessageIDHash(id.utf8).value)
            ids.insert(renewal.messageID ?? 0)
            #expect(id == (before["messageId"] as? String ?? "") + "~x")
            for field in ["originalTimestamp", "sentAt", "receivedAt"] {
                let moved = try time(after[field]) - 60_000
                #expect(try time(before[field]) == moved)
                after[field] = before[field]
            }
            #expect(renewal.eventTime == (try time(before["originalTimestamp"]) + 60_000))
            after["messageId"] = before["messageId"]
            #expect(NSDictionary(dictionary: after) == NSDictionary(dictionary: before))
        }
        #expect(count > 2_000 && ids.count > count * 97 / 100 && ids.count < count)
    }

    private func object(_ bytes: [UInt8]) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
    }

    private func time(_ value: Any?) throws -> Int64 {
        let text = try #require(value as? String)
        let date = try Date(
            text,
            strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        )
        return Int64((date.timeIntervalSince1970 * 1_000).rounded())
    }
}
