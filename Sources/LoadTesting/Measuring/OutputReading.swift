import Decoding
import Events

/// Finds what an output says of the event that caused it.
package struct OutputReading {
    private var times = EventTimeReader()

    /// Reads nothing yet.
    package init() {}

    /// The text of a key in a JSON object of Collie's own, which it writes without spaces; nil if it
    /// is not there.
    ///
    /// No text can hold what is looked for, for a quotation mark in one is escaped.
    package static func text(of key: String, in json: [UInt8]) -> ArraySlice<UInt8>? {
        let wanted = Array("\"\(key)\":\"".utf8)
        var place = 0
        while let quote = json[place...].firstIndex(of: wanted[0]) {
            place = quote + 1
            guard json[quote...].starts(with: wanted) else { continue }
            let begin = quote + wanted.count
            var end = begin
            while end < json.count, json[end] != wanted[0] {
                end += json[end] == UInt8(ascii: "\\") ? 2 : 1
            }
            return end < json.count ? json[begin..<end] : nil
        }
        return nil
    }

    /// The time of a text in milliseconds since 1970; nil if it is none.
    package mutating func time(_ text: some Sequence<UInt8>) -> Int64? {
        let bytes = Array(text)
        return times.read(bytes.raw)?.milliseconds
    }
}
