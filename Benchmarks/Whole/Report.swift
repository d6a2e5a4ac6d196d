import Foundation

/// What a whole run came to, on the terminal, as a section of a page, and drawn.
struct Report {
    let title: String
    let findings: [Findings]
    /// Parts that could not be measured, and why.
    let failures: [(part: String, reason: String)]
    let rates: [(name: String, rate: Double)]
    /// How it was called.
    let command: String
    /// The commit and whether files differ from it.
    let commit: String
    /// How busy the machine was before and behind.
    let loads: (before: Double, behind: Double)

    /// Whether everything was measured and no goal missed.
    var isGood: Bool { failures.isEmpty && findings.allSatisfy(\.isGood) }

    /// In the end, for the terminal: what is not as it should be.
    var verdict: String {
        var lines: [String] = []
        for finding in findings {
            for row in finding.rows where row.isMet == false {
                let ratio = row.ratio.isEmpty ? "" : " (\(row.ratio))"
                lines.append(
                    "missed: \(finding.title), \(row.what): \(row.value)\(ratio), goal \(row.goal)"
                )
            }
        }
        for failure in failures { lines.append("not measured: \(failure.part): \(failure.reason)") }
        return lines.isEmpty ? "every goal is met" : lines.joined(separator: "\n")
    }

    /// The section of a page, from its heading.
    private func markdown(plot: String?) -> String {
        var text = """
            ## \(title)

            Command: `\(command)`, commit \(commit). \(Machine.description); load average \
            \(decimal(loads.before, 1)) before and \(decimal(loads.behind, 1)) behind it.


            """
        if let plot { text += "![\(title)](\(plot))\n\n" }
        text += findings.map(\.markdown).joined(separator: "\n")
        for failure in failures {
            let reason = failure.reason.split(separator: "\n").first.map(String.init) ?? ""
            text += "\nNot measured: \(failure.part) (\(reason)).\n"
        }
        return text
    }

    /// Puts the section into a Markdown file, in place of the one before.
    func write(to path: String, plot: String?) throws {
        let old = (try? String(contentsOfFile: path, encoding: .utf8)) ?? "# Results\n"
        // Sections begin with two marks; the lines up to the next one belong to them.
        var kept: [Substring] = []
        var isSkipping = false
        for line in old.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("## ") { isSkipping = line == "## \(title)" }
            if !isSkipping { kept.append(line) }
        }
        while kept.last?.isEmpty == true { kept.removeLast() }
        let name = plot.map { URL(filePath: $0).lastPathComponent }
        let text = kept.joined(separator: "\n") + "\n\n" + markdown(plot: name)
        try text.write(toFile: path, atomically: true, encoding: .utf8)
    }

    /// Draws it.
    func draw(to path: String) throws {
        var plots: [Plot] = []
        if !rates.isEmpty {
            plots.append(
                Plot(
                    title: "Rates within one run",
                    unit: "events/s",
                    content: .bars(rates.map { ($0.name, $0.rate) })
                )
            )
        }
        plots += findings.flatMap(\.plots)
        try Plot.page(plots, title: title).write(toFile: path, atomically: true, encoding: .utf8)
    }
}
