import Events
package import Memory
package import Profiles
import Windows

/// Fills one shard from saved state, whatever number of shards it was saved from.
///
/// It is handed the pieces it wants in the order in which they were written. Owned by one thread;
/// all shards of an engine and its resolver may load at the same time.
package struct ShardLoader: ~Copyable {
    // Not private: the layout of a buffer of them must be known wherever the loader is held.
    /// A text that many profiles share.
    struct SharedText: BitwiseCopyable {
        var handle: TextHandle
        var users: UInt32
    }

    private let index: Int
    private let shards: Int
    // About how many profiles will come.
    private var expected = 0
    private let layouts = StateLayouts()
    private var shard: ShardPipeline
    private var tables: StateTables?
    private var numbering: SlotNumbering
    // Shared texts, by number. Their users are counted here, close together in memory, and told to
    // the store at the end; until then the loader itself is one, so that none is forgotten.
    private var texts = GrowingBuffer<SharedText>(room: 1 << 12)
    /// What could not be kept.
    package private(set) var losses = StateLosses()
    /// Profiles taken in.
    package private(set) var profiles = 0

    /// Makes the loader of one of so many shards.
    package init(
        rules: CompiledRules,
        limits: ProfileLimits = ProfileLimits(),
        shard index: Int,
        of shards: Int
    ) {
        precondition(index >= 0 && index < shards)
        self.index = index
        self.shards = shards
        shard = ShardPipeline(rules: rules, limits: limits)
        numbering = SlotNumbering(shards: shards)
    }

    /// Makes room for so many records of each section, as the closure says.
    package mutating func expect(_ count: (UInt8) -> Int) {
        expected = count(StateSection.profiles.rawValue) / shards
    }

    /// Whether a piece holds anything for this shard.
    package func wants(_ piece: StatePiece) -> Bool {
        switch StateSection(rawValue: piece.section) {
        case .tables, .clock, .catalog, .texts: true
        case .profiles: numbering.mayHold(Int(piece.range), profilesOf: index)
        default: false
        }
    }

    /// Takes in a piece.
    package mutating func load(_ piece: StatePiece, _ bytes: RawSpan) throws(StateError) {
        var reader = StateReader(bytes)
        switch StateSection(rawValue: piece.section) {
        case .tables: tables = try StateTables(&reader, shard.compiled, layouts)
        case .clock:
            shard.setTime(passed: try SavedClock(&reader).fired)
            shard.reserve(expected)
        case .catalog: try shard.catalog.load(&reader)
        case .texts: try loadTexts(&reader, piece.count)
        case .profiles: try loadProfiles(&reader, piece)
        default: return
        }
    }

    /// Ends loading and answers the shard.
    package consuming func finish() -> ShardPipeline {
        for index in 0..<texts.count {
            shard.store.texts.share(texts[index].handle, times: texts[index].users)
            shard.store.texts.give(back: texts[index].handle)
        }
        return shard
    }

    private mutating func loadTexts(
        _ reader: inout StateReader,
        _ count: UInt32
    ) throws(StateError) {
        for _ in 0..<count {
            let length = Int(try reader.get(UInt16.self))
            let handle = shard.store.texts.take(try reader.take(length))
            texts.append(SharedText(handle: handle, users: 0))
        }
    }

    private mutating func loadProfiles(
        _ reader: inout StateReader,
        _ piece: StatePiece
    ) throws(StateError) {
        guard let tables else { throw .damaged("profiles stand before what explains them") }
        var profile = StateBuffer(room: 1 << 12)
        for _ in 0..<piece.count {
            let packed = try reader.take(Int(try reader.get(UInt32.self)))
            var inside = StateReader(packed)
            let head = try PackedHead(&inside)
            guard SlotNumbering.range(of: head.id.low) == Int(piece.range) else {
                throw .damaged("a profile stands in a range that is not its own")
            }
            let (owner, slot) = numbering.next(head.id.low)
            guard owner == index else { continue }
            profile.removeAll()
            profile.put(packed)
            try nameTexts(head, &profile)
            profiles += 1
            if tables.isSame, shard.store.profiles.put(profile.bytes, in: slot) {
                if let second = head.timer { shard.wheel.arm(slot, at: second) }
            } else {
                try tellUsers(head, packed)
                try open(slot, profile, tables)
            }
        }
    }

    /// Puts handles in the place of the numbers by which a profile names its texts.
    private mutating func nameTexts(
        _ head: PackedHead,
        _ profile: inout StateBuffer
    ) throws(StateError) {
        for index in 0..<head.textCount {
            let place = head.texts + 4 * index
            let number = profile.number(at: place)
            guard number != 0, Int(number) <= texts.count else {
                throw .damaged("a text without a place")
            }
            texts[Int(number) - 1].users += 1
            profile.patch(texts[Int(number) - 1].handle.bits, at: place)
        }
    }

    /// Tells the store now of the users that a profile's bytes are: who opens a profile takes them
    /// for counted, and gives them back.
    private mutating func tellUsers(_ head: PackedHead, _ packed: RawSpan) throws(StateError) {
        var numbers = StateReader(packed)
        try numbers.skip(head.texts)
        for _ in 0..<head.textCount {
            let place = Int(try numbers.get(UInt32.self)) - 1
            texts[place].users -= 1
            shard.store.texts.share(texts[place].handle, times: 1)
        }
    }

    /// Opens a profile that was saved under other settings, or is too long to stay packed.
    private mutating func open(
        _ slot: UInt32,
        _ profile: borrowing StateBuffer,
        _ tables: StateTables
    ) throws(StateError) {
        shard.store.makeRoom(with: &shard.packer)
        var inside = StateReader(profile.bytes)
        try shard.store.read(&inside, into: slot, with: &shard.packer)
        try shard.remap(slot, tables, &losses)
        shard.arm(slot)
    }
}
