/// Reads a piece of saved state in the order in which it was written.
///
/// Everything is checked against the piece's end: what is missing is an error, never a trap.
@usableFromInline
package struct StateReader: ~Escapable {
    @usableFromInline let bytes: RawSpan
    /// How far it has read.
    @usableFromInline package var offset = 0

    /// Reads from the first byte.
    @inlinable
    @_lifetime(copy bytes)
    package init(_ bytes: RawSpan) { self.bytes = bytes }

    /// Bytes not read yet.
    @inlinable
    package var left: Int { bytes.byteCount &- offset }

    @usableFromInline
    static var short: StateError { .damaged("a piece ends too early") }

    /// The next flat value; the argument says which.
    @inlinable
    package mutating func get<Value: BitwiseCopyable>(
        _ type: Value.Type
    ) throws(StateError) -> Value {
        guard left >= MemoryLayout<Value>.size else { throw StateReader.short }
        // In bounds by the line before.
        let value = unsafe bytes.unsafeLoadUnaligned(
            fromUncheckedByteOffset: offset,
            as: Value.self
        )
        offset &+= MemoryLayout<Value>.size
        return value
    }

    /// The next so many bytes, borrowed from the piece.
    @inlinable
    @_lifetime(copy self)
    package mutating func take(_ count: Int) throws(StateError) -> RawSpan {
        guard count >= 0, left >= count else { throw StateReader.short }
        let begin = offset
        offset &+= count
        return bytes.extracting(begin..<begin &+ count)
    }

    /// Leaves out so many bytes.
    @inlinable
    package mutating func skip(_ count: Int) throws(StateError) {
        guard count >= 0, left >= count else { throw StateReader.short }
        offset &+= count
    }

    /// The next string.
    package mutating func text() throws(StateError) -> String {
        let length = Int(try get(UInt16.self))
        let bytes = try take(length)
        return unsafe bytes.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    }

    /// The next number in seven bits a byte.
    @inlinable
    package mutating func varying() throws(StateError) -> UInt64 {
        var number: UInt64 = 0
        var shift: UInt64 = 0
        while shift < 70 {
            let byte = try get(UInt8.self)
            number |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return number }
            shift &+= 7
        }
        throw .damaged("a number that does not end")
    }

    /// The next number that may be negative.
    @inlinable
    package mutating func signed() throws(StateError) -> Int64 {
        let number = try varying()
        return Int64(bitPattern: number >> 1) ^ -Int64(bitPattern: number & 1)
    }
}
