import Settings

/// Holds a tree against a JSON Schema: the keywords that the schemas we use are written with.
///
/// The schema is a tree as well, for JSON is YAML. An unknown keyword is a mistake of its own, so
/// that nothing passes unchecked.
struct SchemaCheck {
    private static let known: Set<String> = [
        "$schema", "$id", "$ref", "$comment", "title", "description", "default", "deprecated",
        "examples", "definitions", "$defs", "type", "enum", "properties", "patternProperties",
        "additionalProperties", "required", "items", "uniqueItems", "oneOf", "anyOf", "allOf",
        "pattern", "format", "minimum", "maximum",
    ]

    let root: YAMLNode

    /// What is wrong with a tree; empty is nothing.
    func mistakes(in node: YAMLNode) -> [String] { check(node, against: root, "") }

    private func check(_ node: YAMLNode, against schema: YAMLNode, _ path: String) -> [String] {
        if let allowed = schema.text { return allowed == "true" ? [] : ["\(path) may not be"] }
        var found: [String] = []
        for entry in schema.entries ?? [] where !SchemaCheck.known.contains(entry.key) {
            found.append("the schema says \(entry.key), which is not understood")
        }
        if let reference = schema["$ref"]?.text {
            let place = reference.split(separator: "/").dropFirst()
            let target = place.reduce(Optional(root)) { $0?[String($1)] }
            guard let target else { return found + ["the schema has no \(reference)"] }
            found += check(node, against: target, path)
        }
        found += checkValue(node, schema, path)
        found += checkMapping(node, schema, path)
        for (index, element) in (node.elements ?? []).enumerated() {
            if let items = schema["items"] {
                found += check(element, against: items, "\(path)[\(index)]")
            }
        }
        if schema["uniqueItems"]?.text == "true" {
            let texts = (node.elements ?? []).compactMap(\.text)
            if Set(texts).count != texts.count { found.append("\(path) repeats itself") }
        }
        for one in schema["allOf"]?.elements ?? [] { found += check(node, against: one, path) }
        found += checkChoices(node, schema, path)
        return found
    }

    private func checkValue(_ node: YAMLNode, _ schema: YAMLNode, _ path: String) -> [String] {
        var found: [String] = []
        if let type = schema["type"] {
            let names = type.elements?.compactMap(\.text) ?? [type.text ?? ""]
            if !names.contains(where: { isOf(type: $0, node) }) {
                found.append("\(path) is \(node.kindName), not \(names.joined(separator: " or "))")
            }
        }
        if let values = schema["enum"]?.elements?.compactMap(\.text),
            !values.contains(node.text ?? "")
        {
            found.append("\(path) is \(node.kindName), not one of \(values)")
        }
        if let pattern = schema["pattern"]?.text, let text = node.text,
            (try? Regex(pattern).firstMatch(in: text)) == nil
        {
            found.append("\(path): \(text) does not match \(pattern)")
        }
        if let number = node.text.flatMap(Double.init) {
            if let least = schema["minimum"]?.text.flatMap(Double.init), number < least {
                found.append("\(path) is less than \(least)")
            }
            if let most = schema["maximum"]?.text.flatMap(Double.init), number > most {
                found.append("\(path) is more than \(most)")
            }
        }
        return found
    }

    private func checkMapping(_ node: YAMLNode, _ schema: YAMLNode, _ path: String) -> [String] {
        guard let entries = node.entries else { return [] }
        var found: [String] = []
        for key in schema["required"]?.elements?.compactMap(\.text) ?? [] where node[key] == nil {
            found.append("\(path) lacks \(key)")
        }
        for entry in entries {
            let place = "\(path).\(entry.key)"
            var isDescribed = false
            if let own = schema["properties"]?[entry.key] {
                isDescribed = true
                found += check(entry.value, against: own, place)
            }
            for pattern in schema["patternProperties"]?.entries ?? [] {
                guard (try? Regex(pattern.key).firstMatch(in: entry.key)) != nil else { continue }
                isDescribed = true
                found += check(entry.value, against: pattern.value, place)
            }
            if !isDescribed, let others = schema["additionalProperties"] {
                found += check(entry.value, against: others, place)
            }
        }
        return found
    }

    private func checkChoices(_ node: YAMLNode, _ schema: YAMLNode, _ path: String) -> [String] {
        var found: [String] = []
        for key in ["oneOf", "anyOf"] {
            guard let choices = schema[key]?.elements else { continue }
            let results = choices.map { check(node, against: $0, path) }
            let fitting = results.count(where: \.isEmpty)
            // The choice that comes nearest says what is wrong.
            if fitting == 0 { found += results.min { $0.count < $1.count } ?? [] }
            if fitting > 1, key == "oneOf" { found.append("\(path) fits \(fitting) of one") }
        }
        return found
    }

    private func isOf(type: String, _ node: YAMLNode) -> Bool {
        switch type {
        case "object": return node.entries != nil
        case "array": return node.elements != nil
        case "null": return node.isNull
        default:
            guard let scalar = node.scalar, !node.isNull else { return false }
            let isTruth = !scalar.isQuoted && ["true", "false"].contains(scalar.text)
            let isWhole = !scalar.isQuoted && Int(scalar.text) != nil
            let isNumber = !scalar.isQuoted && Double(scalar.text) != nil
            switch type {
            case "boolean": return isTruth
            case "integer": return isWhole
            case "number": return isNumber
            default: return type == "string" && !isTruth && !isNumber
            }
        }
    }
}
