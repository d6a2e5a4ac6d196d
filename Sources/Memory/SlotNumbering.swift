/// Which slot of which shard each restored profile gets.
///
/// Saved profiles stand in 64 ranges by key, each in an order of its own. Whoever counts through
/// the profiles of a range in that order comes to the same slots, so the resolver and every shard
/// can load at the same time without telling each other anything: the ranges of a shard take turns
/// in giving out its slots.
package struct SlotNumbering: Sendable {
    /// How many ranges there are; fixed, for any number of shards.
    package static let ranges = 64

    private let shards: Int
    /// Ranges a shard has profiles of.
    private let turns: Int
    private let spacing: Int
    private var counts: [UInt32]

    /// Begins at the first profile.
    package init(shards: Int) {
        precondition(shards > 0 && shards <= SlotNumbering.ranges)
        self.shards = shards
        var (divisor, other) = (SlotNumbering.ranges, shards)
        while other != 0 { (divisor, other) = (other, divisor % other) }
        spacing = divisor
        turns = SlotNumbering.ranges / divisor
        counts = Array(repeating: 0, count: SlotNumbering.ranges * shards)
    }

    /// The range of a key.
    package static func range(of key: UInt64) -> Int { Int(key % UInt64(ranges)) }

    /// Whether a range may hold profiles of a shard.
    package func mayHold(_ range: Int, profilesOf shard: Int) -> Bool {
        range % spacing == shard % spacing
    }

    /// The place of the next profile of its range.
    package mutating func next(_ key: UInt64) -> (shard: Int, slot: UInt32) {
        let range = SlotNumbering.range(of: key)
        let shard = Int(key % UInt64(shards))
        let index = range * shards + shard
        let slot = Int(counts[index]) * turns + range / spacing + 1
        counts[index] += 1
        return (shard, UInt32(slot))
    }

    /// The highest slot of a shard that was given out.
    package func highest(of shard: Int) -> UInt32 {
        var highest: UInt32 = 0
        for range in 0..<SlotNumbering.ranges where mayHold(range, profilesOf: shard) {
            let count = Int(counts[range * shards + shard])
            if count > 0 {
                highest = max(highest, UInt32((count - 1) * turns + range / spacing + 1))
            }
        }
        return highest
    }

    /// The slots below the highest that nobody got.
    package func free(of shard: Int) -> [UInt32] {
        let highest = highest(of: shard)
        var free: [UInt32] = []
        for range in 0..<SlotNumbering.ranges where mayHold(range, profilesOf: shard) {
            var slot = Int(counts[range * shards + shard]) * turns + range / spacing + 1
            while slot <= Int(highest) {
                free.append(UInt32(slot))
                slot += turns
            }
        }
        return free
    }
}
