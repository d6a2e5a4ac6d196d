/// The headers of an output record, read back: what `OutputBuffer` packs, by name.
///
/// For whoever looks at outputs (simulator, tests); the pipeline itself only writes them.
package struct PackedHeaders {
    /// The values by their headers' names; of equal names the last counts.
    package private(set) var values: [String: String] = [:]

    /// Reads whole headers: a name behind its length of two bytes, a value behind one of four.
    package init(_ bytes: [UInt8]) {
        var position = 0
        func number(_ count: Int) -> Int {
            (0..<count).reduce(0) { $0 | Int(bytes[position + $1]) << (8 * $1) }
        }
        while position < bytes.count {
            let name = number(2)
            position += 2
            let key = String(decoding: bytes[position..<position + name], as: UTF8.self)
            position += name
            let length = number(4)
            position += 4
            values[key] = String(decoding: bytes[position..<position + length], as: UTF8.self)
            position += length
        }
    }

    /// A header's value.
    package subscript(name: String) -> String? { values[name] }
}
