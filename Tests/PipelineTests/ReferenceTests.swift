import Events
import Foundation
import Pipeline
import Testing

@Suite("Reference model")
struct ReferenceTests {
    /// How many seeds the suite plays; `COLLIE_SEEDS` asks for more, `COLLIE_SEED` for one.
    private static var seeds: ClosedRange<UInt64> {
        let environment = ProcessInfo.processInfo.environment
        if let one = environment["COLLIE_SEED"].flatMap({ UInt64($0) }) { return one...one }
        return 1...(environment["COLLIE_SEEDS"].flatMap { UInt64($0) } ?? 2_000)
    }

    @Test(arguments: 0..<UInt64(4))
    func `the pipeline decides as the rules say, whatever happens`(part: UInt64) {
        var tally: [String: Int] = [:]
        defer {
            if ProcessInfo.processInfo.environment["COLLIE_TALLY"] != nil {
                print(tally.sorted { $0.value > $1.value }.map { "\($0.key) \($0.value)" })
            }
        }
        for seed in Self.seeds where seed % 4 == part {
            let story = StoryTeller.story(seed)
            // Three shards cost as much as all the rest, so not every seed takes them.
            let comparison = Comparison(story, onThree: seed % 3 == 0)
            tally.merge(comparison.tally, uniquingKeysWith: +)
            guard let difference = comparison.difference else { continue }
            let smaller = Comparison.minimise(story)
            let shown = Comparison(smaller).difference ?? difference
            Issue.record("seed \(seed)\n\(Comparison.describe(smaller))\n\(shown)")
            return
        }
    }
}

/// One story, played by the model and by the pipeline.
struct Comparison {
    /// What differs, in words; nil if nothing does.
    let difference: String?
    /// How often each outcome came out.
    let tally: [String: Int]

    init(_ story: Story, onThree: Bool = true) {
        let rules = CompiledRules(story.rules)
        let partitions = story.partitions
        var one = PipelineRun(rules: rules, shards: 1, partitions: partitions, isReading: true)
        one.playStopping(story.moments)
        var three: [UInt8]?
        if onThree {
            var run = PipelineRun(
                rules: rules,
                shards: 3,
                partitions: partitions,
                isReading: false
            )
            run.play(one.played)
            three = run.bytes
        }
        let names = Comparison.names(in: story)
        one.find(names)
        let model = ReferencePipeline(story.rules, partitions: partitions)
        model.play(one.played)
        tally = Dictionary(
            (one.outcomes.lines.values.joined() + one.outcomes.identity).map { line in
                let word = line.split(separator: " ")[1]
                return (word.count > 30 ? "identity" : String(word), 1)
            },
            uniquingKeysWith: +
        )
        difference =
            Comparison.difference(model.outcomes, one.outcomes)
            ?? Invariants.broken(one.written, story.rules)
            ?? ((three ?? one.bytes) == one.bytes
                ? nil : "three shards say something else than one")
    }

    private static func names(in story: Story) -> Set<Name> {
        var names: Set<Name> = []
        for case .event(let event) in story.moments { names.formUnion(event.names.map(\.name)) }
        return names
    }

    private static func difference(_ model: Outcomes, _ pipeline: Outcomes) -> String? {
        for profile in Set(model.lines.keys).union(pipeline.lines.keys).sorted() {
            let expected = model.lines[profile] ?? []
            let actual = pipeline.lines[profile] ?? []
            if settled(expected) != settled(actual) {
                return difference("profile \(profile)", settled(expected), settled(actual))
            }
        }
        if model.identity != pipeline.identity {
            return difference("identity", model.identity, pipeline.identity)
        }
        let expected = model.owners.map { "\($0.key) is \($0.value)" }.sorted()
        let actual = pipeline.owners.map { "\($0.key) is \($0.value)" }.sorted()
        return expected == actual ? nil : difference("owners", expected, actual)
    }

    /// What one event ends at once on several carts has no order that the rules name.
    private static func settled(_ lines: [String]) -> [String] {
        let endings = ["goal_met", "superseded", "merged", "inherited_event", "exited"]
        func ending(_ line: String) -> String? {
            let words = line.split(separator: " ").prefix(2).map(String.init)
            return words.count == 2 && endings.contains(words[1])
                ? words.joined(separator: " ") : nil
        }
        var sorted = lines
        var start = 0
        while start < sorted.count {
            var end = start + 1
            if let first = ending(sorted[start]) {
                while end < sorted.count, ending(sorted[end]) == first { end += 1 }
            }
            sorted[start..<end].sort()
            start = end
        }
        return sorted
    }

    private static func difference(
        _ what: String,
        _ expected: [String],
        _ actual: [String]
    ) -> String {
        let same = zip(expected, actual).prefix { $0 == $1 }.count
        func tail(_ lines: [String]) -> String {
            lines.dropFirst(same).prefix(4).map { "    \($0)" }.joined(separator: "\n")
        }
        return """
            \(what) after \(same) equal lines:
              the rules say
            \(tail(expected))
              the pipeline says
            \(tail(actual))
            """
    }

    /// Leaves out whatever can be left out while the two still disagree.
    static func minimise(_ story: Story) -> Story {
        var story = story
        var size = max(1, story.moments.count / 2)
        while true {
            var start = 0
            while start < story.moments.count {
                var smaller = story
                smaller.moments.removeSubrange(start..<min(start + size, story.moments.count))
                if Comparison(smaller).difference != nil { story = smaller } else { start += size }
            }
            if size == 1 { break }
            size /= 2
        }
        story = shorter(story, \.caps)
        story = shorter(story, \.gaps)
        story = shorter(story, \.quiet)
        return story
    }

    private static func shorter<Rule>(
        _ story: Story,
        _ path: WritableKeyPath<Rules, [Rule]>
    ) -> Story {
        var story = story
        for index in story.rules[keyPath: path].indices.reversed() {
            var smaller = story
            smaller.rules[keyPath: path].remove(at: index)
            if Comparison(smaller).difference != nil { story = smaller }
        }
        return story
    }

    /// A value as Swift writes it, without what it repeats.
    private static func short(_ value: Any) -> String {
        var text = "\(value)"
        for word in [
            "Events.", "Flows.", "FlowDefinition.", "FrequencyCapping.", "Windows.", "TimeSpan",
            "Condition.", "MessageClass.", "Channel.", "milliseconds: ", "version: 1, ",
            ", compliance: [], variables: []", "confirmsSubscription: false", ", condition: nil",
            ", expiresAfter: nil", ", fallback: []", "template: \"t\"", "tags: [], ", "Optional",
            "Swift.", "clickPause: (7200000), ", "goals: [], ", "exits: [], ", "entry: nil, ",
        ] {
            text = text.replacingOccurrences(of: word, with: "")
        }
        return text
    }

    static func describe(_ story: Story) -> String {
        let rules = story.rules
        var lines = [
            "disorder \(rules.disorder.milliseconds / 1_000) s, age \(rules.maxAge.milliseconds / 3_600_000) h, "
                + "implied \(rules.impliedConsent.count)"
        ]
        lines += rules.flows.map { "flow \(short($0))" }
        lines += rules.caps.map { "cap \(short($0))" }
        lines += rules.gaps.map { "gap \(short($0))" }
        lines += rules.quiet.map { "quiet \(short($0))" }
        lines += story.moments.map(\.description)
        return lines.map { "  \($0)" }.joined(separator: "\n")
    }
}
