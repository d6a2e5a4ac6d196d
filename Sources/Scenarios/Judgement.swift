import Events

/// What a run is worth: the sentences that say what is wrong, and the story for people.
package struct Judgement: Sendable {
    /// What is wrong; empty if all is as expected.
    package private(set) var failures: [String] = []
    /// Expected and actual side by side, as lines of text.
    package private(set) var timeline: [String] = []

    /// Whether all is as expected.
    package var isRight: Bool { failures.isEmpty }

    private let story: Story
    private let expectation: Expectation
    private var concerned: [String] = []

    init(_ scenario: Scenario, _ result: RunResult) {
        story = Story(result)
        expectation = scenario.expectation
        checkCommands()
        checkDecisions()
        checkList("review", expectation.reviews, story.reviews)
        checkList("dead letter", expectation.deadLetters, story.deadLetters)
        checkIdentity(result)
        for counter in expectation.counters where result.counters[counter.name] != counter.value {
            failures.append(
                "\(counter.mark): the counter \(counter.name) is "
                    + "\(result.counters[counter.name]), expected \(counter.value)"
            )
        }
        showDecisions()
    }

    /// Notes what only the caller can see.
    mutating func fail(_ text: String) { failures.append(text) }

    // MARK: Commands

    private mutating func checkCommands() {
        var seen: [String: StoryLine] = [:]
        for line in story.commands {
            guard let id = line.sendID else { continue }
            if seen[id] != nil { failures.append("two commands have the send id \(id)") }
            seen[id] = line
        }
        guard let patterns = expectation.commands else {
            timeline = Columns.lines(story.commands.map { Pairing(line: $0) }, story, isBare: true)
            return
        }
        let matching = Matching(patterns, story.commands, in: story)
        let pairings = matching.pairings()
        timeline = Columns.lines(pairings, story, isBare: false)
        for pairing in pairings where !pairing.isRight { note(pairing) }
        count(pairings, "command")
        if !matching.isInOrder { failures.append("the commands come in another order") }
    }

    private mutating func note(_ pairing: Pairing) {
        if let profile = pairing.line?.profile { concern(profile) }
        if let person = pairing.pattern?.person, let profile = story.profile(of: person) {
            concern(profile)
        }
    }

    private mutating func concern(_ profile: String) {
        if !concerned.contains(profile) { concerned.append(profile) }
    }

    private mutating func count(_ pairings: [Pairing], _ what: String) {
        func say(_ count: Int, _ how: String) {
            guard count > 0 else { return }
            failures.append("\(count) \(what)\(count == 1 ? " is" : "s are") \(how)")
        }
        say(pairings.count { $0.line == nil }, "missing")
        say(pairings.count { $0.pattern == nil }, "unexpected")
        say(pairings.count { !$0.differences.isEmpty }, "different")
    }

    private mutating func checkList(
        _ what: String,
        _ patterns: [Pattern]?,
        _ lines: [StoryLine]
    ) {
        guard let patterns else { return }
        let pairings = Matching(patterns, lines, in: story).pairings()
        if pairings.allSatisfy(\.isRight) { return }
        count(pairings, what)
        timeline.append("\(what)s:")
        timeline += Columns.lines(pairings, story, isBare: false)
    }

    // MARK: Decisions

    private mutating func checkDecisions() {
        let counted = expectation.decisions.filter { $0.count != nil }
        let matching = Matching(
            expectation.decisions.filter { $0.count == nil },
            story.decisions,
            in: story
        )
        for pattern in matching.unmatched {
            missing("the decision", pattern)
        }
        for pattern in counted {
            let count = story.decisions.count { pattern.differences(to: $0, in: story).isEmpty }
            if count != pattern.count {
                missing("\(count) and not \(pattern.count ?? 0) decisions", pattern)
            }
        }
        for pattern in expectation.noDecisions {
            for line in story.decisions where pattern.differences(to: line, in: story).isEmpty {
                failures.append(
                    "\(pattern.mark): there is a decision that must not be: "
                        + Columns.words(line, story).joined(separator: " ")
                )
                if let profile = line.profile { concern(profile) }
            }
        }
    }

    private mutating func missing(_ what: String, _ pattern: Pattern) {
        let words = Columns.words(pattern).filter { !$0.isEmpty }.joined(separator: " ")
        let verb = pattern.count == nil ? "is missing" : "are like"
        failures.append("\(pattern.mark): \(what) \(verb): \(words)")
        note(Pairing(pattern: pattern))
    }

    private mutating func showDecisions() {
        for profile in concerned {
            timeline.append("")
            timeline.append("decisions of \(story.name(of: profile)):")
            let lines = story.decisions.filter { $0.profile == profile }
            timeline += Columns.lines(lines.map { Pairing(line: $0) }, story, isBare: true)
            if lines.isEmpty { timeline.append("  none") }
        }
    }

    /// All decisions, for whoever wants to see everything.
    package var decisions: [String] {
        Columns.lines(story.decisions.map { Pairing(line: $0) }, story, isBare: true)
    }

    // MARK: Identity

    private mutating func checkIdentity(_ result: RunResult) {
        for pattern in expectation.identity {
            let count = story.identity.count { pattern.differences(to: $0, in: story).isEmpty }
            if let expected = pattern.count, count != expected {
                missing("\(count) and not \(expected) identity records", pattern)
            } else if pattern.count == nil, count == 0 {
                missing("the identity record", pattern)
            }
        }
        if let expected = expectation.profiles, result.profileCount != expected {
            failures.append("there are \(result.profileCount) profiles, expected \(expected)")
        }
        guard let mark = expectation.personsMark else { return }
        var owners: [String: String] = [:]
        for group in expectation.persons {
            var first: (name: String, profile: String)?
            for name in group {
                guard let profile = story.profile(of: name) else {
                    failures.append("\(mark): nobody is known by \(name.value)")
                    continue
                }
                if let first, first.profile != profile {
                    failures.append(
                        "\(mark): \(first.name) and \(name.value) are two persons, expected one"
                    )
                }
                first = first ?? (name.value, profile)
            }
            guard let first else { continue }
            if let other = owners[first.profile] {
                failures.append("\(mark): \(other) and \(first.name) are one person, expected two")
            }
            owners[first.profile] = first.name
        }
    }
}
