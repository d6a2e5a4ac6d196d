/// Finds what somebody probably meant by a misspelt word.
package enum Suggestion {
    /// The candidate that is nearest to a word, or nil if none is near.
    ///
    /// Near means: at most a third of the letters differ, and at least one is right.
    package static func nearest(to word: String, among candidates: [String]) -> String? {
        let asked = Array(word.lowercased().utf8.prefix(lengthMax))
        var best: (distance: Int, word: String)?
        for candidate in candidates {
            let letters = Array(candidate.lowercased().utf8.prefix(lengthMax))
            let allowed = max(1, max(asked.count, letters.count) / 3)
            // Each letter more or less is one change at least.
            guard abs(asked.count - letters.count) <= allowed else { continue }
            let distance = distance(asked, letters)
            guard distance <= allowed, distance < max(asked.count, letters.count) else { continue }
            if best == nil || distance < best!.distance { best = (distance, candidate) }
        }
        return best?.word
    }

    /// "; did you mean `x`?", or the candidates if none is near and they are few.
    package static func remedy(for word: String, among candidates: [String]) -> String {
        if let nearest = nearest(to: word, among: candidates) {
            return "; did you mean `\(nearest)`?"
        }
        guard !candidates.isEmpty, candidates.count <= 40 else { return "" }
        return "; possible: \(candidates.joined(separator: ", "))"
    }

    // Words of a config are shorter; the bound keeps hostile ones cheap.
    private static let lengthMax = 64

    /// How many letters must be changed, added, left out or swapped with their neighbour
    /// (Damerau and Levenshtein, in the restricted form).
    static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        if left.isEmpty || right.isEmpty { return max(left.count, right.count) }
        var beforeLast = [Int](repeating: 0, count: right.count + 1)
        var last = Array(0...right.count)
        var row = last
        for i in 1...left.count {
            row[0] = i
            for j in 1...right.count {
                let cost = left[i - 1] == right[j - 1] ? 0 : 1
                row[j] = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + cost)
                if i > 1, j > 1, left[i - 1] == right[j - 2], left[i - 2] == right[j - 1] {
                    row[j] = min(row[j], beforeLast[j - 2] + 1)
                }
            }
            (beforeLast, last, row) = (last, row, beforeLast)
        }
        return last[right.count]
    }
}
