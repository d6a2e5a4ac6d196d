import CMemory

/// A string that outlives its epoch, by handle; 0 is no string.
@usableFromInline
package struct TextHandle: BitwiseCopyable, Hashable, Sendable {
    /// Whether it is its owner's alone in the highest bit, size class in the next three, handle in
    /// that class below.
    @usableFromInline package var bits: UInt32

    /// Makes a handle from its bits.
    @inlinable
    package init(bits: UInt32) { self.bits = bits }

    /// No string.
    @inlinable
    package static var none: TextHandle { TextHandle(bits: 0) }

    /// Whether there is a string.
    @inlinable
    package var isSet: Bool { bits != 0 }
}

// Size classes of 16, 32, … 1,024 bytes. Not nested and not private: the store's own layout must be
// visible to other modules.
/// A cell of 16 bytes.
package struct TextCell16: BitwiseCopyable { var words: InlineArray<2, UInt64> }
/// A cell of 32 bytes.
package struct TextCell32: BitwiseCopyable { var words: InlineArray<4, UInt64> }
/// A cell of 48 bytes.
package struct TextCell48: BitwiseCopyable { var words: InlineArray<6, UInt64> }
/// A cell of 64 bytes.
package struct TextCell64: BitwiseCopyable { var words: InlineArray<8, UInt64> }
/// A cell of 128 bytes.
package struct TextCell128: BitwiseCopyable { var words: InlineArray<16, UInt64> }
/// A cell of 256 bytes.
package struct TextCell256: BitwiseCopyable { var words: InlineArray<32, UInt64> }
/// A cell of 512 bytes.
package struct TextCell512: BitwiseCopyable { var words: InlineArray<64, UInt64> }
/// A cell of 1024 bytes.
package struct TextCell1024: BitwiseCopyable { var words: InlineArray<128, UInt64> }

/// Cells of all size classes, by class and handle.
struct TextCells: ~Copyable {
    private var cells16: Slab<TextCell16>
    private var cells32: Slab<TextCell32>
    private var cells48: Slab<TextCell48>
    private var cells64: Slab<TextCell64>
    private var cells128: Slab<TextCell128>
    private var cells256: Slab<TextCell256>
    private var cells512: Slab<TextCell512>
    private var cells1024: Slab<TextCell1024>

    init(limit: Int) {
        cells16 = Slab(limit: limit)
        cells32 = Slab(limit: limit)
        cells48 = Slab(limit: limit)
        cells64 = Slab(limit: limit)
        cells128 = Slab(limit: limit, chunk: 1_024)
        cells256 = Slab(limit: limit, chunk: 1_024)
        cells512 = Slab(limit: limit, chunk: 256)
        cells1024 = Slab(limit: limit, chunk: 256)
    }

    var byteCount: Int {
        cells16.byteCount + cells32.byteCount + cells48.byteCount + cells64.byteCount
            + cells128.byteCount + cells256.byteCount + cells512.byteCount + cells1024.byteCount
    }

    var count: Int {
        cells16.count + cells32.count + cells48.count + cells64.count
            + cells128.count + cells256.count + cells512.count + cells1024.count
    }

    func pointer(_ handle: TextHandle) -> UnsafeMutableRawPointer {
        let index = handle.bits & 0x0fff_ffff
        return switch handle.bits >> 28 & 7 {
        case 0: unsafe UnsafeMutableRawPointer(cells16.address(index))
        case 1: unsafe UnsafeMutableRawPointer(cells32.address(index))
        case 2: unsafe UnsafeMutableRawPointer(cells48.address(index))
        case 3: unsafe UnsafeMutableRawPointer(cells64.address(index))
        case 4: unsafe UnsafeMutableRawPointer(cells128.address(index))
        case 5: unsafe UnsafeMutableRawPointer(cells256.address(index))
        case 6: unsafe UnsafeMutableRawPointer(cells512.address(index))
        default: unsafe UnsafeMutableRawPointer(cells1024.address(index))
        }
    }

    /// Takes a cell of at least so many bytes; none at the limit.
    mutating func take(_ size: Int) -> TextHandle {
        let (sizeClass, index): (UInt32, UInt32) =
            switch size {
            case ...16: (0, cells16.takeAsItIs())
            case ...32: (1, cells32.takeAsItIs())
            case ...48: (2, cells48.takeAsItIs())
            case ...64: (3, cells64.takeAsItIs())
            case ...128: (4, cells128.takeAsItIs())
            case ...256: (5, cells256.takeAsItIs())
            case ...512: (6, cells512.takeAsItIs())
            default: (7, cells1024.takeAsItIs())
            }
        return index == 0 ? .none : TextHandle(bits: sizeClass << 28 | index)
    }

    mutating func give(back handle: TextHandle) {
        let index = handle.bits & 0x0fff_ffff
        switch handle.bits >> 28 & 7 {
        case 0: cells16.give(back: index)
        case 1: cells32.give(back: index)
        case 2: cells48.give(back: index)
        case 3: cells64.give(back: index)
        case 4: cells128.give(back: index)
        case 5: cells256.give(back: index)
        case 6: cells512.give(back: index)
        default: cells1024.give(back: index)
        }
    }
}

/// Strings of one shard: those that many share, each kept once and counted by who uses it, and
/// those that have one owner.
///
/// Product names and links are the same for thousands of people; here they are stored once and
/// every line holds four bytes. An address or a messageId is one person's own: it is kept without
/// looking whether anybody else has it. Longer strings than `lengthMax` are cut by the caller.
/// Owned by one thread.
@safe
package struct TextStore: ~Copyable {
    /// The longest string, in bytes.
    package static let lengthMax = 1_016
    private static let ownBit: UInt32 = 1 << 31

    // A shared text stands behind 8 bytes of users and length, an owner's behind 2 of length.
    private var shared: TextCells
    private var owned: TextCells
    private var table = IndexTable(room: 4_096)

    /// Makes an empty store of at most so many strings a size class, of either kind.
    package init(limit: Int) {
        shared = TextCells(limit: limit)
        owned = TextCells(limit: limit)
    }

    /// Strings stored.
    package var count: Int { table.count + owned.count }

    /// Bytes in use.
    package var byteCount: Int { shared.byteCount + owned.byteCount }

    private static func isOwn(_ handle: TextHandle) -> Bool { handle.bits & ownBit != 0 }

    /// The bytes of a string; empty for none.
    @_lifetime(borrow self)
    package func bytes(of handle: TextHandle) -> RawSpan {
        guard handle.isSet else { return RawSpan() }
        let begin: UnsafeMutableRawPointer
        let length: Int
        if TextStore.isOwn(handle) {
            let head = unsafe owned.pointer(handle)
            unsafe begin = unsafe head + 2
            length = Int(unsafe head.load(as: UInt16.self))
        } else {
            let head = unsafe shared.pointer(handle)
            unsafe begin = unsafe head + 8
            length = Int(unsafe head.load(fromByteOffset: 4, as: UInt32.self))
        }
        // The cell holds `length` bytes behind its head; it moves never and lives as the store.
        let buffer = unsafe UnsafeRawBufferPointer(start: begin, count: length)
        return unsafe _overrideLifetime(buffer.bytes, borrowing: self)
    }

    /// Tells the processor that a string will be read soon.
    package func prefetch(_ handle: TextHandle) {
        guard handle.isSet else { return }
        // Only asked for.
        unsafe TableMemory.prefetch(
            TextStore.isOwn(handle) ? owned.pointer(handle) : shared.pointer(handle)
        )
    }

    // MARK: One owner's strings

    /// Stores a string for one owner; none for an empty string, for one over `lengthMax`, and at
    /// the limit.
    package mutating func keep(_ bytes: RawSpan) -> TextHandle {
        let length = bytes.byteCount
        guard length > 0, length <= TextStore.lengthMax else { return .none }
        let handle = owned.take(length + 2)
        guard handle.isSet else { return .none }
        let head = unsafe owned.pointer(handle)
        unsafe head.storeBytes(of: UInt16(length), as: UInt16.self)
        // The cell was taken for as many bytes.
        unsafe bytes.withUnsafeBytes {
            unsafe UnsafeMutableRawBufferPointer(start: head + 2, count: length)
                .copyMemory(from: $0)
        }
        return TextHandle(bits: handle.bits | TextStore.ownBit)
    }

    // MARK: Shared strings

    // A fixed mix, eight bytes at a time; only this store sees it, so no key is needed.
    private static func tag(_ bytes: RawSpan) -> UInt32 {
        var hash: UInt64 = 0x9e37_79b9_7f4a_7c15 ^ UInt64(bytes.byteCount)
        var offset = 0
        let end = bytes.byteCount
        while offset &+ 8 <= end {
            // In bounds by the loop's condition.
            let word = unsafe bytes.unsafeLoadUnaligned(
                fromUncheckedByteOffset: offset,
                as: UInt64.self
            )
            let product = (hash ^ word).multipliedFullWidth(by: 0xa076_1d64_78bd_642f)
            hash = product.high ^ product.low
            offset &+= 8
        }
        var word: UInt64 = 0
        if end >= 8, offset < end {
            // The last eight bytes, some of them once more: in bounds, since there are eight.
            word = unsafe bytes.unsafeLoadUnaligned(
                fromUncheckedByteOffset: end &- 8,
                as: UInt64.self
            )
        } else {
            while offset < end {
                let byte = unsafe bytes.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
                word = word << 8 | UInt64(byte)
                offset &+= 1
            }
        }
        let product = (hash ^ word).multipliedFullWidth(by: 0xe703_7ed1_a0b4_28db)
        return UInt32(truncatingIfNeeded: product.high ^ product.low)
    }

    /// Stores a string that many share, or finds it, and counts one more user; none for an empty string, for one
    /// over `lengthMax`, and at the limit.
    package mutating func take(_ bytes: RawSpan) -> TextHandle {
        let length = bytes.byteCount
        guard length > 0, length <= TextStore.lengthMax else { return .none }
        let tag = TextStore.tag(bytes)
        let found = table.find(tag) { candidate in
            let head = unsafe shared.pointer(TextHandle(bits: candidate))
            guard unsafe head.load(fromByteOffset: 4, as: UInt32.self) == UInt32(length) else {
                return false
            }
            return unsafe bytes.withUnsafeBytes {
                guard let other = $0.baseAddress else { return false }
                // Both are as long as the text.
                return unsafe collie_memory_is_equal(head + 8, other, length)
            }
        }
        if found != 0 {
            let handle = TextHandle(bits: found)
            let head = unsafe shared.pointer(handle).assumingMemoryBound(to: UInt32.self)
            unsafe head.pointee += 1
            return handle
        }
        let handle = shared.take(length + 8)
        guard handle.isSet else { return .none }
        let head = unsafe shared.pointer(handle)
        unsafe head.storeBytes(of: 1, as: UInt32.self)
        unsafe head.storeBytes(of: UInt32(length), toByteOffset: 4, as: UInt32.self)
        unsafe bytes.withUnsafeBytes {
            unsafe UnsafeMutableRawBufferPointer(start: head + 8, count: length)
                .copyMemory(from: $0)
        }
        table.insert(tag, handle.bits)
        return handle
    }

    /// Puts a shared string in another's place; most are what they were, and found without a table.
    package mutating func replace(_ handle: inout TextHandle, with bytes: RawSpan) {
        if isShared(handle, holding: bytes) { return }
        let taken = take(bytes)
        give(back: handle)
        handle = taken
    }

    /// Whether a handle is what `take` answers for a string, if it is known.
    package func isShared(_ handle: TextHandle, holding wanted: RawSpan) -> Bool {
        guard handle.isSet else { return wanted.byteCount == 0 }
        guard !TextStore.isOwn(handle) else { return false }
        let known = bytes(of: handle)
        guard known.byteCount == wanted.byteCount else { return false }
        return unsafe known.withUnsafeBytes { one in
            unsafe wanted.withUnsafeBytes { other in
                // Both are as long.
                guard let left = one.baseAddress, let right = other.baseAddress else {
                    return false
                }
                return unsafe collie_memory_is_equal(left, right, one.count)
            }
        }
    }

    /// Counts one more user of a string; one that has an owner is copied.
    package mutating func share(_ handle: TextHandle) -> TextHandle {
        guard handle.isSet else { return handle }
        if TextStore.isOwn(handle) {
            let size = bytes(of: handle).byteCount + 2
            let copy = owned.take(size)
            guard copy.isSet else { return .none }
            // Two cells of at least so many bytes.
            unsafe owned.pointer(copy).copyMemory(from: owned.pointer(handle), byteCount: size)
            return TextHandle(bits: copy.bits | TextStore.ownBit)
        }
        let head = unsafe shared.pointer(handle).assumingMemoryBound(to: UInt32.self)
        unsafe head.pointee += 1
        return handle
    }

    /// Counts so many more users of a shared string.
    package mutating func share(_ handle: TextHandle, times count: UInt32) {
        guard handle.isSet, !TextStore.isOwn(handle) else { return }
        // The head of a cell begins with its count of users.
        let head = unsafe shared.pointer(handle).assumingMemoryBound(to: UInt32.self)
        unsafe head.pointee += count
    }

    /// Counts one user less; the last one's string is forgotten.
    package mutating func give(back handle: TextHandle) {
        guard handle.isSet else { return }
        if TextStore.isOwn(handle) { return owned.give(back: handle) }
        let head = unsafe shared.pointer(handle).assumingMemoryBound(to: UInt32.self)
        unsafe head.pointee -= 1
        guard unsafe head.pointee == 0 else { return }
        table.remove(TextStore.tag(bytes(of: handle)), handle.bits)
        shared.give(back: handle)
    }

    /// The string itself, for cold paths and tests.
    package func string(_ handle: TextHandle) -> String {
        unsafe bytes(of: handle).withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    }
}
