import Settings

/// Tells people how scenarios came out, and counts.
package struct ScenarioReport {
    /// Whether passing scenarios are shown in full.
    package let isVerbose: Bool
    /// Scenarios that came out as they should.
    package private(set) var passed = 0
    /// Scenarios that did not.
    package private(set) var failed = 0
    /// Files that cannot be acted out.
    package private(set) var mistaken = 0

    /// Makes a report.
    package init(isVerbose: Bool = false) { self.isVerbose = isVerbose }

    /// What to print for a file.
    package mutating func lines(of file: FileOutcome) -> [String] {
        var lines: [String] = []
        for outcome in file.outcomes {
            let judgement = outcome.judgement
            if judgement.isRight { passed += 1 } else { failed += 1 }
            lines.append("\(judgement.isRight ? "pass" : "FAIL")  \(outcome.title)")
            if !judgement.isRight {
                lines.append("      \(outcome.mark)")
                lines += judgement.failures.map { "      " + $0 }
            }
            guard !judgement.isRight || isVerbose else { continue }
            lines.append("")
            lines += judgement.timeline.map { $0.isEmpty ? "" : "      " + $0 }
            if isVerbose {
                lines += ["", "      all decisions:"] + judgement.decisions.map { "      " + $0 }
            }
            lines.append("")
        }
        if file.mistakes.contains(where: { $0.severity == .error }) {
            mistaken += 1
            lines += file.mistakes.map(\.description)
        }
        return lines
    }

    /// The last line.
    package var summary: String {
        func say(_ count: Int, _ what: String) -> String { "\(count) \(what)" }
        var parts = [say(passed, passed == 1 ? "scenario passes" : "scenarios pass")]
        if failed > 0 { parts.append(say(failed, failed == 1 ? "fails" : "fail")) }
        if mistaken > 0 {
            parts.append(say(mistaken, mistaken == 1 ? "file has mistakes" : "files have mistakes"))
        }
        return parts.joined(separator: ", ")
    }
}
