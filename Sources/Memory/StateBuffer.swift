/// Bytes of saved state on their way into a piece.
///
/// Owned by one thread; emptied and filled again. Grows with the largest piece.
@safe
@usableFromInline
package struct StateBuffer: ~Copyable {
    @usableFromInline var storage: UnsafeMutableRawPointer
    @usableFromInline var capacity: Int
    /// Bytes written.
    @usableFromInline package var count = 0

    /// Makes an empty buffer with room for so many bytes.
    package init(room: Int = 1 << 16) {
        capacity = max(64, room)
        // Owned by this value alone.
        unsafe storage = .allocate(byteCount: capacity, alignment: 16)
    }

    /// Makes a buffer without memory, to stand in for one that is used elsewhere.
    package init(standIn: Void) {
        capacity = 0
        // Never followed: there is no room.
        unsafe storage = UnsafeMutableRawPointer(bitPattern: 64).unsafelyUnwrapped
    }

    deinit { if capacity > 0 { unsafe storage.deallocate() } }

    /// Forgets everything and keeps the memory.
    @inlinable
    package mutating func removeAll() { count = 0 }

    /// Makes room for so many more bytes.
    @inlinable
    package mutating func reserve(_ more: Int) {
        if capacity &- count < more { grow(more) }
    }

    @usableFromInline
    mutating func grow(_ more: Int) {
        var larger = max(64, capacity)
        while larger - count < more { larger *= 2 }
        let moved = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
        unsafe moved.copyMemory(from: storage, byteCount: count)
        if capacity > 0 { unsafe storage.deallocate() }
        unsafe storage = moved
        capacity = larger
    }

    /// Adds a record without what stands between its fields.
    @inlinable
    package mutating func put<Record: BitwiseCopyable>(
        _ record: Record,
        _ layout: FlatLayout<Record>
    ) {
        // A stride of room, so that cleaning may reach over the tail.
        reserve(MemoryLayout<Record>.stride)
        let place = unsafe storage + count
        unsafe withUnsafeBytes(of: record) {
            unsafe UnsafeMutableRawBufferPointer(start: place, count: MemoryLayout<Record>.size)
                .copyMemory(from: $0)
        }
        unsafe layout.clean(place, count: 1)
        count &+= MemoryLayout<Record>.size
    }

    /// Adds a number.
    @inlinable
    package mutating func put<Number: FixedWidthInteger & BitwiseCopyable>(_ number: Number) {
        reserve(MemoryLayout<Number>.size)
        // Room was just made; no alignment is asked for.
        unsafe (storage + count).storeBytes(of: number, as: Number.self)
        count &+= MemoryLayout<Number>.size
    }

    /// Forgets everything from a place on.
    package mutating func truncate(to length: Int) {
        precondition(length >= 0 && length <= count)
        count = length
    }

    /// A number of two bytes that was written before.
    package func short(at offset: Int) -> UInt16 {
        precondition(offset >= 0 && offset &+ 2 <= count)
        return unsafe storage.loadUnaligned(fromByteOffset: offset, as: UInt16.self)
    }

    /// Writes a number over two bytes that were written before.
    package mutating func patch(short number: UInt16, at offset: Int) {
        precondition(offset >= 0 && offset &+ 2 <= count)
        unsafe (storage + offset).storeBytes(of: number, as: UInt16.self)
    }

    /// A number of four bytes that were written before.
    @inlinable
    package func number(at offset: Int) -> UInt32 {
        precondition(offset >= 0 && offset &+ 4 <= count)
        return unsafe storage.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
    }

    /// Writes a number over four bytes that were written before.
    @inlinable
    package mutating func patch(_ number: UInt32, at offset: Int) {
        precondition(offset >= 0 && offset &+ 4 <= count)
        unsafe (storage + offset).storeBytes(of: number, as: UInt32.self)
    }

    /// Adds bytes.
    @inlinable
    package mutating func put(_ bytes: RawSpan) {
        reserve(bytes.byteCount)
        // Room was just made; source and target are different memory.
        let place = unsafe UnsafeMutableRawBufferPointer(
            start: storage + count,
            count: bytes.byteCount
        )
        unsafe bytes.withUnsafeBytes { unsafe place.copyMemory(from: $0) }
        count &+= bytes.byteCount
    }

    /// Adds a string with its length before it; for names, which are short.
    package mutating func put(text: String) {
        let bytes = Array(text.utf8.prefix(Int(UInt16.max)))
        put(UInt16(bytes.count))
        // Bytes have nothing between them.
        unsafe put(bytes.span.bytes)
    }

    /// Adds memory as it is, a run of records a stride apart, and cleans the copy.
    @inlinable
    mutating func put<Record: BitwiseCopyable>(
        run: UnsafeRawPointer,
        count records: Int,
        _ layout: FlatLayout<Record>
    ) {
        let length = records &* MemoryLayout<Record>.stride
        reserve(length)
        let place = unsafe storage + count
        unsafe place.copyMemory(from: run, byteCount: length)
        unsafe layout.clean(place, count: records)
        count &+= length
    }

    /// Adds what was written to another buffer.
    package func append(to other: inout StateBuffer) { other.put(bytes) }

    /// What was written, borrowed.
    @inlinable
    package var bytes: RawSpan {
        @_lifetime(borrow self)
        get {
            let buffer = unsafe UnsafeRawBufferPointer(start: storage, count: count)
            return unsafe _overrideLifetime(buffer.bytes, borrowing: self)
        }
    }
}

extension StateBuffer {
    /// Adds so many bytes that the closure writes, if it answers that it did.
    package mutating func fill(
        _ length: Int,
        _ body: (UnsafeMutableRawBufferPointer) -> Bool
    ) -> Bool {
        reserve(length)
        // Room was just made; lent for the call.
        let place = unsafe UnsafeMutableRawBufferPointer(start: storage + count, count: length)
        guard unsafe body(place) else { return false }
        count += length
        return true
    }
}

extension StateBuffer {
    /// Adds a number in seven bits a byte, the lowest first: small numbers are short.
    @inlinable
    package mutating func put(varying number: UInt64) {
        reserve(10)
        var rest = number
        while rest >= 0x80 {
            // Room for the longest was just made.
            unsafe (storage + count).storeBytes(
                of: UInt8(truncatingIfNeeded: rest) | 0x80,
                as: UInt8.self
            )
            count &+= 1
            rest >>= 7
        }
        unsafe (storage + count).storeBytes(of: UInt8(truncatingIfNeeded: rest), as: UInt8.self)
        count &+= 1
    }

    /// Adds a number that may be negative and is short when it is near zero.
    @inlinable
    package mutating func put(signed number: Int64) {
        put(varying: UInt64(bitPattern: (number << 1) ^ (number >> 63)))
    }
}
