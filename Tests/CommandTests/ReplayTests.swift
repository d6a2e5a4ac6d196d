import Foundation
import Testing

@Suite("collie replay")
struct ReplayTests {
    let folder: Folder

    init() throws { folder = try Folder() }

    private func generate(_ name: String, _ more: String...) throws -> String {
        let path = folder.path + "/" + name
        let outcome = try bash(
            "collie generate --events 2000 \(more.joined(separator: " ")) --output '\(path)'"
        )
        #expect(outcome.code == 0)
        #expect(outcome.errors == "")
        return path
    }

    @Test func `the same events come to the same bytes, however they come`() throws {
        let plain = try generate("events.ndjson")
        let packed = try generate("events.ndjson.lz4")
        let bytes = try Data(contentsOf: URL(filePath: packed))
        #expect(bytes.prefix(4) == Data([4, 0x22, 0x4d, 0x18]))
        let outcome = try collie("replay", "--input", plain, "--until-idle")
        #expect(outcome.code == 0)
        #expect(outcome.errors.contains("send commands"))
        let objects = try outcome.objects()
        #expect(objects.contains { $0["topic"] as? String == "send.email" })
        for object in objects {
            #expect(Set(object.keys) == ["topic", "key", "headers", "value"])
            #expect(object["headers"] is [String: String])
            let isDeadLetter = object["topic"] as? String == "collie.dead-letters"
            #expect(isDeadLetter || object["value"] is [String: Any])
        }
        #expect(try collie("replay", packed, "--until-idle").output == outcome.output)
        let piped = try collie("replay", "--input", "-", "--until-idle", "--quiet", input: plain)
        #expect(piped.output == outcome.output)
        #expect(piped.errors == "")
        // Its halves, one after the other, on another number of threads.
        let lines = try String(contentsOfFile: plain, encoding: .utf8).split(separator: "\n")
        let first = try folder.write("1", lines[..<700].joined(separator: "\n"))
        let second = try folder.write("2", lines[700...].joined(separator: "\n") + "\n")
        let halves = try collie(
            "replay",
            "--input",
            first,
            second,
            "--until-idle",
            "--shards",
            "3",
            "--threads",
            "2"
        )
        #expect(halves.output == outcome.output)
        let written = folder.path + "/out.ndjson"
        #expect(try collie("replay", plain, "--until-idle", "--output", written).output == "")
        #expect(try String(contentsOfFile: written, encoding: .utf8) == outcome.output)
    }

    @Test func `what is made is the same each time, and another seed is another shop`() throws {
        let first = try Data(contentsOf: URL(filePath: try generate("a")))
        #expect(try Data(contentsOf: URL(filePath: try generate("b"))) == first)
        #expect(try Data(contentsOf: URL(filePath: try generate("c", "--seed", "2"))) != first)
        #expect(first.split(separator: 10).count == 2_000)
    }

    @Test func `a file that is not there, or cannot be written, is named`() throws {
        let plain = try folder.write("one", "{}\n")
        let missing = try collie("replay", "--input", "/no/such/file")
        #expect(missing.code == 4)
        #expect(
            missing.errors
                == "collie replay: cannot read /no/such/file: No such file or directory\n"
        )
        let place = try collie("replay", plain, "--output", "/no/such/folder/out")
        #expect(place.code == 4)
        #expect(place.errors.contains("cannot write /no/such/folder/out: No such file"))
        let full = try collie("replay", plain, "--output", "/dev/full")
        #expect(full.code == 4)
        #expect(full.errors.contains("cannot write /dev/full: No space left on device"))
        #expect(try collie("replay", folder.path).code == 4)
        let made = try collie("generate", "--events", "10", "--output", "/dev/full")
        #expect(made.code == 4)
        let damaged = try generate("damaged.lz4")
        var bytes = Array(try Data(contentsOf: URL(filePath: damaged)))
        for index in 100..<200 { bytes[index] ^= 0x55 }
        let outcome = try collie("replay", try folder.write("damaged.lz4", bytes))
        #expect(outcome.code == 4)
        #expect(outcome.errors.contains("damaged.lz4 is damaged"))
    }

    /// Inputs that nobody's collector would write, and how many dead letters they come to.
    private static let hostile: [(name: String, bytes: @Sendable () -> [UInt8], letters: Int)] = [
        ("brackets", { Array(repeating: UInt8(ascii: "["), count: 10_000_000) }, 1),
        ("braces", { Array(repeatElement(Array("{\"a\":".utf8), count: 5_000).joined()) }, 1),
        ("no UTF-8", { [0xff, 0xfe, 10, 0x22, 0xc3, 0x28, 0x22, 10] }, 2),
        ("zeros", { [UInt8](repeating: 0, count: 100_000) + [10] }, 1),
        ("null", { Array("null\n\"\"\n[]\n7\ntrue\n".utf8) }, 5),
        ("empty", { [] }, 0),
        ("blank", { Array("\n \n\r\n\t\n".utf8) }, 0),
        ("no newline", { Array("{\"type\":\"track\"}".utf8) }, 1),
        ("cut", { Array("{\"type\":\"track\",\"event\":\"Order Comp".utf8) }, 1),
    ]

    @Test(arguments: hostile.indices)
    func `whatever comes ends as dead letters, and the replay ends well`(_ index: Int) throws {
        let (name, bytes, letters) = ReplayTests.hostile[index]
        // A good event behind it must still be read.
        let good = """
            {"type":"track","event":"Order Completed","messageId":"m","userId":"u",\
            "timestamp":"2026-05-04T06:00:00Z","properties":{"order_id":"o"},\
            "context":{"traits":{"email":"u@example.com"}}}
            """
        let first = try folder.write(name, bytes())
        let second = try folder.write("good", good)
        let outcome = try collie("replay", first, second, "--until-idle")
        #expect(outcome.code == 0, "\(outcome.errors)")
        let topics = try outcome.objects().compactMap { $0["topic"] as? String }
        #expect(topics.count { $0 == "collie.dead-letters" } == letters)
        #expect(topics.contains("send.email"))
        #expect(outcome.errors.contains("\(letters) dead letters"))
    }
}
