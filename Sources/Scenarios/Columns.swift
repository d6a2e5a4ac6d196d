import Events
import Settings

/// Lays lines of a story out in columns.
///
/// `=` is as expected, `~` different, `-` missing, `+` unexpected.
enum Columns {
    /// Expected beside actual; bare is the actual alone.
    static func lines(_ pairings: [Pairing], _ story: Story, isBare: Bool) -> [String] {
        let left = pairings.map { $0.pattern.map(words) ?? [] }
        let right = pairings.map { $0.line.map { words($0, story) } ?? [] }
        let widths = widths(of: (left + right).map { $0.dropLast() })
        if isBare { return right.map { "  " + join($0, widths) } }
        let total = (left.map { join($0, widths).count }.max() ?? 0) + 4
        var lines = ["  " + pad("expected", to: total) + "actual"]
        for (index, pairing) in pairings.enumerated() {
            let mark =
                pairing.line == nil
                ? "-" : pairing.pattern == nil ? "+" : pairing.isRight ? "=" : "~"
            let text =
                "\(mark) " + pad(join(left[index], widths), to: total)
                + join(right[index], widths)
            lines.append(trimmed(text))
            for difference in pairing.differences {
                lines.append(
                    "      \(difference.field): expected \(difference.expected), "
                        + "is \(difference.actual)"
                )
            }
        }
        return pairings.isEmpty ? ["  nothing, as expected"] : lines
    }

    /// What a pattern says, by column.
    static func words(_ pattern: Pattern) -> [String] {
        var more: [String] = []
        for (field, value) in pattern.values
        where !["flow", "step", "channel", "outcome"].contains(field) {
            more.append("\(field) \(JSONValue(json: JSONText.of(value)).shown)")
        }
        if let until = pattern.time("until") { more.append("until \(ScenarioTime.show(until))") }
        if let products = pattern.products {
            more.append("[" + products.joined(separator: ", ") + "]")
        }
        more += pattern.rules
        return [
            pattern.time("at").map(ScenarioTime.show) ?? "", pattern.person?.value ?? "",
            path(pattern.text("flow"), pattern.text("step")), pattern.text("channel") ?? "",
            pattern.text("outcome") ?? "", more.joined(separator: " "),
        ]
    }

    /// What a line says, by column.
    static func words(_ line: StoryLine, _ story: Story) -> [String] {
        var more: [String] = []
        for field in ["reason", "field", "why", "text", "type"] {
            if let text = line.text(field) { more.append(text) }
        }
        if let until = line.text("until").flatMap({ ScenarioTime.read($0, start: nil) }) {
            more.append("until \(ScenarioTime.show(until))")
        }
        if let items = line.fields["variables"]?["items"]?.elements {
            more.append(
                "[" + items.map { $0["product_id"]?.shown ?? "?" }.joined(separator: ", ") + "]"
            )
        }
        if let value = line.fields["variables"]?["value"] { more.append(value.shown) }
        if let rules = line.fields["rules"]?.elements, line.sendID == nil {
            more += rules.compactMap(\.text)
        }
        return [
            line.time.map(ScenarioTime.show) ?? "", story.name(of: line.profile),
            path(line.text("flow"), line.text("step")), line.text("channel") ?? "",
            line.text("outcome") ?? "", more.joined(separator: " "),
        ]
    }

    private static func path(_ flow: String?, _ step: String?) -> String {
        [flow, step].compactMap { $0 }.joined(separator: "/")
    }

    // The last column is as wide as it is.
    private static func widths(of rows: [ArraySlice<String>]) -> [Int] {
        var widths: [Int] = []
        for row in rows {
            for (index, word) in row.enumerated() {
                if index == widths.count { widths.append(0) }
                widths[index] = max(widths[index], word.count)
            }
        }
        return widths
    }

    private static func join(_ words: [String], _ widths: [Int]) -> String {
        var text = ""
        for (index, word) in words.enumerated() {
            let width = index < widths.count ? widths[index] : word.count
            if width > 0 { text += pad(word, to: width + 2) }
        }
        return trimmed(text)
    }

    private static func pad(_ text: String, to width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private static func trimmed(_ text: String) -> String {
        var text = text
        while text.last == " " { text.removeLast() }
        return text
    }
}
