import Events
import TestData
import Testing

@testable import Decoding

@Suite("Envelope")
struct EnvelopeTests {
    let bench = Bench()

    @Test(arguments: [
        (#"{"type":"track","event":"Product Added","userId":"u1"}"#, CallType.track),
        (#"{"type":"identify","userId":"u1"}"#, .identify),
        (#"{"type":"alias","userId":"u1","previousId":"a1"}"#, .alias),
        (#"{"type":"page","anonymousId":"a1"}"#, .page),
        (#"{"type":"screen","anonymousId":"a1"}"#, .screen),
        (#"{"type":"group","anonymousId":"a1"}"#, .group),
        (#"{"type":"merge","mergeProperties":[{"type":"email","value":"a@b.c"}]}"#, .alias),
        (#"{"type":"TRACK","event":"x","userId":7}"#, .track),
    ])
    func `every call of the specification is known`(_ json: String, _ call: CallType) {
        let event = bench.read(json)
        #expect(event.refusal == nil)
        #expect(event.call == call)
    }

    @Test(arguments: [
        ("", "invalid_json"),
        ("{", "invalid_json"),
        (#"{"type":"track"}{"#, "invalid_json"),
        (#"{"type":"track","event":"x","userId":"u1"} x"#, "invalid_json"),
        (#"{"type":"track","event":"x","userId":"u1","z":[1,,2]}"#, "invalid_json"),
        (#"{"type":"track","event":"x","userId":"u1","z":01}"#, "invalid_json"),
        (#"{"type":"track","event":"x","userId":"u1","z":"\x"}"#, "invalid_json"),
        (#"{"type":"track","event":"x","userId":"u1","z":"\ud800"}"#, "invalid_json"),
        (#"{"type":"track","event":"x","userId":"u1","\q":1}"#, "invalid_json"),
        (#"{"type":"track","event":"x","userId":"u1","z":tru}"#, "invalid_json"),
        ("[]", "not_an_object"),
        ("3", "not_an_object"),
        (#""x""#, "not_an_object"),
        ("null", "not_an_object"),
        (#"{"event":"x","userId":"u1"}"#, "missing_type"),
        (#"{"type":null,"event":"x","userId":"u1"}"#, "missing_type"),
        (#"{"type":" ","event":"x","userId":"u1"}"#, "missing_type"),
        (#"{"type":"audience","userId":"u1"}"#, "unknown_type"),
        (#"{"type":5,"userId":"u1"}"#, "unknown_type"),
        (#"{"type":"track","event":"x"}"#, "missing_identity"),
        (#"{"type":"track","event":"x","userId":null}"#, "missing_identity"),
        (#"{"type":"track","userId":"u1"}"#, "invalid_field"),
        (#"{"type":"track","event":"","userId":"u1"}"#, "invalid_field"),
        (#"{"type":"track","event":"x","userId":{}}"#, "invalid_field"),
    ])
    func `what is no event says why`(_ json: String, _ reason: String) {
        #expect(bench.read(json).refusal == reason)
    }

    @Test(arguments: ["userId", "anonymousId", "previousId", "messageId"])
    func `an id of a wrong type names its field`(_ field: String) {
        for value in ["{}", "[]", "true", "false", "[1]", "1e3"] {
            let event = bench.read(
                #"{"type":"track","event":"x","email":"u","\#(field)":\#(value),"#
                    + #""properties":{"email":"a@b.c"}}"#
            )
            #expect(event.refusal == "invalid_field", "\(field) \(value)")
            #expect(bench.string(event.body) == field)
        }
    }

    @Test func `of equal keys the first counts`() {
        let event = bench.read(
            #"{"type":"track","event":"x","userId":"u1","userId":"u2","#
                + #""properties":{"cart_id":"c1"},"properties":{"cart_id":"c2","order_id":"o"}}"#
        )
        #expect(bench.identifiers(event) == ["user_id:u1"])
        #expect(bench.string(event.cart.text) == "c1")
        #expect(!event.order.isSet)
    }

    @Test func `keys and values with escapes are the same keys and values`() {
        let event = bench.read(
            #"{"t\u0079pe":"tr\u0061ck","event":"Product\u0020Added","user\u0049d":"\u0075\u00e9\n","#
                + #""properties":{"cart_id":"\ud83d\ude00"}}"#
        )
        #expect(event.meaning == .productAdded)
        #expect(bench.identifiers(event) == ["user_id:ué"])
        #expect(bench.string(event.cart.text) == "😀")
    }

    @Test func `names are known without case, and by their aliases`() {
        for name in ["Product Added", "PRODUCT ADDED", " product added ", "Added Product"] {
            let event = bench.read(#"{"type":"track","event":"\#(name)","userId":"u"}"#)
            #expect(event.meaning == .productAdded)
            #expect(event.name == Bench.name("Product Added"))
        }
        let other = bench.read(#"{"type":"track","event":"Tea Brewed","userId":"u"}"#)
        #expect(other.meaning == .other)
        #expect(other.name == Bench.name("tea brewed"))
        for _ in 0..<2 {
            let cyrillic = bench.read(#"{"type":"track","event":"ЧАЙ Заварен","userId":"u"}"#)
            #expect(cyrillic.name == Bench.name("чай заварен"))
        }
    }

    @Test func `calls without a name of their own have one that flows can use`() {
        let identify = bench.read(#"{"type":"identify","userId":"u"}"#)
        #expect(identify.name == Bench.name("$identify"))
        let page = bench.read(#"{"type":"page","userId":"u","event":"x"}"#)
        #expect(page.name == Bench.name("$page"))
    }

    @Test(.enabled(if: sharedFolder != nil, "the shared folder is absent"))
    func `the standard plan knows every event of the e-commerce specification`() throws {
        let data = try #require(
            sharedFile("data/fixtures/segment-ecommerce-v2-properties.csv")
        )
        let known = Set(
            TrackingPlan.standard.events.flatMap { [$0.name] + $0.aliases }.map { $0.lowercased() }
        )
        for line in data.split(separator: 10).dropFirst() {
            let name = String(decoding: line.prefix { $0 != UInt8(ascii: ",") }, as: UTF8.self)
            #expect(known.contains(name.lowercased()), "\(name)")
        }
    }

    @Test func `a group call is accepted and does nothing`() {
        let event = bench.read(#"{"type":"group","userId":"u1","groupId":"g"}"#, timestamp: 5)
        #expect(event.refusal == nil)
        #expect(event.flags.contains(.inert))
        #expect(event.time == EventTime(milliseconds: 5))
    }

    @Test func `bodies, traits and messageIds have bounds`() {
        func body(_ count: Int) -> String {
            let head = #"{"type":"track","event":"x","userId":"u","z":""#
            return head + String(repeating: "z", count: count - head.utf8.count - 2) + #""}"#
        }
        #expect(bench.read(body(32_768)).refusal == nil)
        #expect(bench.read(body(32_769)).refusal == "too_large")
        func traits(_ count: Int) -> String {
            (0..<count).map { #""t\#($0)":1"# }.joined(separator: ",")
        }
        #expect(
            bench.read(#"{"type":"identify","userId":"u","traits":{\#(traits(300))}}"#).refusal
                == nil
        )
        let own = bench.read(#"{"type":"identify","userId":"u","traits":{\#(traits(301))}}"#)
        #expect(own.refusal == "invalid_field")
        #expect(bench.string(own.body) == "traits")
        let context = bench.read(
            #"{"type":"identify","userId":"u","context":{"traits":{\#(traits(301))}}}"#
        )
        #expect(bench.string(context.body) == "context.traits")
        func message(_ count: Int) -> String {
            let id = String(repeating: "m", count: count)
            return #"{"type":"identify","userId":"u","messageId":"\#(id)"}"#
        }
        #expect(bench.read(message(100)).refusal == nil)
        #expect(bench.read(message(101)).refusal == "invalid_field")
    }

    @Test func `a block that has no room left refuses the event instead of failing`() {
        let small = Bench(
            capacity: .init(rawBytes: 16_384, textBytes: 40, records: 8)
        )
        let products = Array(repeating: #"{"id":1}"#, count: 250).joined(separator: ",")
        for _ in 0..<6 {
            small.add(
                Array(
                    (#"{"type":"track","event":"x","userId":"u","properties":{"products":["#
                        + products + "]}}").utf8
                )
            )
        }
        small.decoder.decode(small.block)
        #expect(small.block[event: 0].productCount == 250)
        #expect((1..<6).contains { small.block[event: $0].refusal == "too_large" })
        let escaped = #"\u0061"# + String(repeating: "b", count: 99)
        let long = small.read(#"{"type":"identify","userId":"\#(escaped)"}"#)
        #expect(long.refusal == "too_large")
        #expect(small.read(#"{"type":"identify","userId":"u"}"#).refusal == nil)
    }
}
