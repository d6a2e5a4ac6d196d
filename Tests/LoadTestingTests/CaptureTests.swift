import Foundation
import LoadTesting
import Testing

@Suite("Captures")
struct CaptureTests {
    let path =
        NSTemporaryDirectory() + "collie-capture-\(getpid())-\(UInt32.random(in: 0 ... .max))"

    /// Records of three partitions, with and without each part; times run back now and then.
    private static func records(_ count: Int, seed: UInt64) -> [TrafficRecord] {
        var random = Random(seed: seed)
        var offsets: [Int64] = [7, 0, 1_000_000]
        return (0..<count).map { index in
            var record = TrafficRecord()
            let partition = random.below(3)
            record.partition = Int32(partition)
            record.offset = offsets[partition]
            offsets[partition] += Int64(1 + random.below(3))
            if !random.happens(0.05) {
                record.time = 1_777_000_000_000 + Int64(index * 3) - Int64(random.below(50))
            }
            func bytes(_ most: Int) -> [UInt8] {
                (0..<random.below(most)).map { _ in UInt8(random.below(4)) }
            }
            if random.happens(0.8) { record.key = bytes(20) }
            if random.happens(0.5) { record.headers = [1, 0, 65, 2, 0, 0, 0] + [66, 67] }
            if random.happens(0.9) { record.value = bytes(2_000) }
            return record
        }
    }

    private func write(_ records: [TrafficRecord]) throws {
        let writer = try CaptureWriter(path: path, topic: "t", partitions: 3, at: "now")
        for record in records { try writer.add(record) }
        try writer.close()
        #expect(writer.records == records.count)
        #expect(
            try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int == writer.bytes
        )
    }

    private func remove() { try? FileManager.default.removeItem(atPath: path) }

    @Test(arguments: [0, 1, 3_000])
    func `what was written is read, each partition in order, all of them by time`(
        count: Int
    ) throws {
        defer { remove() }
        let records = CaptureTests.records(count, seed: UInt64(count))
        try write(records)
        let file = try CaptureFile(path: path)
        try file.verify()
        #expect(file.manifest.topic == "t" && file.manifest.partitions == 3)
        #expect(file.manifest.records == count)
        #expect(file.manifest.firstTime == records.compactMap(\.time).min())
        #expect(file.manifest.lastTime == records.compactMap(\.time).max())
        // More than one chunk a partition, or nothing is merged.
        #expect(count < 3_000 || file.manifest.chunks.count > 6)
        var traffic = try CaptureTraffic(file)
        var read: [TrafficRecord] = []
        while let record = try traffic.next() { read.append(record) }
        for partition in Int32(0)..<3 {
            let expected = records.filter { $0.partition == partition }
            let found = read.filter { $0.partition == partition }
            #expect(found.count == expected.count)
            var latest: Int64?
            for (one, other) in zip(found, expected) {
                latest = other.time.map { max($0, latest ?? $0) } ?? latest
                var same = other
                same.time = latest
                #expect(one == same)
            }
        }
        let times = read.map { $0.time ?? .min }
        #expect(times == times.sorted())
    }

    @Test func `whatever byte is changed, and wherever it is cut, it is refused`() throws {
        defer { remove() }
        try write(CaptureTests.records(150, seed: 1))
        let bytes = try Data(contentsOf: URL(filePath: path))
        func refused(_ changed: Data) throws -> Bool {
            try changed.write(to: URL(filePath: path))
            do {
                let file = try CaptureFile(path: path)
                try file.verify()
                return false
            } catch { return error.description.contains(path) }
        }
        #expect(try !refused(bytes))
        var random = Random(seed: 2)
        let places = Set(0..<60).union(Set(bytes.count - 60..<bytes.count)).union(
            (0..<400).map { _ in random.below(bytes.count) }
        )
        for place in places {
            var changed = bytes
            changed[place] ^= UInt8(1 << random.below(8))
            #expect(try refused(changed), "byte \(place) of \(bytes.count)")
        }
        for length in [0, 1, 8, 15, 16, 17, bytes.count / 2, bytes.count - 33, bytes.count - 1] {
            #expect(try refused(bytes.prefix(length)), "cut at \(length)")
        }
        #expect(try refused(bytes + [0]))
    }

    @Test func `errors say what to do`() throws {
        defer { remove() }
        func message(_ body: () throws -> Void) -> String {
            do { try body() } catch { return "\(error)" }
            return ""
        }
        #expect(message { _ = try CaptureFile(path: path) }.contains("is it there"))
        try Data("{\"type\":\"track\"}\n".utf8).write(to: URL(filePath: path))
        #expect(message { _ = try CaptureFile(path: path) }.contains("is no capture"))
        let again = message {
            _ = try CaptureWriter(path: path, topic: "t", partitions: 1, at: "")
        }
        #expect(again.contains("is there already"))
        remove()
        let writer = try CaptureWriter(path: path, topic: "t", partitions: 1, at: "")
        for record in CaptureTests.records(500, seed: 3) { try writer.add(record) }
        // Its capture did not finish.
        #expect(message { _ = try CaptureFile(path: path) }.contains("has no end"))
        let lost = message {
            _ = try CaptureWriter(path: "/no/such/folder/x", topic: "t", partitions: 1, at: "")
        }
        #expect(lost.contains("cannot write /no/such/folder/x"))
    }
}
