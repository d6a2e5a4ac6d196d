/// Replaces `${NAME}`, `${NAME:-default}` and `${file:path}` in the values of a tree.
///
/// `$$` stands for a dollar sign. Keys are left alone. What comes out of a file is a secret and
/// never shown.
struct Interpolation {
    /// The environment.
    let environment: [String: String]
    /// Reads a secret's file, given as it stands in the config; nil if that is not possible.
    let readFile: (String) -> String?
    let mistakes: Mistakes

    /// The tree with everything replaced.
    func callAsFunction(_ node: YAMLNode) -> YAMLNode {
        var result = node
        switch node.content {
        case .scalar(let scalar):
            guard scalar.text.contains("$") else { return node }
            result.content = .scalar(replace(in: scalar, at: node.mark))
        case .sequence(let elements):
            result.content = .sequence(elements.map { self($0) })
        case .mapping(let entries):
            result.content = .mapping(
                entries.map {
                    YAMLNode.Entry(key: $0.key, mark: $0.mark, value: self($0.value))
                }
            )
        }
        return result
    }

    private func replace(in scalar: YAMLNode.Scalar, at mark: Mark) -> YAMLNode.Scalar {
        var result = scalar
        result.text = ""
        var rest = Substring(scalar.text)
        while let dollar = rest.firstIndex(of: "$") {
            result.text += rest[..<dollar]
            rest = rest[rest.index(after: dollar)...]
            if rest.first == "$" {
                result.text += "$"
                rest = rest.dropFirst()
            } else if rest.first == "{" {
                guard let end = rest.firstIndex(of: "}") else {
                    mistakes.add("`${` without `}`; write `$$` for a dollar sign", at: mark)
                    return scalar
                }
                let expression = rest[rest.index(after: rest.startIndex)..<end]
                result.text += value(of: expression, secret: &result.isSecret, at: mark)
                rest = rest[rest.index(after: end)...]
            } else {
                result.text += "$"
            }
        }
        result.text += rest
        return result
    }

    private func value(of expression: Substring, secret: inout Bool, at mark: Mark) -> String {
        if expression.hasPrefix("file:") {
            let path = String(expression.dropFirst("file:".count))
            secret = true
            guard let text = readFile(path) else {
                mistakes.add("the file `\(path)` cannot be read", at: mark)
                return ""
            }
            return text.hasSuffix("\n") ? String(text.dropLast()) : text
        }
        let parts = expression.split(
            separator: ":-",
            maxSplits: 1,
            omittingEmptySubsequences: false
        )
        let name = String(parts[0])
        guard !name.isEmpty, name.utf8.allSatisfy(isNameByte) else {
            mistakes.add(
                "`${\(expression)}` names no environment variable; possible: ${NAME}, "
                    + "${NAME:-default}, ${file:path}, and `$$` for a dollar sign",
                at: mark
            )
            return ""
        }
        let value = environment[name] ?? ""
        if !value.isEmpty { return value }
        if parts.count == 2 { return String(parts[1]) }
        if environment[name] == nil {
            mistakes.add(
                "the environment variable `\(name)` is not set; set it, or write "
                    + "`${\(name):-a default}`",
                at: mark
            )
        }
        return value
    }

    private func isNameByte(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "_") || (byte >= 48 && byte <= 57)
            || (byte | 32 >= 97 && byte | 32 <= 122)
    }
}
