import Events
import Foundation
import Pipeline
import Snapshots
import Testing

/// What a damaged disk, a full one, or a foreign file does.
@Suite("Damaged snapshots")
struct DamageTests {
    private let folder = TemporaryFolder()
    private let rules = World.rules()

    /// Saves a small world as two epochs, and answers the newer file's bytes.
    private func save() throws -> Data {
        var world = World(rules, shards: 2)
        for number in 0..<40 { world.fillCart(number, at: World.start + Int64(number)) }
        world.flush()
        _ = try world.pipeline.save(SnapshotHeader(epoch: 1), to: folder.snapshots)
        for number in 0..<20 { world.buy(number, at: World.start + 60_000) }
        world.flush()
        let summary = try world.pipeline.save(SnapshotHeader(epoch: 2), to: folder.snapshots)
        return try Data(contentsOf: URL(fileURLWithPath: summary.path))
    }

    private var newest: String { folder.path + "/epoch-00000000000000000002.snapshot" }

    /// Which epoch a start goes on from, and what it was told on the way.
    private func start(shards: Int = 2) throws -> (epoch: UInt64, errors: [SnapshotError]) {
        var errors: [SnapshotError] = []
        let epoch = try folder.snapshots.newest(log: { errors.append($0) }) {
            (file) throws(SnapshotError) -> UInt64 in
            var losses = StateLosses()
            _ = try file.restorePipeline(rules: rules, shards: shards, losses: &losses)
            return file.header.epoch
        }
        return (try #require(epoch), errors)
    }

    private func put(_ data: Data) throws {
        try data.write(to: URL(fileURLWithPath: newest))
    }

    @Test func `a file cut off anywhere is refused and the older one is used`() throws {
        let data = try save()
        #expect(try start().epoch == 2)
        var lengths = [0, 1, 7, 8, 11, 12, 23, 24, 25, 60]
        lengths += [data.count / 2, data.count - 41, data.count - 32, data.count - 31]
        lengths += [data.count - 8, data.count - 1]
        lengths += stride(from: 100, to: data.count, by: 397)
        for length in lengths {
            try put(data.prefix(length))
            let (epoch, errors) = try start()
            #expect(epoch == 1, "cut to \(length) bytes")
            #expect(errors.count == 1 && errors[0].kind == .damaged, "cut to \(length) bytes")
            #expect(errors.allSatisfy { $0.description.contains(newest) })
        }
    }

    @Test func `a flipped bit anywhere is noticed`() throws {
        let data = try save()
        // Every byte of the ends, and a sample of the rest, whose checks are the same all over.
        let ends = Array(0..<80) + Array(data.count - 60..<data.count)
        for place in ends + Array(stride(from: 80, to: data.count - 60, by: 61)) {
            var flipped = data
            flipped[place] ^= 1 << UInt8(place % 8)
            try put(flipped)
            // Whichever thread meets it, the others end as well.
            let (epoch, errors) = try start(shards: 1 + place % 3)
            #expect(epoch == 1 && errors.count == 1, "byte \(place)")
            if epoch != 1 { return }
        }
        var longer = data
        longer.append(0)
        try put(longer)
        #expect(try start().epoch == 1)
    }

    @Test func `other formats and a foreign file say what they are`() throws {
        var data = try save()
        data[8] = 9
        try put(data)
        var (epoch, errors) = try start()
        #expect(epoch == 1)
        #expect(errors.map(\.kind) == [.newerFormat])
        #expect(errors[0].description.contains("format 9"))
        data[8] = 1
        try put(data)
        (epoch, errors) = try start()
        #expect(epoch == 1)
        #expect(errors.map(\.kind) == [.olderFormat])
        #expect(errors[0].description.contains("format 1, and this version of Collie reads only 3"))
        try put(Data("a shopping list, and a rather long one at that".utf8))
        (epoch, errors) = try start()
        #expect(epoch == 1)
        #expect(errors.map(\.kind) == [.notASnapshot])
    }

    @Test func `another hash key is refused`() throws {
        _ = try save()
        let other = World.rules(key: 8)
        var errors: [SnapshotError] = []
        #expect(throws: SnapshotError.self) {
            _ = try folder.snapshots.newest(log: { errors.append($0) }) {
                (file) throws(SnapshotError) -> UInt64 in
                var losses = StateLosses()
                _ = try file.restorePipeline(rules: other, shards: 1, losses: &losses)
                return file.header.epoch
            }
        }
        #expect(errors.map(\.kind) == [.foreign, .foreign])
        #expect(errors[0].description.contains("hash_key"))
    }

    @Test func `no folder and an empty folder have no snapshot`() throws {
        func find() throws -> UInt64? {
            try folder.snapshots.newest(log: { _ in }) {
                (file) throws(SnapshotError) -> UInt64 in file.header.epoch
            }
        }
        #expect(try find() == nil)
        try FileManager.default.createDirectory(
            atPath: folder.path,
            withIntermediateDirectories: true
        )
        #expect(try find() == nil)
    }

    @Test func `what cannot be read is told and the older one is used`() throws {
        _ = try save()
        // A folder in the file's place cannot be read by anybody, not even by root.
        try FileManager.default.removeItem(atPath: newest)
        try FileManager.default.createDirectory(
            atPath: newest,
            withIntermediateDirectories: false
        )
        let (epoch, errors) = try start()
        #expect(epoch == 1)
        #expect(errors.map(\.kind) == [.system] || errors.map(\.kind) == [.notASnapshot])
    }

    @Test func `a full disk leaves the last snapshot in force`() throws {
        _ = try save()
        var world = World(rules, shards: 1)
        for number in 0..<2_000 { world.fillCart(number, at: World.start + Int64(number)) }
        world.flush()
        for allowed in [0, 1, 20_000, 60_000] {
            var full = folder.snapshots
            let room = Room(allowed)
            full.calls.write = { descriptor, bytes in room.write(descriptor, bytes) }
            #expect(throws: SnapshotError.self) {
                _ = try world.pipeline.save(SnapshotHeader(epoch: 3), to: full)
            }
        }
        var unsynced = folder.snapshots
        unsynced.calls.sync = { _ in
            errno = EIO
            return -1
        }
        #expect(throws: SnapshotError.self) {
            _ = try world.pipeline.save(SnapshotHeader(epoch: 3), to: unsynced)
        }
        var unnamed = folder.snapshots
        unnamed.calls.rename = { _, _ in
            errno = EROFS
            return -1
        }
        #expect(throws: SnapshotError.self) {
            _ = try world.pipeline.save(SnapshotHeader(epoch: 3), to: unnamed)
        }
        #expect(try start().epoch == 2)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(names.count == 2, "nothing half-written is left: \(names)")
    }

    @Test func `the last two are kept`() throws {
        let world = World(rules, shards: 1)
        try FileManager.default.createDirectory(
            atPath: folder.path,
            withIntermediateDirectories: true
        )
        // What a crash left behind goes too.
        let left = folder.path + "/epoch-00000000000000000001.snapshot.partial"
        #expect(FileManager.default.createFile(atPath: left, contents: Data()))
        for epoch in UInt64(1)...12 {
            _ = try world.pipeline.save(SnapshotHeader(epoch: epoch), to: folder.snapshots)
        }
        let paths = try folder.snapshots.list()
        #expect(paths.map { $0.suffix(11) } == ["12.snapshot", "11.snapshot"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 2)
    }

    @Test func `the header comes back as it was written`() throws {
        var header = SnapshotHeader(epoch: 77)
        header.offsets = [.init(topic: "events", partition: 3, next: 1 << 40)]
        header.journalOffset = 12
        header.created = 99
        header.configuration = 5
        header.timeZones = "2026a"
        header.metadata = #"{"any":"thing"}"#
        let world = World(rules, shards: 1)
        let summary = try world.pipeline.save(header, to: folder.snapshots)
        #expect(try SnapshotFile(path: summary.path).header == header)
    }
}

/// A disk that takes so many bytes.
private final class Room: @unchecked Sendable {
    // @unchecked: one test's thread alone.
    private var left: Int

    init(_ left: Int) { self.left = left }

    func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
        if left == 0 {
            errno = ENOSPC
            return -1
        }
        // A short write first, as a disk that fills up does.
        let count = min(left, bytes.count)
        left -= count
        return Foundation.write(descriptor, bytes.baseAddress!, count)
    }
}
