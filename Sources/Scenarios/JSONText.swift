import Settings

/// Writes YAML values as JSON: plain numbers and truth values as such, everything else as text.
enum JSONText {
    /// The JSON of a value.
    static func of(_ node: YAMLNode) -> String {
        var text = ""
        append(node, to: &text)
        return text
    }

    /// The JSON of a text.
    static func of(_ value: String) -> String {
        var text = ""
        append(value, to: &text)
        return text
    }

    private static func append(_ node: YAMLNode, to text: inout String) {
        switch node.content {
        case .scalar(let scalar):
            if node.isNull {
                text += "null"
            } else if !scalar.isQuoted, isPlain(scalar.text) {
                text += scalar.text
            } else {
                append(scalar.text, to: &text)
            }
        case .sequence(let elements):
            text += "["
            for (index, element) in elements.enumerated() {
                if index > 0 { text += "," }
                append(element, to: &text)
            }
            text += "]"
        case .mapping(let entries):
            text += "{"
            for (index, entry) in entries.enumerated() {
                if index > 0 { text += "," }
                append(entry.key, to: &text)
                text += ":"
                append(entry.value, to: &text)
            }
            text += "}"
        }
    }

    /// Whether a plain scalar is a truth value or a number of JSON's grammar, so that `0000` and
    /// `+91` stay texts.
    private static func isPlain(_ text: String) -> Bool {
        if text == "true" || text == "false" { return true }
        var rest = Substring(text)
        func digits() -> Int {
            let count = rest.utf8.prefix { $0 >= 48 && $0 <= 57 }.count
            rest = rest.dropFirst(count)
            return count
        }
        if rest.first == "-" { rest = rest.dropFirst() }
        let isZero = rest.first == "0"
        let whole = digits()
        guard whole > 0, !isZero || whole == 1 else { return false }
        if rest.first == "." {
            rest = rest.dropFirst()
            guard digits() > 0 else { return false }
        }
        if rest.first == "e" || rest.first == "E" {
            rest = rest.dropFirst()
            if rest.first == "+" || rest.first == "-" { rest = rest.dropFirst() }
            guard digits() > 0 else { return false }
        }
        return rest.isEmpty
    }

    private static func append(_ value: String, to text: inout String) {
        text += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case _ where scalar.value < 32:
                text += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
