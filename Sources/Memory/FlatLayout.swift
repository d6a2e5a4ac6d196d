/// Which bytes of a flat record belong to its fields.
///
/// What alignment leaves between fields holds whatever stood there before. A record that is written
/// out byte by byte is cleaned of it first, so that equal records are equal bytes and nothing leaks
/// into a file. Made once for each type, from one of its values.
@usableFromInline
package struct FlatLayout<Record: BitwiseCopyable>: Sendable {
    // Runs of bytes that are no field's, ascending; the last may be the tail up to the stride.
    @usableFromInline var begins = InlineArray<8, Int>(repeating: 0)
    @usableFromInline var ends = InlineArray<8, Int>(repeating: 0)
    @usableFromInline var gapCount = 0

    /// Finds the fields of a record's type.
    package init(_ sample: Record) {
        var used = Array(repeating: false, count: MemoryLayout<Record>.stride)
        let end = FieldWalk.mark(sample, at: 0, in: &used)
        precondition(end == MemoryLayout<Record>.size, "fields stand as they are declared")
        setGaps(used)
    }

    private mutating func setGaps(_ used: [Bool]) {
        gapCount = 0
        var index = 0
        while index < used.count {
            if used[index] {
                index += 1
                continue
            }
            begins[gapCount] = index
            while index < used.count, !used[index] { index += 1 }
            ends[gapCount] = index
            gapCount += 1
        }
    }

    /// The same layout without a field, whose bytes are left out as if it were none.
    package func without<Field>(_ field: KeyPath<Record, Field>) -> FlatLayout {
        guard let offset = MemoryLayout<Record>.offset(of: field) else {
            preconditionFailure("a stored field")
        }
        var used = Array(repeating: true, count: MemoryLayout<Record>.stride)
        for gap in 0..<gapCount { for byte in begins[gap]..<ends[gap] { used[byte] = false } }
        for byte in offset..<offset + MemoryLayout<Field>.size { used[byte] = false }
        var layout = self
        layout.setGaps(used)
        return layout
    }

    /// A number that differs where the layouts of two builds differ.
    package func number(after seed: UInt64) -> UInt64 {
        var hash = seed
        func step(_ value: Int) { hash = (hash ^ UInt64(value)) &* 0x0000_0100_0000_01b3 }
        step(MemoryLayout<Record>.stride)
        step(MemoryLayout<Record>.size)
        for gap in 0..<gapCount {
            step(begins[gap])
            step(ends[gap])
        }
        return hash
    }

    /// Cleans `count` records that stand behind each other in memory, a stride apart.
    @inlinable
    func clean(_ records: UnsafeMutableRawPointer, count: Int) {
        for gap in 0..<gapCount {
            let length = ends[gap] &- begins[gap]
            // Within each record by the way the gaps were found.
            var place = unsafe records + begins[gap]
            for _ in 0..<count {
                unsafe place.initializeMemory(as: UInt8.self, repeating: 0, count: length)
                unsafe place += MemoryLayout<Record>.stride
            }
        }
    }
}

/// Finds fields by reflection, laid out as Swift lays out structs: in order, each aligned.
private enum FieldWalk {
    /// Marks the bytes of a value that stands at an offset; answers where it ends.
    static func mark<Value>(_ value: Value, at offset: Int, in used: inout [Bool]) -> Int {
        let mirror = Mirror(reflecting: value)
        var end = offset
        if mirror.displayStyle == .struct {
            var marks = used
            for child in mirror.children { end = markNext(child.value, behind: end, in: &marks) }
            if end == offset + MemoryLayout<Value>.size {
                used = marks
                return end
            }
        }
        // No fields to be seen: a number, an enumeration, a row of either.
        end = offset + MemoryLayout<Value>.size
        for byte in offset..<end { used[byte] = true }
        return end
    }

    private static func markNext<Value>(
        _ value: Value,
        behind end: Int,
        in used: inout [Bool]
    ) -> Int {
        let alignment = MemoryLayout<Value>.alignment
        return mark(value, at: (end + alignment - 1) / alignment * alignment, in: &used)
    }
}
