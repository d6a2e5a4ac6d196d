/// Flat values on their way from one owner to another, as 64-bit words.
///
/// A profile that is absorbed travels in one: written by the shard that gives it away, read in the
/// same order by the one that takes it. Owned by one thread at a time.
@safe
@usableFromInline
package struct Parcel: ~Copyable {
    @usableFromInline var words = GrowingBuffer<UInt64>(room: 1_024)
    @usableFromInline var cursor = 0

    /// An empty parcel.
    package init() {}

    /// How many words it has.
    package var count: Int { words.count }

    /// Empties it.
    package mutating func removeAll() {
        words.removeAll()
        cursor = 0
    }

    /// Begins reading from the start.
    package mutating func rewind() { cursor = 0 }

    /// A word as it travels.
    package func word(_ index: Int) -> UInt64 { words[index] }

    /// Adds a word as it came.
    package mutating func append(word: UInt64) { words.append(word) }

    /// Writes a flat value.
    @inlinable
    package mutating func put<Value: BitwiseCopyable>(_ value: Value) {
        let count = (MemoryLayout<Value>.size + 7) / 8
        // The last word may be filled in part.
        let first = words.appendZeros(count)
        unsafe withUnsafeBytes(of: value) { bytes in
            // As many words as hold the value were just added.
            unsafe words.withBytes(first, count) {
                unsafe $0.baseAddress!.copyMemory(
                    from: bytes.baseAddress!,
                    byteCount: MemoryLayout<Value>.size
                )
            }
        }
    }

    /// Reads a flat value; the argument says which.
    @inlinable
    package mutating func get<Value: BitwiseCopyable>(_ type: Value.Type) -> Value {
        let count = (MemoryLayout<Value>.size + 7) / 8
        precondition(cursor + count <= words.count, "a parcel is read as it was written")
        defer { cursor += count }
        // Written as such a value, from words that were just checked to be there.
        return unsafe words.withBytes(cursor, count) {
            unsafe $0.loadUnaligned(fromByteOffset: 0, as: Value.self)
        }
    }

    /// Writes a string of a store.
    package mutating func put(_ handle: TextHandle, from texts: borrowing TextStore) {
        let bytes = texts.bytes(of: handle)
        let length = bytes.byteCount
        words.append(UInt64(length))
        var offset = 0
        while offset < length {
            var word: UInt64 = 0
            var shift: UInt64 = 0
            while shift < 64, offset < length {
                // In bounds by the loop's condition.
                let byte = unsafe bytes.unsafeLoad(
                    fromUncheckedByteOffset: offset,
                    as: UInt8.self
                )
                word |= UInt64(byte) << shift
                shift += 8
                offset += 1
            }
            words.append(word)
        }
    }

    /// Reads a string that many share into a store.
    package mutating func get(into texts: inout TextStore) -> TextHandle {
        let range = textRange()
        return range.isEmpty ? .none : unsafe texts.take(words.span.bytes.extracting(range))
    }

    /// Reads a string of one owner into a store.
    package mutating func getOwn(into texts: inout TextStore) -> TextHandle {
        let range = textRange()
        return range.isEmpty ? .none : unsafe texts.keep(words.span.bytes.extracting(range))
    }

    // Where the bytes of the next string stand. Strings were written as little-endian words; on the
    // little-endian machines that Swift on Linux has, these are the bytes themselves.
    private mutating func textRange() -> Range<Int> {
        let length = Int(get(UInt64.self))
        let count = (length + 7) / 8
        precondition(cursor + count <= words.count && length <= TextStore.lengthMax)
        defer { cursor += count }
        return cursor * 8..<cursor * 8 + length
    }
}
