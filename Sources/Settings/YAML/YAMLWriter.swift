extension YAMLNode {
    /// The tree as YAML in block style; secrets are masked.
    ///
    /// - Parameter masksKeys: whether values are masked whose keys sound like secrets; those that
    ///   came out of a secret's file always are.
    package func yaml(masksKeys: Bool = true) -> String {
        var writer = YAMLWriter(masksKeys: masksKeys)
        writer.write(self, indent: 0)
        return writer.text
    }
}

/// Which values are never shown.
package enum SecretKeys {
    private static let words = [
        "password", "passwd", "secret", "token", "jaas", "credential", "private", "key", "pem",
        "sasl.oauthbearer.config",
    ]

    /// Whether the key sounds like a secret.
    package static func contains(_ key: String) -> Bool {
        let lower = key.lowercased()
        return words.contains { lower.contains($0) } && !lower.hasSuffix(".location")
    }

    /// What stands in place of a secret.
    package static let mask = "********"
}

private struct YAMLWriter {
    let masksKeys: Bool
    var text = ""

    init(masksKeys: Bool) { self.masksKeys = masksKeys }

    mutating func write(_ node: YAMLNode, indent: Int) {
        let space = String(repeating: " ", count: indent)
        switch node.content {
        case .scalar(let scalar):
            text += space + quoted(scalar) + "\n"
        case .sequence([]): text += space + "[]\n"
        case .sequence(let elements):
            for element in elements {
                var part = YAMLWriter(masksKeys: masksKeys)
                part.write(element, indent: indent + 2)
                // The dash takes the place of the first line's last indentation.
                text += space + "- " + part.text.dropFirst(indent + 2)
            }
        case .mapping([]): text += space + "{}\n"
        case .mapping(let entries):
            for entry in entries {
                text += space + quoted(YAMLNode.Scalar(entry.key)) + ":"
                write(entry, indent: indent)
            }
        }
    }

    private mutating func write(_ entry: YAMLNode.Entry, indent: Int) {
        switch entry.value.content {
        case .scalar(let scalar):
            let isMasked =
                masksKeys && SecretKeys.contains(entry.key) && !scalar.text.isEmpty
            text += " " + (isMasked ? "\"\(SecretKeys.mask)\"" : quoted(scalar)) + "\n"
        case .sequence(let elements) where elements.allSatisfy { $0.scalar != nil }:
            text += " [" + elements.compactMap(\.scalar).map(quoted).joined(separator: ", ") + "]\n"
        case .mapping(let entries) where entries.isEmpty:
            text += " {}\n"
        default:
            text += "\n"
            write(entry.value, indent: indent + 2)
        }
    }

    private func quoted(_ scalar: YAMLNode.Scalar) -> String {
        if scalar.isSecret { return "\"\(SecretKeys.mask)\"" }
        if !scalar.isQuoted {
            // Numbers and nothing must come back as what they were.
            let node = YAMLNode(.scalar(scalar), at: Mark(file: "", line: 0, column: 0))
            if node.isNull { return "~" }
            if node.number != nil { return scalar.text }
        }
        let isPlain =
            !scalar.isQuoted
            && scalar.text.utf8.allSatisfy { byte in
                (byte | 32 >= 97 && byte | 32 <= 122) || (byte >= 48 && byte <= 57)
                    || "_-./@ ".utf8.contains(byte)
            } && !scalar.text.hasPrefix("-") && !scalar.text.hasPrefix("@")
            && !scalar.text.hasPrefix("...")
            && !scalar.text.hasPrefix(" ") && !scalar.text.hasSuffix(" ")
        if isPlain { return scalar.text }
        var escaped = ""
        for unit in withoutPassword(scalar.text).unicodeScalars {
            switch unit {
            case "\"": escaped += "\\\""
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\t": escaped += "\\t"
            case let unit where YAMLWriter.isInvisible(unit):
                let digits = String(unit.value, radix: 16)
                escaped += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: escaped.unicodeScalars.append(unit)
            }
        }
        return "\"\(escaped)\""
    }

    // Control characters, and what YAML takes for line breaks or a byte order mark.
    private static func isInvisible(_ unit: Unicode.Scalar) -> Bool {
        unit.value < 32 || (127...159).contains(unit.value) || unit.value == 0xfeff
            || (0x2028...0x2029).contains(unit.value)
    }

    // `scheme://user:password@host`
    private func withoutPassword(_ text: String) -> String {
        guard let scheme = text.firstRange(of: "://") else { return text }
        let rest = text[scheme.upperBound...]
        guard let at = rest.prefix(while: { $0 != "/" }).lastIndex(of: "@"),
            let colon = rest[..<at].firstIndex(of: ":")
        else { return text }
        return text[...colon] + SecretKeys.mask + text[at...]
    }
}
