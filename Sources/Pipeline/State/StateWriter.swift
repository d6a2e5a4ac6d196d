import Events
import Identity
package import Memory
import Profiles

/// Saves a resolver and its shards, piece by piece.
///
/// Everything is written in an order that the log alone decides, and nothing that depends on the
/// number of shards or on chance is written, so two instances that have read the same log write
/// the same bytes. Made ahead, with all it needs, so that saving asks for no locks: it works in a
/// forked child too. Owned by one thread.
package struct StateWriter: ~Copyable {
    /// Bytes of profiles in a piece, about.
    private static let pieceMax = 192 << 10

    // A buffer is not copyable, so it stands in a box.
    private final class RangeBuffer {
        var bytes = StateBuffer(room: StateWriter.pieceMax + (64 << 10))
        var count: UInt32 = 0
    }

    private let layouts = StateLayouts()
    private let tables: StateBuffer
    private let ranges: [RangeBuffer]
    private var buffer = StateBuffer(room: 320 << 10)
    private var texts = TextNumbers()
    private var packer: ProfilePacker
    /// Profiles written.
    package private(set) var profiles = 0

    /// Gets everything ready for one save.
    package init(rules: CompiledRules) {
        packer = ProfilePacker(hashKey: rules.rules.hashKey)
        tables = StateTables.save(rules, layouts)
        ranges = (0..<SlotNumbering.ranges).map { _ in RangeBuffer() }
    }

    /// Saves everything; false when the sink can take no more.
    ///
    /// To be called between two epochs: all that the resolver said has been done by the shards.
    package mutating func save<Sink: StateSink & ~Copyable>(
        _ resolver: borrowing Resolver,
        _ shards: some ShardLender,
        to sink: inout Sink
    ) -> Bool {
        guard sink.take(StatePiece(StateSection.tables), tables.bytes),
            resolver.saveClock(with: &buffer, to: &sink),
            resolver.saveFingerprints(with: &buffer, to: &sink),
            resolver.graph.save(layouts.graph, with: &buffer, to: &sink)
        else { return false }
        var goesOn = true
        // Stock and prices are the same everywhere.
        shards.withShard(0) { shard in
            goesOn = shard.catalog.save(layouts.item, with: &buffer, to: &sink)
        }
        return goesOn && saveProfiles(resolver, shards, to: &sink)
    }

    private mutating func saveProfiles<Sink: StateSink & ~Copyable>(
        _ resolver: borrowing Resolver,
        _ shards: some ShardLender,
        to sink: inout Sink
    ) -> Bool {
        // In the order in which they came to be: about the order in which they lie in memory.
        var handle: UInt32 = 1
        let last = resolver.graph.profiles.handleMax
        while handle <= last {
            let profile = resolver.graph.profiles[handle]
            handle += 1
            guard profile.forward == 0 else { continue }
            let index = SlotNumbering.range(of: resolver.graph.id(of: handle - 1).low)
            let range = ranges[index]
            let shard = Int(profile.shard)
            shards.withShard(shard) {
                $0.save(profile.slot, shard, into: &range.bytes, &texts, &packer)
            }
            range.count += 1
            profiles += 1
            if range.bytes.count >= StateWriter.pieceMax, !handOn(index, to: &sink) { return false }
        }
        for index in ranges.indices where ranges[index].count > 0 {
            if !handOn(index, to: &sink) { return false }
        }
        return true
    }

    private mutating func handOn<Sink: StateSink & ~Copyable>(
        _ index: Int,
        to sink: inout Sink
    ) -> Bool {
        // What profiles name comes before them.
        if texts.freshCount > 0 {
            let piece = StatePiece(StateSection.texts, count: texts.freshCount)
            guard sink.take(piece, texts.fresh.bytes) else { return false }
            texts.removeFresh()
        }
        let range = ranges[index]
        let piece = StatePiece(StateSection.profiles, range: UInt8(index), count: range.count)
        guard sink.take(piece, range.bytes.bytes) else { return false }
        range.bytes.removeAll()
        range.count = 0
        return true
    }
}

extension StatePiece {
    init(_ section: StateSection, range: UInt8 = 0, count: UInt32 = 0) {
        self.init(section: section.rawValue, range: range, count: count)
    }
}
