import Events
import Memory
import Profiles
import Testing

/// Profiles folded into bytes, and opened again.
@Suite("Packed profiles")
struct PackingTests {
    private static let key = SipHash(key0: 3, key1: 5)

    private static func store(openMax: Int) -> ProfileStore {
        var limits = ProfileLimits()
        limits.openMax = openMax
        return ProfileStore(limits: limits)
    }

    /// Someone with so many sends and something of everything else.
    private static func fill(
        _ store: inout ProfileStore,
        _ slot: UInt32,
        sends: Int,
        with packer: inout ProfilePacker
    ) {
        let number = UInt64(slot)
        store.create(slot, id: Hash128(high: number, low: ~number), with: &packer)
        store.profiles[slot].locale = store.texts.take("en-IN".utf8.span.bytes)
        store.profiles[slot].localeTime = EventTime(milliseconds: .max)
        store.profiles[slot].lastClick = EventTime(milliseconds: -1)
        for send in 0..<UInt64(sends) {
            let record = SendRecord(
                id: Hash128(high: send, low: number),
                step: send &* 0x9e37_79b9_7f4a_7c15,
                time: EventTime(milliseconds: 1_777_852_800_000 + Int64(send)),
                flow: 17,
                enrollment: send + 1,
                cart: 0,
                channel: .sms,
                countsTowardCaps: send % 2 == 0
            )
            let handle = store.sends.take(record)
            store.sends[handle].next = store.profiles[slot].sends
            store.profiles[slot].sends = handle
        }
    }

    private static func open(
        _ store: borrowing ProfileStore,
        _ slots: ClosedRange<UInt32>
    ) -> [UInt32] {
        var open: [UInt32] = []
        for slot in slots where store.profiles.isOpen(slot) { open.append(slot) }
        return open
    }

    private static func bytes(
        _ store: borrowing ProfileStore,
        _ slot: UInt32,
        _ packer: inout ProfilePacker
    ) -> [UInt8] {
        store.write(slot, with: &packer)
        return packer.whole.bytes.withUnsafeBytes { Array($0) }
    }

    @Test func `who was not touched for longest is packed, and says the same when opened`() {
        var packer = ProfilePacker(hashKey: PackingTests.key)
        var store = PackingTests.store(openMax: 2)
        PackingTests.fill(&store, 1, sends: 3, with: &packer)
        let before = PackingTests.bytes(store, 1, &packer)
        PackingTests.fill(&store, 2, sends: 0, with: &packer)
        #expect(PackingTests.open(store, 1...3) == [1, 2])
        PackingTests.fill(&store, 3, sends: 0, with: &packer)
        #expect(PackingTests.open(store, 1...3) == [2, 3])
        var sends = store.sends.count
        #expect(sends == 0, "the records of a packed profile are given back")
        store.open(1, with: &packer)
        #expect(PackingTests.open(store, 1...3) == [1, 3], "the next in turn made room")
        sends = store.sends.count
        #expect(sends == 3)
        let after = PackingTests.bytes(store, 1, &packer)
        #expect(after == before)
        let profile = store.profiles[1]
        #expect(profile.lastClick == EventTime(milliseconds: -1))
        #expect(profile.localeTime == EventTime(milliseconds: .max))
    }

    @Test func `who says more than a packed profile can stays open and is counted`() {
        var packer = ProfilePacker(hashKey: PackingTests.key)
        var store = PackingTests.store(openMax: 1)
        PackingTests.fill(&store, 1, sends: 200, with: &packer)
        for slot in 2...5 { PackingTests.fill(&store, UInt32(slot), sends: 0, with: &packer) }
        #expect(PackingTests.open(store, 1...5) == [1, 5])
        let (sends, kept) = (store.sends.count, store.counters.keptOpen)
        #expect(sends == 200)
        #expect(kept == 1)
    }

    @Test func `a packed profile that is cut off is refused wherever it is`() throws {
        var packer = ProfilePacker(hashKey: PackingTests.key)
        var store = PackingTests.store(openMax: 8)
        PackingTests.fill(&store, 1, sends: 5, with: &packer)
        let whole = PackingTests.bytes(store, 1, &packer)
        for length in 0..<whole.count {
            let part = Array(whole.prefix(length))
            #expect(throws: StateError.self, "\(length) of \(whole.count) bytes") {
                var reader = StateReader(part.span.bytes)
                try store.read(&reader, into: 2, with: &packer)
            }
        }
    }
}
