/// Changes single settings of a loaded configuration, as a scenario or the command line asks.
///
/// Keys are nested or dotted (`flows.cart.steps.s2.delay: 2h`). Elements of a list are named by
/// their `id`; `null` takes one away, a new id adds one. Lists and single values replace what was
/// there, and so do conditions.
struct Overrides {
    let mistakes: Mistakes

    // No setting stands deeper; the bound keeps the recursion shallow.
    private static let pathMax = 12

    // Values that make sense only as a whole; a dotted key still reaches into them.
    private static let whole: Set<String> = [
        "if", "entry", "condition", "where", "goals", "exits", "variables", "compliance",
    ]
    // Maps whose own keys have dots.
    private static let dottedKeys: Set<String> = [
        "common", "consumer", "producer", "events", "topics",
    ]

    /// Merges a mapping of changes into a tree.
    func merge(_ changes: YAMLNode, into node: YAMLNode) -> YAMLNode {
        guard let entries = changes.entries else { return changes }
        var result = node
        for entry in entries { apply(entry, to: &result) }
        return result
    }

    private func apply(_ entry: YAMLNode.Entry, to node: inout YAMLNode) {
        let path = entry.key.split(separator: ".").map(String.init)
        guard !path.isEmpty, path.count <= Overrides.pathMax else {
            mistakes.add(
                "a key has 1 to \(Overrides.pathMax) names with dots between them",
                at: entry.mark
            )
            return
        }
        set(path[...], to: entry.value, in: &node, at: entry.mark)
    }

    private func set(
        _ path: ArraySlice<String>,
        to value: YAMLNode,
        in node: inout YAMLNode,
        at mark: Mark
    ) {
        guard let key = path.first else { return }
        let rest = path.dropFirst()
        if let elements = node.elements {
            node.content = .sequence(change(elements, key, rest, to: value, at: mark))
            return
        }
        var entries = node.entries ?? []
        let index = entries.firstIndex { $0.key == key }
        if rest.isEmpty, value.isNull {
            if let index { entries.remove(at: index) }
        } else {
            var child =
                index.map { entries[$0].value } ?? YAMLNode(.mapping([]), at: value.mark)
            if rest.isEmpty {
                child = combined(child, with: value, under: key)
            } else if Overrides.dottedKeys.contains(key) {
                set([rest.joined(separator: ".")], to: value, in: &child, at: mark)
            } else {
                set(rest, to: value, in: &child, at: mark)
            }
            let changed = YAMLNode.Entry(key: key, mark: mark, value: child)
            if let index { entries[index] = changed } else { entries.append(changed) }
        }
        node = YAMLNode(.mapping(entries), at: node.mark)
    }

    private func combined(_ old: YAMLNode, with new: YAMLNode, under key: String) -> YAMLNode {
        guard let entries = new.entries, old.entries != nil || old.elements != nil,
            !Overrides.whole.contains(key)
        else { return new }
        if key == "trigger", new["abandoned"] != nil || new["event"] != nil { return new }
        if Overrides.dottedKeys.contains(key) {
            var result = old
            for entry in entries { set([entry.key], to: entry.value, in: &result, at: entry.mark) }
            return result
        }
        return merge(new, into: old)
    }

    // Changes, adds or takes away the element of a list that has an id.
    private func change(
        _ elements: [YAMLNode],
        _ id: String,
        _ rest: ArraySlice<String>,
        to value: YAMLNode,
        at mark: Mark
    ) -> [YAMLNode] {
        var elements = elements
        let index = elements.firstIndex { $0["id"]?.text == id }
        if rest.isEmpty, value.isNull {
            if let index { elements.remove(at: index) }
            return elements
        }
        let fresh = YAMLNode(
            .mapping([
                YAMLNode.Entry(key: "id", mark: mark, value: YAMLNode(text: id, at: mark))
            ]),
            at: mark
        )
        var element = index.map { elements[$0] } ?? fresh
        if rest.isEmpty {
            guard value.entries != nil else {
                value.reject("`\(id)`", expected: "a mapping of keys and values", mistakes)
                return elements
            }
            element = merge(value, into: element)
        } else {
            set(rest, to: value, in: &element, at: mark)
        }
        if let index { elements[index] = element } else { elements.append(element) }
        return elements
    }
}
