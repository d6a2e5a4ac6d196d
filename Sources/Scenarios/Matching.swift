import Events
import Settings

/// A field that is not as expected.
struct Difference: Sendable, Equatable {
    var field: String
    var expected: String
    var actual: String
}

/// An expected line beside an actual one; one of them may be missing.
struct Pairing: Sendable {
    var pattern: Pattern?
    var line: StoryLine?
    var differences: [Difference] = []

    /// Whether everything is as expected.
    var isRight: Bool { pattern != nil && line != nil && differences.isEmpty }
}

extension Pattern {
    /// The fields in which a line is not as expected.
    func differences(to line: StoryLine, in story: Story) -> [Difference] {
        var found: [Difference] = []
        for (field, time) in times {
            let actual = line.text(field).flatMap { ScenarioTime.read($0, start: nil) }
            if actual != time {
                found.append(
                    Difference(
                        field: field,
                        expected: ScenarioTime.show(time),
                        actual: actual.map(ScenarioTime.show) ?? "nothing"
                    )
                )
            }
        }
        let owner = person.flatMap(story.profile)
        if let person, owner == nil || owner != line.profile {
            found.append(
                Difference(
                    field: "person",
                    expected: person.value,
                    actual: story.name(of: line.profile)
                )
            )
        }
        for (field, value) in values {
            if let actual = line.fields[field], actual.matches(value) { continue }
            found.append(
                Difference(
                    field: field,
                    expected: JSONValue(json: JSONText.of(value)).shown,
                    actual: line.fields[field]?.shown ?? "nothing"
                )
            )
        }
        if let products {
            let items = line.fields["variables"]?["items"]?.elements ?? []
            let shown = items.map { $0["product_id"]?.text ?? "?" }.sorted()
            if shown != products.sorted() {
                found.append(
                    Difference(
                        field: "products",
                        expected: products.sorted().joined(separator: ", "),
                        actual: shown.joined(separator: ", ")
                    )
                )
            }
        }
        let readings = (line.fields["rules"]?.elements ?? []).compactMap(\.text)
        for rule in rules where !readings.contains(rule) {
            found.append(
                Difference(
                    field: "rules",
                    expected: rule,
                    actual: readings.joined(separator: ", ")
                )
            )
        }
        return found
    }
}

/// Finds which line each pattern means.
struct Matching {
    let patterns: [Pattern]
    let lines: [StoryLine]
    private let differences: [[[Difference]]]
    private var lineOfPattern: [Int?]
    private var patternOfLine: [Int?]

    /// Matches as many patterns as can be with lines of their own.
    init(_ patterns: [Pattern], _ lines: [StoryLine], in story: Story) {
        self.patterns = patterns
        self.lines = lines
        differences = patterns.map { pattern in
            lines.map { pattern.differences(to: $0, in: story) }
        }
        lineOfPattern = Array(repeating: nil, count: patterns.count)
        patternOfLine = Array(repeating: nil, count: lines.count)
        for index in patterns.indices {
            var visited = Set<Int>()
            _ = place(index, &visited)
        }
    }

    /// Finds a line for a pattern, moving others on if they have a second choice (Kuhn).
    private mutating func place(_ pattern: Int, _ visited: inout Set<Int>) -> Bool {
        for line in lines.indices where differences[pattern][line].isEmpty {
            guard visited.insert(line).inserted else { continue }
            if let holder = patternOfLine[line], !place(holder, &visited) { continue }
            patternOfLine[line] = pattern
            lineOfPattern[pattern] = line
            return true
        }
        return false
    }

    /// Patterns without a line.
    var unmatched: [Pattern] {
        patterns.indices.filter { lineOfPattern[$0] == nil }.map { patterns[$0] }
    }

    /// Whether matched lines stand in the order of their patterns.
    var isInOrder: Bool {
        var last = EventTime.none
        for line in lineOfPattern {
            guard let line, let time = lines[line].time else { continue }
            if time < last { return false }
            last = time
        }
        return true
    }

    /// Everything in pairs by time; what is left over is paired with what is most like it.
    func pairings() -> [Pairing] {
        var pairs = lineOfPattern
        var free = Set(lines.indices.filter { patternOfLine[$0] == nil })
        while true {
            var best: (score: Int, pattern: Int, line: Int)?
            for pattern in patterns.indices where pairs[pattern] == nil {
                for line in free.sorted() {
                    let score = likeness(pattern, line)
                    if score > (best?.score ?? 1) { best = (score, pattern, line) }
                }
            }
            guard let best else { break }
            pairs[best.pattern] = best.line
            free.remove(best.line)
        }
        var pairings = patterns.indices.map { index in
            Pairing(
                pattern: patterns[index],
                line: pairs[index].map { lines[$0] },
                differences: pairs[index].map { differences[index][$0] } ?? []
            )
        }
        pairings += free.sorted().map { Pairing(pattern: nil, line: lines[$0]) }
        func time(_ pairing: Pairing) -> EventTime {
            pairing.line?.time ?? pairing.pattern?.time("at") ?? .none
        }
        return pairings.enumerated().sorted {
            (time($0.element), $0.offset) < (time($1.element), $1.offset)
        }.map(\.element)
    }

    /// How much a line looks like what a pattern means.
    private func likeness(_ pattern: Int, _ line: Int) -> Int {
        let wrong = Set(differences[pattern][line].map(\.field))
        var score = 0
        for (field, weight) in [("flow", 1), ("step", 2), ("channel", 1), ("at", 1), ("text", 1)] {
            let isNamed =
                patterns[pattern].time(field) != nil || patterns[pattern].text(field) != nil
            if isNamed, !wrong.contains(field) { score += weight }
        }
        if patterns[pattern].person != nil {
            score += wrong.contains("person") ? -1 : 1
        }
        return score
    }
}
