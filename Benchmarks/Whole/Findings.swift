/// What one part came to.
struct Findings {
    /// One figure.
    struct Row {
        var what: String
        var value: String
        /// Against what it is held.
        var ratio = ""
        /// What is aimed at; empty is nothing.
        var goal = ""
        /// Whether that is reached; nil without a goal.
        var isMet: Bool?
    }

    var title: String
    /// How it was measured.
    var note: String
    var rows: [Row] = []
    var plots: [Plot] = []

    /// Adds a figure; the goal is met or not.
    mutating func add(
        _ what: String,
        _ value: String,
        ratio: String = "",
        goal: String = "",
        isMet: Bool? = nil
    ) {
        rows.append(Row(what: what, value: value, ratio: ratio, goal: goal, isMet: isMet))
    }

    /// Whether no goal is missed.
    var isGood: Bool { rows.allSatisfy { $0.isMet != false } }

    /// As a section of a Markdown page.
    var markdown: String {
        var text =
            "### \(title)\n\n\(note)\n\n| | measured | ratio | goal | |\n|---|---|---|---|---|\n"
        for row in rows {
            let mark = row.isMet.map { $0 ? "met" : "**missed**" } ?? ""
            text += "| \(row.what) | \(row.value) | \(row.ratio) | \(row.goal) | \(mark) |\n"
        }
        return text
    }

    /// As lines of a terminal.
    var text: String {
        var text = title + "\n"
        for row in rows {
            var line = "  " + row.what.padded(to: 52) + " " + row.value
            if !row.ratio.isEmpty { line += "  (\(row.ratio))" }
            if !row.goal.isEmpty { line += "  goal \(row.goal)" }
            if let isMet = row.isMet { line += isMet ? ": met" : ": MISSED" }
            text += line + "\n"
        }
        return text
    }
}

extension String {
    /// The text, with spaces behind it up to a width.
    fileprivate func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}

/// A share in percent.
func percent(_ share: Double) -> String { decimal(share * 100, 0) + " %" }
