package import Events

/// What a kind of mapping may contain, for example a flow or a cap.
///
/// The loader reads through it and the tests of the schemas compare with it, so a key that is read
/// cannot be forgotten in either.
package struct MappingKind: Sendable, Equatable {
    /// What it is called in messages, such as "a flow".
    package var name: String
    /// The keys it may have, in the order in which they are documented.
    package var keys: [String]
    /// The keys it must have.
    package var required: [String]

    /// Declares a kind.
    package init(_ name: String, keys: [String], required: [String] = []) {
        self.name = name
        self.keys = keys
        self.required = required
    }
}

/// A mapping that is being read key by key; whatever is wrong goes to the list of mistakes.
///
/// The methods without a default answer nil both when the key is missing and when its value is
/// wrong: the mistake is noted, and reading goes on.
package struct Fields {
    /// The mapping itself.
    package let node: YAMLNode
    /// What it may contain.
    package let kind: MappingKind
    /// Where mistakes go.
    package let mistakes: Mistakes
    /// What was read, with the defaults.
    package let outline: Outline

    /// Begins reading: unknown keys and missing ones are noted at once; nil if it is no mapping.
    package init?(_ node: YAMLNode, as kind: MappingKind, _ mistakes: Mistakes) {
        let node = node.isNull ? YAMLNode(.mapping([]), at: node.mark) : node
        guard let entries = node.entries else {
            node.reject(kind.name, expected: "a mapping of keys and values", mistakes)
            return nil
        }
        self.node = node
        self.kind = kind
        self.mistakes = mistakes
        outline = Outline(at: node.mark, keys: kind.keys)
        for entry in entries where !kind.keys.contains(entry.key) && !mistakes.isFull {
            let remedy = Suggestion.remedy(for: entry.key, among: kind.keys)
            mistakes.add("\(kind.name) has no key `\(entry.key)`\(remedy)", at: entry.mark)
        }
        for key in kind.required where node[key]?.isNull ?? true {
            mistakes.add("\(kind.name) needs the key `\(key)`", at: node.mark)
        }
    }

    /// Where the mapping begins.
    package var mark: Mark { node.mark }

    /// The value of a key; `nil` if it is missing or nothing.
    package subscript(key: String) -> YAMLNode? {
        precondition(kind.keys.contains(key), "\(key) is not declared of \(kind.name)")
        guard let value = node[key], !value.isNull else { return nil }
        outline.note(key, .node(value))
        return value
    }

    /// Whether the key has a value.
    package func has(_ key: String) -> Bool { node[key].map { !$0.isNull } ?? false }

    /// Notes an error about a key, at its value.
    package func reject(_ key: String, _ text: String) {
        mistakes.add("`\(key)` \(text)", at: self[key]?.mark ?? mark)
    }

    private func noteDefault(_ key: String, _ text: String) {
        guard !has(key) else { return }
        outline.note(key, .node(YAMLNode(text: text, isQuoted: text.isEmpty, at: mark)))
    }

    // MARK: Single values

    /// A text.
    package func text(_ key: String) -> String? { self[key]?.readText("`\(key)`", mistakes) }

    /// A text, or the default.
    package func text(_ key: String, default value: String) -> String {
        noteDefault(key, value)
        return text(key) ?? value
    }

    /// A whole number.
    package func integer(_ key: String, in range: ClosedRange<Int> = 0 ... .max) -> Int? {
        self[key]?.readInteger("`\(key)`", in: range, mistakes)
    }

    /// A whole number, or the default.
    package func integer(
        _ key: String,
        in range: ClosedRange<Int> = 0 ... .max,
        default value: Int
    ) -> Int {
        noteDefault(key, String(value))
        return integer(key, in: range) ?? value
    }

    /// A number.
    package func number(_ key: String) -> Double? { self[key]?.readNumber("`\(key)`", mistakes) }

    /// `true` or `false`.
    package func truth(_ key: String) -> Bool? { self[key]?.readTruth("`\(key)`", mistakes) }

    /// `true` or `false`, or the default.
    package func truth(_ key: String, default value: Bool) -> Bool {
        noteDefault(key, String(value))
        return truth(key) ?? value
    }

    /// A length of time.
    package func span(
        _ key: String,
        in range: ClosedRange<TimeSpan> = .zero ... .days(4_000)
    ) -> TimeSpan? {
        self[key]?.readSpan("`\(key)`", in: range, mistakes)
    }

    /// A length of time, or the default.
    package func span(
        _ key: String,
        in range: ClosedRange<TimeSpan> = .zero ... .days(4_000),
        default value: TimeSpan
    ) -> TimeSpan {
        noteDefault(key, value.text)
        return span(key, in: range) ?? value
    }

    /// One of some words.
    package func choice<Value>(_ key: String, of choices: KeyValuePairs<String, Value>) -> Value? {
        self[key]?.readChoice("`\(key)`", of: choices, mistakes)
    }

    /// One of some words, or the default.
    package func choice<Value: Equatable>(
        _ key: String,
        of choices: KeyValuePairs<String, Value>,
        default value: Value
    ) -> Value {
        if let name = choices.first(where: { $0.value == value })?.key { noteDefault(key, name) }
        return choice(key, of: choices) ?? value
    }

    // MARK: Lists

    /// The elements of a list; one value alone counts as a list of one.
    package func list(_ key: String) -> [YAMLNode] {
        self[key]?.readList("`\(key)`", mistakes) ?? []
    }

    /// The texts of a list.
    package func texts(_ key: String) -> [String] {
        list(key).compactMap { $0.readText("`\(key)`", mistakes) }
    }

    /// The words of a list, with what each stands for.
    package func choices<Value>(_ key: String, of choices: KeyValuePairs<String, Value>) -> [Value]
    {
        list(key).compactMap { $0.readChoice("`\(key)`", of: choices, mistakes) }
    }

    // MARK: Mappings

    /// The mapping under a key; a missing one is read as an empty one, for its defaults.
    package func section(_ key: String, as kind: MappingKind) -> Fields? {
        let child = Fields(
            self[key] ?? YAMLNode(.mapping([]), at: mark),
            as: kind,
            mistakes
        )
        if let child { outline.note(key, .mapping(child.outline)) }
        return child
    }

    /// The mapping under a key, or nil if there is none.
    package func fields(_ key: String, as kind: MappingKind) -> Fields? {
        has(key) ? section(key, as: kind) : nil
    }

    /// The mappings of a list.
    package func children(_ key: String, as kind: MappingKind) -> [Fields] {
        let children = list(key).compactMap { Fields($0, as: kind, mistakes) }
        if has(key) { outline.note(key, .list(children.map(\.outline))) }
        return children
    }

    /// The entries of a mapping with free keys.
    package func entries(_ key: String) -> [YAMLNode.Entry] {
        guard let value = self[key] else { return [] }
        guard let entries = value.entries else {
            value.reject("`\(key)`", expected: "a mapping of keys and values", mistakes)
            return []
        }
        return entries
    }
}
