package import Encoding
import Events
import Memory

/// Writes outputs as lines: `{"topic", "key", "headers": {…}, "value": {…}}`.
///
/// A value that is no JSON of ours (a dead letter's) is written as a string, or in base 64 where it
/// is no UTF-8, under `value_base64`; so is a key.
package struct OutputLine: ~Copyable {
    private let line = OutputBuffer()

    package init() {}

    /// The line of a record, with its newline, lent to the closure.
    package mutating func write(
        _ record: OutputRecord,
        of buffer: OutputBuffer,
        _ body: (borrowing RawSpan) -> Void
    ) {
        line.removeAll()
        line.put(#"{"topic":""#)
        line.put(text: record.topic.name)
        line.put(34)
        if record.hasKey {
            put("key", buffer.slice(record.key))
        } else {
            line.put(#","key":null"#)
        }
        line.put(#","headers":{"#)
        putHeaders(buffer.slice(record.headers))
        line.put("}")
        if !record.hasValue {
            line.put(#","value":null"#)
        } else if record.topic == .deadLetters {
            put("value", buffer.slice(record.value))
        } else {
            line.put(#","value":"#)
            line.put(buffer.slice(record.value))
        }
        line.put("}\n")
        body(line.all)
    }

    /// Writes a member whose bytes may be anything.
    private func put(_ name: StaticString, _ bytes: RawSpan) {
        line.put(#",""#)
        line.put(name)
        if unsafe bytes.withUnsafeBytes({ unsafe isUTF8($0) }) {
            line.put(#"":"#)
            line.putJSON(bytes)
        } else {
            line.put(#"_base64":""#)
            putBase64(bytes)
            line.put(34)
        }
    }

    private func isUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
        unsafe String(validating: bytes, as: UTF8.self) != nil
    }

    private func putBase64(_ bytes: RawSpan) {
        let alphabet = Array(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8
        )
        var offset = 0
        while offset < bytes.byteCount {
            var word: UInt32 = 0
            let count = min(3, bytes.byteCount - offset)
            for index in 0..<3 {
                word <<= 8
                if index < count {
                    // Within the span: index is below the count that is left.
                    word |= UInt32(
                        unsafe bytes.unsafeLoad(
                            fromUncheckedByteOffset: offset + index,
                            as: UInt8.self
                        )
                    )
                }
            }
            for index in 0..<4 {
                let six = Int(word >> UInt32(18 - 6 * index)) & 63
                line.put(index <= count ? alphabet[six] : 61)
            }
            offset += count
        }
    }

    private func putHeaders(_ bytes: RawSpan) {
        var reader = HeaderReader(bytes)
        var isFirst = true
        while let (name, value) = reader.next() {
            if !isFirst { line.put(44) }
            isFirst = false
            line.putJSON(bytes.extracting(name))
            line.put(58)
            line.putJSON(bytes.extracting(value))
        }
    }
}

/// Walks headers as they stand in an `OutputRecord` or a `RecordEntry`.
package struct HeaderReader: ~Escapable {
    private let bytes: RawSpan
    private var offset = 0

    /// A reader of encoded headers.
    @_lifetime(copy bytes)
    package init(_ bytes: RawSpan) { self.bytes = bytes }

    private func byte(_ index: Int) -> Int {
        // Every caller checked that the index is below the count.
        Int(unsafe bytes.unsafeLoad(fromUncheckedByteOffset: index, as: UInt8.self))
    }

    /// The next header's name and value as ranges, or nil at the end.
    package mutating func next() -> (name: Range<Int>, value: Range<Int>)? {
        guard offset + 2 <= bytes.byteCount else { return nil }
        let nameLength = byte(offset) | byte(offset + 1) << 8
        let name = offset + 2..<offset + 2 + nameLength
        guard name.upperBound + 4 <= bytes.byteCount else { return nil }
        var valueLength = 0
        for index in 0..<4 { valueLength |= byte(name.upperBound + index) << (8 * index) }
        let value = name.upperBound + 4..<name.upperBound + 4 + valueLength
        guard value.upperBound <= bytes.byteCount else { return nil }
        offset = value.upperBound
        return (name, value)
    }
}
