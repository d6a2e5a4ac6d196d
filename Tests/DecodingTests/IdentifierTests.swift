import Events
import Testing

@testable import Decoding

@Suite("Identifiers of an event")
struct IdentifierTests {
    let bench = Bench()

    func identifiers(_ fields: String) -> [String] {
        let event = bench.read(#"{"type":"track","event":"x",\#(fields)}"#)
        return event.refusal.map { ["refused: " + $0] } ?? bench.identifiers(event)
    }

    @Test func `all kinds are found, strongest first`() {
        let found = identifiers(
            #""anonymousId":"a1","userId":"U1","context":{"device":{"id":"d1","token":"t1"}},"#
                + #""traits":{"email":" Ann@Example.COM ","phone":"+91 98765-43210","#
                + #""wa_id":"+91 98765 43210","viber_id":"v1","telegram_chat_id":-100123,"#
                + #""web_push_token":"w1"}"#
        )
        #expect(
            found == [
                "user_id:U1", "email:ann@example.com", "phone:+919876543210",
                "wa_id:919876543210", "viber_id:v1", "telegram_chat_id:-100123",
                "push_token:t1", "web_push_token:w1", "anonymous_id:a1", "device_id:d1",
            ]
        )
    }

    @Test(arguments: ["traits", "properties"])
    func `e-mail and phone are read wherever they stand`(_ place: String) {
        let own = identifiers(#""\#(place)":{"email":"a@b.c","phone":"+919876543210"}"#)
        #expect(own == ["email:a@b.c", "phone:+919876543210"])
        let context = identifiers(#""context":{"traits":{"email":"a@b.c"}}"#)
        #expect(context == ["email:a@b.c"])
    }

    @Test func `an unusable address leaves the next place to be read`() {
        let found = identifiers(
            #""userId":"u","traits":{"email":7},"context":{"traits":{"email":"none"}},"#
                + #""properties":{"email":"a@b.c"}"#
        )
        #expect(found == ["user_id:u", "email:a@b.c"])
        #expect(bench.decoder.counters.ignoredFields == 1)
        #expect(bench.decoder.counters.blockedIdentifiers == 1)
    }

    @Test func `numbers become the text they are written as`() {
        #expect(identifiers(#""userId":12345678901234567890"#) == ["user_id:12345678901234567890"])
        #expect(identifiers(#""userId":1.50"#) == ["user_id:1.50"])
        #expect(identifiers(#""userId":1e5"#) == ["refused: invalid_field"])
    }

    @Test func `user ids keep their case and are trimmed and composed`() {
        #expect(identifiers(#""userId":" Ann ""#) == ["user_id:Ann"])
        let composed = bench.read(#"{"type":"identify","userId":"\u00e9"}"#)
        let hash = bench.block[identifier: Int(composed.identifiers)].hash
        let decomposed = bench.read(#"{"type":"identify","userId":"e\u0301\u00a0"}"#)
        #expect(bench.block[identifier: Int(decomposed.identifiers)].hash == hash)
    }

    @Test(arguments: [
        "", " ", "0", "000", "-", "0-0", "-1", "null", "NULL", "None", "nan", "undefined",
        "[object Object]", "true", "False", "anonymous", "Guest", "id", "email",
        "not_authenticated", "distinct_id", "unknown", "test", " Test ",
        "00000000-0000-0000-0000-000000000000",
    ])
    func `blocked values identify nobody`(_ value: String) {
        let alone = bench.read(#"{"type":"track","event":"x","userId":"\#(value)"}"#)
        #expect(alone.refusal == nil)
        #expect(alone.flags.contains(.nobody))
        #expect(alone.identifierCount == 0)
        #expect(bench.decoder.counters.blockedIdentifiers == 1)
        let other = bench.read(
            #"{"type":"track","event":"x","userId":"\#(value)","anonymousId":"a1"}"#
        )
        #expect(!other.flags.contains(.nobody))
        #expect(bench.identifiers(other) == ["anonymous_id:a1"])
    }

    @Test(arguments: ["9999999999", "+919999999999", "1234567890"])
    func `placeholder phones identify nobody`(_ phone: String) {
        var plan = TrackingPlan.standard
        plan.defaultCountry = PackedLetters.country("IN")!
        let bench = Bench(plan)
        let event = bench.read(#"{"type":"identify","traits":{"phone":"\#(phone)"}}"#)
        #expect(event.flags.contains(.nobody))
    }

    @Test func `the shop's own list blocks addresses, numbers and ids`() {
        var plan = TrackingPlan.standard
        plan.blockedEndpoints = ["Info@Shop.example", "+919876543210"]
        plan.blockedValues.insert("гость")
        let bench = Bench(plan)
        let event = bench.read(
            #"{"type":"identify","userId":"Гость","traits":{"email":"info@shop.example","#
                + #""phone":"+91 98765 43210"}}"#
        )
        #expect(event.flags.contains(.nobody))
        #expect(bench.decoder.counters.blockedIdentifiers == 3)
    }

    @Test func `national numbers are read for the shop's country`() {
        var plan = TrackingPlan.standard
        plan.defaultCountry = PackedLetters.country("IN")!
        let bench = Bench(plan)
        let event = bench.read(#"{"type":"identify","traits":{"phone":"098765 43210"}}"#)
        #expect(bench.identifiers(event) == ["phone:+919876543210"])
        let identifier = bench.block[identifier: Int(event.identifiers)]
        #expect(identifier.country == PackedLetters.country("IN"))
    }

    @Test(arguments: ["[1]", "{}", "true"])
    func `an address or device id of a wrong type is ignored and counted`(_ value: String) {
        let found = identifiers(
            #""userId":"u","traits":{"email":\#(value),"phone":\#(value)},"#
                + #""context":{"device":{"id":\#(value)}}"#
        )
        #expect(found == ["user_id:u"])
        #expect(bench.decoder.counters.ignoredFields == 3)
    }

    @Test func `an alias names the previous id in both roles`() {
        let event = bench.read(#"{"type":"alias","userId":"u1","previousId":"p1"}"#)
        #expect(
            bench.identifiers(event) == [
                "user_id:u1", "previous user_id:p1", "previous anonymous_id:p1",
            ]
        )
        #expect(event.flags.contains(.joinsUsers))
        let same = bench.read(#"{"type":"alias","userId":"u1","previousId":"u1"}"#)
        #expect(bench.identifiers(same) == ["user_id:u1", "previous anonymous_id:u1"])
        let other = bench.read(#"{"type":"identify","userId":"u1","previousId":"p1"}"#)
        #expect(bench.identifiers(other) == ["user_id:u1"])
        #expect(!other.flags.contains(.joinsUsers))
    }

    @Test func `an alias whose previous id names nobody joins nobody`() {
        let event = bench.read(
            #"{"type":"alias","userId":"u1","previousId":"undefined","anonymousId":"a1"}"#
        )
        #expect(bench.identifiers(event) == ["user_id:u1", "anonymous_id:a1"])
        #expect(!event.flags.contains(.joinsUsers))
    }

    @Test func `a merge joins what it lists`() {
        let event = bench.read(
            #"{"type":"merge","mergeProperties":[{"type":"email","value":"A@b.c"},"#
                + #"{"type":"mobile","value":"+1-202-555-0146"},{"type":"shoe","value":"x"}]}"#
        )
        #expect(bench.identifiers(event) == ["email:a@b.c", "phone:+12025550146"])
        #expect(event.flags.contains(.joinsUsers))
        #expect(event.name == Bench.name("$merge"))
    }

    @Test func `external ids name their own kind`() {
        let found = identifiers(
            #""context":{"externalIds":[{"id":"u9","type":"user_id","collection":"users","#
                + #""encoding":"none"},{"id":"d9","type":"ios.idfa"},"#
                + #"{"id":"5d41402a","type":"email","encoding":"md5"},7,{"type":"phone"}]}"#
        )
        #expect(found == ["user_id:u9", "device_id:d9"])
    }

    @Test func `an identifier named twice counts once`() {
        let found = identifiers(
            #""userId":"u","context":{"externalIds":[{"id":"u","type":"user_id"}]}"#
        )
        #expect(found == ["user_id:u"])
    }

    @Test func `hashes are those of kind and normalised value`() {
        let event = bench.read(#"{"type":"identify","traits":{"email":"Ann@Example.com"}}"#)
        let hash = Bench.key.hash(kind: IdentifierKind.email.rawValue, "ann@example.com")
        #expect(bench.block[identifier: Int(event.identifiers)].hash == hash)
    }

    @Test func `a repeat has the same messageId and strongest identifier`() {
        func fingerprint(_ fields: String) -> UInt64 {
            bench.read(#"{"type":"track","event":"x",\#(fields)}"#).fingerprint
        }
        let first = fingerprint(#""messageId":"m1","userId":"u1","anonymousId":"a1""#)
        #expect(first != 0)
        #expect(first == fingerprint(#""messageId":"m1","userId":"u1","anonymousId":"a2""#))
        #expect(first != fingerprint(#""messageId":"m1","userId":"u2","anonymousId":"a1""#))
        #expect(first != fingerprint(#""messageId":"m2","userId":"u1","anonymousId":"a1""#))
        #expect(fingerprint(#""userId":"u1""#) == 0)
    }
}
