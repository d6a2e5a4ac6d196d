import Events
import Memory

/// Numbers the texts that many profiles share, in the order in which they are met.
///
/// A product's name and links stand in thousands of carts; they are written once, and lines hold
/// their number. Texts are known by content and not by handle, so that the numbers do not depend
/// on which shards the profiles live on.
struct TextNumbers: ~Copyable {
    // Not private: the layout of a buffer of them must be known where the numbers are held.
    struct Known: BitwiseCopyable {
        var handle: TextHandle
        var shard: UInt32
        var number: UInt32
    }

    // Handles met, with their numbers; then contents met, by number.
    private var known = GrowingBuffer<Known>(room: 1 << 12)
    private var byHandle = IndexTable(room: 1 << 12)
    private var contents = GrowingBuffer<Hash128>(room: 1 << 12)
    private var byContent = IndexTable(room: 1 << 12)
    private let hash = SipHash(key0: 0, key1: 0)
    /// Texts with numbers that were not handed on yet, each behind its length.
    var fresh = StateBuffer()
    private(set) var freshCount: UInt32 = 0

    /// The number of a shard's text, from 1; 0 for none.
    mutating func number(
        _ handle: TextHandle,
        _ shard: Int,
        _ texts: borrowing TextStore
    ) -> UInt32 {
        guard handle.isSet else { return 0 }
        let tag = handle.bits ^ UInt32(shard) &* 0x9e37_79b9
        let found = byHandle.find(tag) {
            known[Int($0) - 1].handle == handle && known[Int($0) - 1].shard == UInt32(shard)
        }
        if found != 0 { return known[Int(found) - 1].number }
        let number = number(texts.bytes(of: handle))
        known.append(Known(handle: handle, shard: UInt32(shard), number: number))
        byHandle.insert(tag, UInt32(known.count))
        return number
    }

    /// The number of a text by what it says, from 1.
    mutating func number(_ bytes: RawSpan) -> UInt32 {
        let content = hash.hash(kind: 0, bytes)
        let tag = UInt32(truncatingIfNeeded: content.low)
        let found = byContent.find(tag) { contents[Int($0) - 1] == content }
        if found != 0 { return found }
        contents.append(content)
        byContent.insert(tag, UInt32(contents.count))
        fresh.put(UInt16(bytes.byteCount))
        fresh.put(bytes)
        freshCount += 1
        return UInt32(contents.count)
    }

    /// Says that the fresh texts were handed on.
    mutating func removeFresh() {
        fresh.removeAll()
        freshCount = 0
    }
}
