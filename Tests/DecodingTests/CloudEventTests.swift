import Events
import Testing

@testable import Decoding

@Suite("CloudEvents")
struct CloudEventTests {
    let bench = Bench()
    static let data = #"{"type":"track","event":"Product Added","userId":"u1"}"#
    static let binary = [
        ("ce_specversion", "1.0"), ("ce_id", "i1"), ("ce_source", "/shop"),
        ("ce_type", "shop.event"), ("ce_time", "2026-05-01T12:00:00Z"),
        ("content-type", "application/json"), ("traceparent", "00-1-2-01"),
    ]

    static func structured(_ data: String, id: String = "i1") -> String {
        #"{"specversion":"1.0","id":"\#(id)","source":"/shop","type":"shop.event","#
            + #""time":"2026-05-01T12:00:00Z","data":\#(data)}"#
    }

    @Test func `binary mode reads the value as data and its attributes from headers`() {
        let event = bench.read(
            CloudEventTests.data,
            timestamp: 1_777_636_900_000,
            headers: CloudEventTests.binary
        )
        #expect(event.refusal == nil)
        #expect(bench.identifiers(event) == ["user_id:u1"])
        #expect(event.time.milliseconds == TimeTests.noon)
        #expect(bench.string(event.messageID) == "i1")
        #expect(bench.string(event.traceparent) == "00-1-2-01")
    }

    @Test func `structured mode is known by its content type, and in a file by its shape`() {
        let text = CloudEventTests.structured(CloudEventTests.data)
        let headers = [("Content-Type", "application/cloudevents+json; charset=utf-8")]
        for event in [bench.read(text), bench.read(text, headers: headers)] {
            #expect(event.refusal == nil)
            #expect(bench.identifiers(event) == ["user_id:u1"])
            #expect(event.meaning == .productAdded)
            #expect(event.time.milliseconds == TimeTests.noon)
            #expect(bench.string(event.messageID) == "i1")
        }
    }

    @Test func `the data's own time and messageId come first`() {
        let data = #"{"type":"identify","userId":"u","messageId":"m1","timestamp":5}"#
        let event = bench.read(CloudEventTests.structured(data))
        #expect(event.time.milliseconds == 5_000)
        #expect(bench.string(event.messageID) == "m1")
    }

    @Test func `a repeat has the same source and id in either mode`() {
        let one = bench.read(CloudEventTests.structured(CloudEventTests.data)).fingerprint
        let two = bench.read(CloudEventTests.data, headers: CloudEventTests.binary).fingerprint
        let other = bench.read(CloudEventTests.structured(CloudEventTests.data, id: "i2"))
        #expect(one != 0)
        #expect(one == two)
        #expect(one != other.fingerprint)
    }

    @Test func `data that is no object is no event`() {
        for data in ["7", "[]", "null", #""x""#] {
            let text = CloudEventTests.structured(data)
            let headers = [("content-type", "application/cloudevents+json")]
            #expect(bench.read(text, headers: headers).refusal == "not_an_object")
        }
        let nested = CloudEventTests.structured(#"{"data":\#(CloudEventTests.data)}"#)
        #expect(bench.read(nested).refusal == "missing_type")
    }

    @Test func `a document of its own may have a field called data`() {
        let event = bench.read(
            #"{"type":"identify","userId":"u1","data":{"userId":"u2","type":"track"}}"#
        )
        #expect(bench.identifiers(event) == ["user_id:u1"])
    }

    @Test func `a record without a value is a tombstone or nothing`() {
        let tombstone = bench.read(
            bytes: nil,
            timestamp: TimeTests.noon,
            headers: CloudEventTests.binary
        )
        #expect(tombstone.refusal == nil)
        #expect(tombstone.flags.contains(.inert))
        #expect(tombstone.time.milliseconds == TimeTests.noon)
        #expect(bench.decoder.counters.tombstones == 1)
        #expect(bench.read(bytes: nil, timestamp: 1).refusal == "invalid_json")
        #expect(bench.read("").refusal == "invalid_json")
    }

    @Test func `headers that lie about their length are passed over`() {
        bench.block.reset()
        bench.add(Array(CloudEventTests.data.utf8), headers: [("ce_id", "i1")])
        for length in 0..<bench.block[record: 0].headers.length {
            bench.block[record: 0].headers.length = length
            bench.decoder.decode(bench.block)
            #expect(bench.block[event: 0].refusal == nil)
        }
    }
}
