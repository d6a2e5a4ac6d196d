import Engine
import Events
import Foundation
import Pipeline
import Testing

@Suite("Replay of files", .serialized)
struct ReplayTests {
    private let replay: Replay

    init() throws { replay = try Replay() }

    /// Somebody who may be written to puts a cart together at noon in India, and leaves.
    private static let visit = [
        #"{"type":"identify","userId":"u","messageId":"1","timestamp":"2026-05-04T06:30:00Z","traits":{"email":"u@example.com"}}"#,
        #"{"type":"track","event":"Consent Updated","userId":"u","messageId":"2","timestamp":"2026-05-04T06:30:01Z","properties":{"channel":"email","state":"subscribed"}}"#,
        #"{"type":"track","event":"Product Added","userId":"u","messageId":"3","timestamp":"2026-05-04T06:30:02Z","properties":{"product_id":"p","price":10,"currency":"INR","quantity":1}}"#,
    ]

    /// Somebody else looks in.
    private static func call(_ id: String, at time: String) -> String {
        #"{"type":"page","anonymousId":"a","messageId":"\#(id)","timestamp":"\#(time)"}"#
    }

    private func commands(_ lines: [String], untilIdle: Bool) throws -> [String] {
        let file = try TemporaryFile(lines)
        let sink = CollectingSink()
        _ = try replay.run([file.path], untilIdle: untilIdle, into: sink)
        return try sink.records(of: "send.email").map { $0.headers["ce_time"] ?? "" }
    }

    @Test func `without until-idle time stops behind the last event`() throws {
        let due = "2026-05-04T07:30:02.000Z"
        #expect(try commands(ReplayTests.visit, untilIdle: false) == [])
        #expect(try commands(ReplayTests.visit, untilIdle: true) == [due])
        // Second 07:30:02 is over when an event behind it, less the disorder of five minutes, comes.
        let early = [ReplayTests.call("4", at: "2026-05-04T07:35:02Z")]
        #expect(try commands(ReplayTests.visit + early, untilIdle: false) == [])
        let late = [ReplayTests.call("4", at: "2026-05-04T07:35:03Z")]
        #expect(try commands(ReplayTests.visit + late, untilIdle: false) == [due])
    }

    @Test func `until-idle decides as if an event far behind had come`() throws {
        let last = [ReplayTests.call("4", at: "2026-08-01T00:00:00Z")]
        #expect(
            try commands(ReplayTests.visit, untilIdle: true)
                == commands(ReplayTests.visit + last, untilIdle: false)
        )
    }

    @Test func `nothing is nothing`() throws {
        #expect(try commands([], untilIdle: true) == [])
        #expect(try commands(["", "  ", ""], untilIdle: true) == [])
    }

    @Test func `compressed, cut into files and plain input give the same bytes`() throws {
        let file = try TrafficFile(events: 20_000, shoppers: 2_000, seed: 3)
        let plain = try Data(contentsOf: URL(fileURLWithPath: file.path))
        let lines = plain.split(separator: 10).map { String(decoding: $0, as: UTF8.self) }
        let first = try replay.run([file.path], shards: 2, decoders: 2)
        #expect(first.commands > 100)
        let packed = try TemporaryFile(lines, suffix: "ndjson.lz4")
        let isSmaller = try Data(contentsOf: URL(fileURLWithPath: packed.path)).count < plain.count
        #expect(isSmaller)
        #expect(try replay.run([packed.path], shards: 2, decoders: 2) == first)
        let half = try TemporaryFile(Array(lines[..<9_999]))
        let rest = try TemporaryFile(Array(lines[9_999...]), suffix: "ndjson.lz4")
        #expect(try replay.run([half.path, rest.path], shards: 2, decoders: 2) == first)
        // Frames one after the other are one file.
        let head = try TemporaryFile(Array(lines[..<9_999]), suffix: "ndjson.lz4")
        let joined = try TemporaryFile(
            Data(contentsOf: URL(fileURLWithPath: head.path))
                + Data(contentsOf: URL(fileURLWithPath: rest.path))
        )
        #expect(try replay.run([joined.path], shards: 2, decoders: 2) == first)
        // The last line needs no newline.
        let open = try TemporaryFile(plain.dropLast())
        #expect(try replay.run([open.path], shards: 2, decoders: 2) == first)
    }

    @Test func `compressed input that is cut off or damaged is an error`() throws {
        let packed = try TemporaryFile(
            (0..<5_000).map { ReplayTests.call("\($0)", at: "2026-05-04T06:30:00Z") },
            suffix: "ndjson.lz4"
        )
        let bytes = try Data(contentsOf: URL(fileURLWithPath: packed.path))
        var damaged = bytes
        damaged[bytes.count / 2] ^= 0xff
        for broken in [bytes.dropLast(), bytes.prefix(bytes.count / 2), damaged] {
            let file = try TemporaryFile(broken)
            #expect(throws: SourceError.self) {
                try replay.run([file.path], shards: 1, decoders: 1)
            }
        }
    }
}
