import Events

/// Words with a number each, found by bytes and without regard to case.
///
/// Open addressing over the words' FNV-1a; built once, then only read. Case is ignored for ASCII
/// letters; a word beyond ASCII is kept in the ways people write it: small, with a capital, in
/// capitals.
struct WordTable {
    private var places: [Int32]
    private var hashes: [UInt64] = []
    private var values: [Int32] = []
    private var begins: [Int32] = [0]
    private var bytes: [UInt8] = []
    // By the word's first byte in small letters, the lengths of words that begin with it, a bit each:
    // nearly every text that is no word ends here.
    private var lengths = [UInt64](repeating: 0, count: 256)

    /// Makes a table; of equal words the first counts.
    init(_ words: [(word: String, value: Int32)]) {
        var size = 16
        while size < words.count * 8 { size *= 2 }
        places = Array(repeating: -1, count: size)
        for (word, value) in words {
            let lower = word.lowercased()
            add(lower, value)
            guard !lower.utf8.allSatisfy({ $0 < 128 }) else { continue }
            add(lower.prefix(1).uppercased() + lower.dropFirst(), value)
            add(lower.uppercased(), value)
        }
    }

    private mutating func add(_ word: String, _ value: Int32) {
        let word = word.utf8.map(lowered)
        var hash = WordTable.seed
        for byte in word { WordTable.step(&hash, byte) }
        var place = Int(truncatingIfNeeded: hash) & (places.count - 1)
        while places[place] >= 0 {
            let entry = Int(places[place])
            let range = Int(begins[entry])..<Int(begins[entry + 1])
            if bytes[range].elementsEqual(word) { return }
            place = (place + 1) & (places.count - 1)
        }
        places[place] = Int32(values.count)
        hashes.append(hash)
        values.append(value)
        bytes += word
        begins.append(Int32(bytes.count))
        if let first = word.first { lengths[Int(first)] |= 1 << UInt64(min(word.count, 63)) }
    }

    private static var seed: UInt64 { 0xcbf2_9ce4_8422_2325 }

    @inline(__always)
    private static func step(_ hash: inout UInt64, _ byte: UInt8) {
        hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
    }

    /// The number of a word, or -1.
    func find(_ word: RawSpan) -> Int32 {
        guard word.byteCount > 0 else { return -1 }
        let first = Int(lowered(word.byte(0)))
        guard lengths[first] & (1 << UInt64(min(word.byteCount, 63))) != 0 else { return -1 }
        var hash = WordTable.seed
        for index in 0..<word.byteCount { WordTable.step(&hash, lowered(word.byte(index))) }
        var place = Int(truncatingIfNeeded: hash) & (places.count - 1)
        while places[place] >= 0 {
            let entry = Int(places[place])
            if hashes[entry] == hash, isEqual(entry, word) { return values[entry] }
            place = (place + 1) & (places.count - 1)
        }
        return -1
    }

    private func isEqual(_ entry: Int, _ word: RawSpan) -> Bool {
        let begin = Int(begins[entry])
        guard Int(begins[entry + 1]) - begin == word.byteCount else { return false }
        for index in 0..<word.byteCount where bytes[begin + index] != lowered(word.byte(index)) {
            return false
        }
        return true
    }
}
