/// A string that outlives its epoch, by handle; 0 is no string.
@usableFromInline
package struct TextHandle: BitwiseCopyable, Hashable, Sendable {
    /// Size class in the upper four bits, handle in that class below.
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

// Size classes of 32, 64, … 1,024 bytes, each with an 8-byte head of count and length. Not nested
// and not private: the store's own layout must be visible to other modules.
/// A cell of 32 bytes.
package struct TextCell32: BitwiseCopyable { var words: InlineArray<4, UInt64> }
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

/// Strings of one shard, each kept once, counted by who uses it.
///
/// Product names and links are the same for thousands of people; here they are stored once and
/// every line holds four bytes. Equal strings get equal handles, so a handle can be compared.
/// Longer strings than `lengthMax` are cut by the caller. Owned by one thread.
@safe
package struct TextStore: ~Copyable {
    /// The longest string, in bytes.
    package static let lengthMax = 1_016

    private var cells32: Slab<TextCell32>
    private var cells64: Slab<TextCell64>
    private var cells128: Slab<TextCell128>
    private var cells256: Slab<TextCell256>
    private var cells512: Slab<TextCell512>
    private var cells1024: Slab<TextCell1024>
    private var table = IndexTable(room: 4_096)

    /// Makes an empty store of at most so many strings a size class.
    package init(limit: Int) {
        cells32 = Slab(limit: limit)
        cells64 = Slab(limit: limit)
        cells128 = Slab(limit: limit, chunk: 1_024)
        cells256 = Slab(limit: limit, chunk: 1_024)
        cells512 = Slab(limit: limit, chunk: 256)
        cells1024 = Slab(limit: limit, chunk: 256)
    }

    /// Strings stored.
    package var count: Int { table.count }

    /// Bytes allocated.
    package var byteCount: Int {
        cells32.byteCount + cells64.byteCount + cells128.byteCount + cells256.byteCount
            + cells512.byteCount + cells1024.byteCount
    }

    // The head of a cell: count of users in the low half, length above.
    private func pointer(_ handle: TextHandle) -> UnsafeMutableRawPointer {
        let index = handle.bits & 0x0fff_ffff
        return switch handle.bits >> 28 {
        case 1: unsafe UnsafeMutableRawPointer(cells32.address(index))
        case 2: unsafe UnsafeMutableRawPointer(cells64.address(index))
        case 3: unsafe UnsafeMutableRawPointer(cells128.address(index))
        case 4: unsafe UnsafeMutableRawPointer(cells256.address(index))
        case 5: unsafe UnsafeMutableRawPointer(cells512.address(index))
        default: unsafe UnsafeMutableRawPointer(cells1024.address(index))
        }
    }

    /// The bytes of a string; empty for none.
    @_lifetime(borrow self)
    package func bytes(of handle: TextHandle) -> RawSpan {
        guard handle.isSet else { return RawSpan() }
        let head = unsafe pointer(handle)
        let length = Int(unsafe head.load(fromByteOffset: 4, as: UInt32.self))
        // The cell holds `length` bytes behind its head; it moves never and lives as the store.
        let buffer = unsafe UnsafeRawBufferPointer(start: head + 8, count: length)
        return unsafe _overrideLifetime(buffer.bytes, borrowing: self)
    }

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
        while offset < end {
            let byte = unsafe bytes.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
            word = word << 8 | UInt64(byte)
            offset &+= 1
        }
        let product = (hash ^ word).multipliedFullWidth(by: 0xe703_7ed1_a0b4_28db)
        return UInt32(truncatingIfNeeded: product.high ^ product.low)
    }

    /// Stores a string, or finds it, and counts one more user; none for an empty string, for one
    /// over `lengthMax`, and at the limit.
    package mutating func take(_ bytes: RawSpan) -> TextHandle {
        let length = bytes.byteCount
        guard length > 0, length <= TextStore.lengthMax else { return .none }
        let tag = TextStore.tag(bytes)
        let found = table.find(tag) { candidate in
            let head = unsafe pointer(TextHandle(bits: candidate))
            guard unsafe head.load(fromByteOffset: 4, as: UInt32.self) == UInt32(length) else {
                return false
            }
            return unsafe bytes.withUnsafeBytes {
                unsafe UnsafeRawBufferPointer(start: head + 8, count: length).elementsEqual($0)
            }
        }
        if found != 0 {
            let handle = TextHandle(bits: found)
            let head = unsafe pointer(handle).assumingMemoryBound(to: UInt32.self)
            unsafe head.pointee += 1
            return handle
        }
        let handle = takeCell(length)
        guard handle.isSet else { return .none }
        let head = unsafe pointer(handle)
        unsafe head.storeBytes(of: 1, as: UInt32.self)
        unsafe head.storeBytes(of: UInt32(length), toByteOffset: 4, as: UInt32.self)
        unsafe bytes.withUnsafeBytes {
            unsafe UnsafeMutableRawBufferPointer(start: head + 8, count: length)
                .copyMemory(from: $0)
        }
        table.insert(tag, handle.bits)
        return handle
    }

    private mutating func takeCell(_ length: Int) -> TextHandle {
        let (sizeClass, index): (UInt32, UInt32) =
            switch length + 8 {
            case ...32: (1, cells32.take(TextCell32(words: .init(repeating: 0))))
            case ...64: (2, cells64.take(TextCell64(words: .init(repeating: 0))))
            case ...128: (3, cells128.take(TextCell128(words: .init(repeating: 0))))
            case ...256: (4, cells256.take(TextCell256(words: .init(repeating: 0))))
            case ...512: (5, cells512.take(TextCell512(words: .init(repeating: 0))))
            default: (6, cells1024.take(TextCell1024(words: .init(repeating: 0))))
            }
        return index == 0 ? .none : TextHandle(bits: sizeClass << 28 | index)
    }

    /// Counts one more user of a string.
    package mutating func share(_ handle: TextHandle) -> TextHandle {
        guard handle.isSet else { return handle }
        let head = unsafe pointer(handle).assumingMemoryBound(to: UInt32.self)
        unsafe head.pointee += 1
        return handle
    }

    /// Counts so many more users of a string.
    package mutating func share(_ handle: TextHandle, times count: UInt32) {
        guard handle.isSet else { return }
        // The head of a cell begins with its count of users.
        let head = unsafe pointer(handle).assumingMemoryBound(to: UInt32.self)
        unsafe head.pointee += count
    }

    /// Counts one user less; the last one's string is forgotten.
    package mutating func give(back handle: TextHandle) {
        guard handle.isSet else { return }
        let head = unsafe pointer(handle).assumingMemoryBound(to: UInt32.self)
        unsafe head.pointee -= 1
        guard unsafe head.pointee == 0 else { return }
        table.remove(TextStore.tag(bytes(of: handle)), handle.bits)
        let index = handle.bits & 0x0fff_ffff
        switch handle.bits >> 28 {
        case 1: cells32.give(back: index)
        case 2: cells64.give(back: index)
        case 3: cells128.give(back: index)
        case 4: cells256.give(back: index)
        case 5: cells512.give(back: index)
        default: cells1024.give(back: index)
        }
    }

    /// The string itself, for cold paths and tests.
    package func string(_ handle: TextHandle) -> String {
        unsafe bytes(of: handle).withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    }
}
