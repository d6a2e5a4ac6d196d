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

/// Cells of all size classes, those of shared strings and those of strings with an owner.
///
/// A handle's four highest bits are the row, so that no branch is needed to find a cell.
@safe
struct TextCells: ~Copyable {
    private static let rowCount = 16

    // Owned by this value alone, which frees them.
    private let rows: UnsafeMutablePointer<CellRow>

    init(limit: Int) {
        unsafe rows = .allocate(capacity: TextCells.rowCount)
        for row in 0..<TextCells.rowCount {
            // 16, 32, 48, 64, 128, … 1,024 bytes.
            let size = row & 7 < 4 ? (row & 7 + 1) * 16 : 16 << (row & 7 - 1)
            let cells = CellRow(
                size: size,
                chunk: size <= 64 ? 4_096 : size <= 256 ? 1_024 : 256,
                limit: UInt32(limit)
            )
            unsafe (rows + row).initialize(to: cells)
        }
    }

    deinit {
        for row in 0..<TextCells.rowCount { unsafe rows[row].chunks.free() }
        unsafe rows.deinitialize(count: TextCells.rowCount)
        unsafe rows.deallocate()
    }

    var byteCount: Int {
        (0..<TextCells.rowCount).reduce(0) { unsafe $0 + rows[$1].chunks.byteCount }
    }

    @inline(__always)
    func pointer(_ handle: TextHandle) -> UnsafeMutableRawPointer {
        // Four bits are a row.
        unsafe rows[Int(handle.bits >> 28)].address(handle.bits & 0x0fff_ffff)
    }

    /// Takes a cell of at least so many bytes, at most 1,024; none at the limit.
    func take(_ size: Int, isOwn: Bool) -> TextHandle {
        let sizeClass =
            size <= 64 ? (size + 15) >> 4 - 1 : Int.bitWidth - (size - 1).leadingZeroBitCount - 3
        let row = sizeClass + (isOwn ? 8 : 0)
        precondition(size > 0 && sizeClass < 8, "a string within its bounds")
        let index = unsafe rows[row].take()
        return index == 0 ? .none : TextHandle(bits: UInt32(row) << 28 | index)
    }

    func give(back handle: TextHandle) {
        // Four bits are a row.
        unsafe rows[Int(handle.bits >> 28)].give(back: handle.bits & 0x0fff_ffff)
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
    private let cells: TextCells
    private var ownCount = 0
    private var table = IndexTable(room: 4_096)

    /// Makes an empty store of at most so many strings a size class, of either kind.
    package init(limit: Int) {
        cells = TextCells(limit: limit)
    }

    /// Strings stored.
    package var count: Int { table.count + ownCount }

    /// Bytes in use.
    package var byteCount: Int { cells.byteCount }

    private static func isOwn(_ handle: TextHandle) -> Bool { handle.bits & ownBit != 0 }

    /// The bytes of a string; empty for none.
    @_lifetime(borrow self)
    package func bytes(of handle: TextHandle) -> RawSpan {
        guard handle.isSet else { return RawSpan() }
        let head = unsafe cells.pointer(handle)
        let begin: UnsafeMutableRawPointer
        let length: Int
        if TextStore.isOwn(handle) {
            unsafe begin = unsafe head + 2
            length = Int(unsafe head.load(as: UInt16.self))
        } else {
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
        unsafe TableMemory.prefetch(cells.pointer(handle))
    }

    // MARK: One owner's strings

    /// Stores a string for one owner; none for an empty string, for one over `lengthMax`, and at
    /// the limit.
    package mutating func keep(_ bytes: RawSpan) -> TextHandle {
        let length = bytes.byteCount
        guard length > 0, length <= TextStore.lengthMax else { return .none }
        let handle = cells.take(length + 2, isOwn: true)
        guard handle.isSet else { return .none }
        ownCount += 1
        let head = unsafe cells.pointer(handle)
        unsafe head.storeBytes(of: UInt16(length), as: UInt16.self)
        // The cell was taken for as many bytes.
        unsafe bytes.withUnsafeBytes {
            unsafe UnsafeMutableRawBufferPointer(start: head + 2, count: length)
                .copyMemory(from: $0)
        }
        return handle
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
            let head = unsafe cells.pointer(TextHandle(bits: candidate))
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
            let head = unsafe cells.pointer(handle).assumingMemoryBound(to: UInt32.self)
            unsafe head.pointee += 1
            return handle
        }
        let handle = cells.take(length + 8, isOwn: false)
        guard handle.isSet else { return .none }
        let head = unsafe cells.pointer(handle)
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

    /// Whether a shared string is the bytes of a word, the first the least, as many as are not
    /// zero.
    package func isShared(_ handle: TextHandle, holding word: UInt64) -> Bool {
        guard handle.isSet, word != 0, !TextStore.isOwn(handle) else { return false }
        let length = (UInt64.bitWidth - word.leadingZeroBitCount + 7) / 8
        let head = unsafe cells.pointer(handle)
        // The smallest cell has eight bytes behind its head.
        let known = unsafe UInt64(
            littleEndian: (head + 8).loadUnaligned(as: UInt64.self)
        )
        let mask = UInt64.max >> UInt64(UInt64.bitWidth - 8 * length)
        return unsafe head.load(fromByteOffset: 4, as: UInt32.self) == UInt32(length)
            && known & mask == word
    }

    private func isShared(_ handle: TextHandle, holding wanted: RawSpan) -> Bool {
        guard handle.isSet, !TextStore.isOwn(handle) else { return false }
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
            let copy = cells.take(size, isOwn: true)
            guard copy.isSet else { return .none }
            ownCount += 1
            // Two cells of at least so many bytes.
            unsafe cells.pointer(copy).copyMemory(from: cells.pointer(handle), byteCount: size)
            return copy
        }
        let head = unsafe cells.pointer(handle).assumingMemoryBound(to: UInt32.self)
        unsafe head.pointee += 1
        return handle
    }

    /// Counts so many more users of a shared string.
    package mutating func share(_ handle: TextHandle, times count: UInt32) {
        guard handle.isSet, !TextStore.isOwn(handle) else { return }
        // The head of a cell begins with its count of users.
        let head = unsafe cells.pointer(handle).assumingMemoryBound(to: UInt32.self)
        unsafe head.pointee += count
    }

    /// Counts one user less; the last one's string is forgotten.
    package mutating func give(back handle: TextHandle) {
        guard handle.isSet else { return }
        if TextStore.isOwn(handle) {
            ownCount -= 1
            return cells.give(back: handle)
        }
        let head = unsafe cells.pointer(handle).assumingMemoryBound(to: UInt32.self)
        unsafe head.pointee -= 1
        guard unsafe head.pointee == 0 else { return }
        table.remove(TextStore.tag(bytes(of: handle)), handle.bits)
        cells.give(back: handle)
    }

    /// The string itself, for cold paths and tests.
    package func string(_ handle: TextHandle) -> String {
        unsafe bytes(of: handle).withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    }
}
