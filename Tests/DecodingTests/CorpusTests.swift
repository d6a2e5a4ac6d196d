import Events
import Foundation
import TestData
import Testing

@testable import Decoding

@Suite("Documents made by others")
struct CorpusTests {
    @Test(.enabled(if: sharedFolder != nil, "the shared folder is absent"))
    func `JSON is taken and what is none is refused`() throws {
        var plan = TrackingPlan.standard
        plan.bodyMax = 1 << 20
        let bench = Bench(plan, capacity: .init(rawBytes: 1 << 20, textBytes: 1 << 20, records: 8))
        let folder = try #require(sharedFolder)
            .appendingPathComponent("data/json/JSONTestSuite/test_parsing")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        #expect(names.count > 300)
        for name in names where name.hasSuffix(".json") {
            let bytes = try Array(Data(contentsOf: folder.appendingPathComponent(name)))
            let refusal = bench.read(bytes: bytes).refusal
            if name.hasPrefix("y_") { #expect(refusal != "invalid_json", "\(name)") }
            if name.hasPrefix("n_") { #expect(refusal == "invalid_json", "\(name)") }
            // As a value inside an event, it is judged the same.
            let wrapped =
                Array(#"{"type":"identify","userId":"u","z":"#.utf8) + bytes + [UInt8(ascii: "}")]
            let inner = bench.read(bytes: wrapped).refusal
            if name.hasPrefix("y_") { #expect(inner == nil, "\(name)") }
            if name.hasPrefix("n_"), !CorpusTests.closed.contains(name) {
                #expect(inner == "invalid_json", "\(name)")
            }
        }
    }

    /// What becomes JSON when it is put inside an object.
    static let closed: Set<String> = ["n_structure_no_data.json"]

    @Test(.enabled(if: sharedFolder != nil, "the shared folder is absent"))
    func `text that is no UTF-8 is refused`() throws {
        let data = try #require(sharedFile("data/json/utf8tests/utf8tests.bin"))
        let bench = Bench()
        var judged = 0
        for line in data.split(separator: 10) {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            let text = line[line.index(after: colon)...].drop { $0 == 32 }
            let valid = String(validating: text, as: UTF8.self) != nil
            let hasSigns = text.contains { $0 < 32 || $0 == 34 || $0 == 92 }
            guard !hasSigns else { continue }
            judged += 1
            let head = #"{"type":"identify","userId":"u","z":""#
            let refusal = bench.read(bytes: Array(head.utf8) + text + Array("\"}".utf8)).refusal
            #expect((refusal == nil) == valid, "\(String(decoding: line, as: UTF8.self))")
        }
        #expect(judged > 100)
    }

    @Test(.enabled(if: sharedFolder != nil, "the shared folder is absent"))
    func `the vendors' own fixtures are events or dead letters`() throws {
        let bench = Bench()
        var events = 0
        var letters: [String: Int] = [:]
        for name in [
            "action-destinations", "analytics-next", "dittofeed", "jitsu", "segment-docs-calls",
            "segment-docs",
        ] {
            let data = try #require(sharedFile("data/fixtures/\(name).ndjson"))
            for line in data.split(separator: 10) {
                let object = try JSONSerialization.jsonObject(with: line) as? [String: Any]
                let inner = try #require(object?["event"])
                let bytes = try JSONSerialization.data(
                    withJSONObject: inner,
                    options: .fragmentsAllowed
                )
                let event = bench.read(bytes: Array(bytes))
                if let refusal = event.refusal {
                    letters[refusal, default: 0] += 1
                    #expect(refusal != "invalid_json" && refusal != "too_large")
                } else {
                    events += 1
                    #expect(
                        event.identifierCount > 0
                            || !event.flags.isDisjoint(with: [.nobody, .inert, .everybody])
                    )
                }
            }
        }
        print("fixtures: \(events) events, dead letters \(letters.sorted { $0.key < $1.key })")
        #expect(events > 400)
    }
}

@Suite("Hostile documents")
struct HostileTests {
    @Test func `nesting to any depth is judged`() {
        let bench = Bench()
        let open = [UInt8](repeating: UInt8(ascii: "["), count: 32_768)
        #expect(bench.read(bytes: open).refusal == "invalid_json")
        let half = 16_384
        let closed =
            [UInt8](repeating: UInt8(ascii: "["), count: half)
            + [UInt8](repeating: UInt8(ascii: "]"), count: half)
        #expect(bench.read(bytes: closed).refusal == "not_an_object")
        let objects = String(repeating: #"{"a":"#, count: 5_000)
        #expect(bench.read(objects).refusal == "invalid_json")
        let known = String(repeating: #"{"context":"#, count: 2_000) + "1"
        #expect(bench.read(known + String(repeating: "}", count: 2_000)).refusal == "missing_type")
        let inside =
            #"{"type":"identify","userId":"u","z":"#
            + String(repeating: "[", count: 10_000) + String(repeating: "]", count: 10_000) + "}"
        #expect(bench.read(inside).refusal == nil)
    }

    @Test func `control characters and NULs are refused, escaped ones are text`() {
        let bench = Bench()
        for byte in UInt8(0)..<32 {
            var document = Array(#"{"type":"identify","userId":"a"#.utf8)
            document.append(byte)
            document += Array(#"b"}"#.utf8)
            #expect(bench.read(bytes: document).refusal == "invalid_json")
        }
        let event = bench.read(#"{"type":"identify","userId":"a\u0000b"}"#)
        #expect(bench.identifiers(event) == ["user_id:a\0b"])
        #expect(bench.read(bytes: [0]).refusal == "invalid_json")
        #expect(bench.read(bytes: Array("{}".utf8) + [0]).refusal == "invalid_json")
    }

    @Test func `every truncation of an event is refused`() {
        let bench = Bench()
        let document = Throughput.event(1)
        for count in 0..<document.count {
            #expect(bench.read(bytes: Array(document[..<count])).refusal == "invalid_json")
        }
        #expect(bench.read(bytes: document).refusal == nil)
    }

    @Test(arguments: 0..<8)
    func `random changes never harm, and agree with another parser`(_ seed: UInt64) {
        var state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
        func random(_ bound: Int) -> Int {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Int(state % UInt64(bound))
        }
        let bench = Bench()
        let signs = Array("{}[]:,\"\\ \n0e-.u/tfn\u{7f}".utf8) + [0, 0xff, 0xc3, 0xa9, 0xed]
        let seeds = [
            Throughput.event(3),
            Array(
                (#"{"type":"merge","mergeProperties":[{"type":"email","value":"a@b.c"}],"z":[1.5e3,"#
                    + #"-0,true,false,null,"\u00e9\ud83d\ude00\n",{"a":{}}],"properties":{"products":"#
                    + #"[{"sku":"1","price":"2"},{}]}}"#).utf8
            ),
        ]
        for round in 0..<1_500 {
            var document = seeds[round & 1]
            for _ in 0...random(3) {
                let place = random(document.count)
                switch random(4) {
                case 0: document[place] = signs[random(signs.count)]
                case 1: document.insert(signs[random(signs.count)], at: place)
                case 2: document.remove(at: place)
                default:
                    let end = min(document.count, place + random(40))
                    document.removeSubrange(place..<end)
                    if document.isEmpty { document = [32] }
                }
            }
            let refusal = bench.read(bytes: document).refusal
            let isJSON =
                (try? JSONSerialization.jsonObject(
                    with: Data(document),
                    options: .fragmentsAllowed
                )) != nil
            // Foundation takes what is not quite JSON; what it refuses is none but for numbers too
            // large for it and half surrogate pairs.
            if refusal != "invalid_json", refusal != "not_an_object" {
                #expect(isJSON, "\(String(decoding: document, as: UTF8.self))")
            }
        }
    }
}
