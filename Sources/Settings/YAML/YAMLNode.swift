/// A piece of a YAML file that knows where it stands.
///
/// Aliases are already replaced by what they stand for, mappings keep their order and have no key
/// twice. Scalars stay texts: what they mean is decided by whoever reads them, so that the country
/// `NO` is no truth value and the hour `21:00` no number.
package struct YAMLNode: Sendable, Equatable {
    /// What a node is.
    package enum Content: Sendable, Equatable {
        case scalar(Scalar)
        case sequence([YAMLNode])
        case mapping([Entry])
    }

    /// A single value.
    package struct Scalar: Sendable, Equatable {
        /// The text, without quotes.
        package var text: String
        /// Whether it was quoted or a block: then it is text even if it looks like a number.
        package var isQuoted: Bool
        /// Whether it came out of a secret's file, and must never be shown.
        package var isSecret = false

        /// Makes a scalar.
        package init(_ text: String, isQuoted: Bool = false) {
            self.text = text
            self.isQuoted = isQuoted
        }
    }

    /// A key of a mapping with its value.
    package struct Entry: Sendable, Equatable {
        /// The key.
        package var key: String
        /// Where the key stands.
        package var mark: Mark
        /// The value.
        package var value: YAMLNode

        /// Makes an entry.
        package init(key: String, mark: Mark, value: YAMLNode) {
            self.key = key
            self.mark = mark
            self.value = value
        }
    }

    /// Where it begins.
    package var mark: Mark
    /// What it is.
    package var content: Content

    /// Makes a node.
    package init(_ content: Content, at mark: Mark) {
        self.content = content
        self.mark = mark
    }

    /// Makes a scalar.
    package init(text: String, isQuoted: Bool = false, at mark: Mark) {
        self.init(.scalar(Scalar(text, isQuoted: isQuoted)), at: mark)
    }

    /// The scalar, if it is one.
    package var scalar: Scalar? {
        if case .scalar(let scalar) = content { scalar } else { nil }
    }

    /// The scalar's text, if it is one.
    package var text: String? { scalar?.text }

    /// The elements, if it is a sequence.
    package var elements: [YAMLNode]? {
        if case .sequence(let elements) = content { elements } else { nil }
    }

    /// The entries in file order, if it is a mapping.
    package var entries: [Entry]? {
        if case .mapping(let entries) = content { entries } else { nil }
    }

    /// The value of a key, if it is a mapping that has it.
    package subscript(key: String) -> YAMLNode? {
        entries?.first { $0.key == key }?.value
    }

    /// Whether it stands for nothing: empty, `~` or `null`, unquoted.
    package var isNull: Bool {
        guard let scalar, !scalar.isQuoted else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(scalar.text)
    }

    /// What it is, for messages.
    package var kindName: String {
        switch content {
        case .scalar(let scalar):
            isNull ? "nothing" : scalar.isSecret ? "a secret" : "`\(scalar.text.prefix(60))`"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }
}
