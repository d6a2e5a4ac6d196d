import Foundation
package import Settings

/// A value of an output record, as JSON has it.
package enum JSONValue: Decodable, Equatable, Sendable {
    case null
    case boolean(Bool)
    case number(Double)
    case text(String)
    case list([JSONValue])
    case object([String: JSONValue])

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .boolean(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .text(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .list(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    /// Reads JSON; a text that is none is kept as text (a dead letter's value may be anything).
    package init(json: String) {
        let parsed = try? JSONDecoder().decode(JSONValue.self, from: Data(json.utf8))
        self = parsed ?? .text(json)
    }

    /// A member of an object.
    package subscript(key: String) -> JSONValue? {
        if case .object(let members) = self { members[key] } else { nil }
    }

    /// The text, if it is one.
    package var text: String? {
        if case .text(let text) = self { text } else { nil }
    }

    /// The elements, if it is a list.
    package var elements: [JSONValue]? {
        if case .list(let elements) = self { elements } else { nil }
    }

    /// Whether it is what a scenario file says: objects may have more members than are named.
    package func matches(_ node: YAMLNode) -> Bool {
        switch (self, node.content) {
        case (.object(let members), .mapping(let entries)):
            entries.allSatisfy { members[$0.key]?.matches($0.value) ?? $0.value.isNull }
        case (.list(let values), .sequence(let elements)):
            values.count == elements.count
                && zip(values, elements).allSatisfy { $0.matches($1) }
        case (.text(let text), .scalar(let scalar)): text == scalar.text
        case (.number(let number), .scalar): node.number == number
        case (.boolean(let value), .scalar): node.truth == value
        case (.null, .scalar): node.isNull
        default: false
        }
    }

    /// The value on one line, for people.
    package var shown: String {
        switch self {
        case .null: "null"
        case .boolean(let value): String(value)
        case .number(let number):
            number == number.rounded() && abs(number) < 1e15
                ? String(Int64(number)) : String(number)
        case .text(let text): text
        case .list(let values): "[" + values.map(\.shown).joined(separator: ", ") + "]"
        case .object(let members):
            "{"
                + members.keys.sorted().map { "\($0): \(members[$0]?.shown ?? "")" }
                .joined(separator: ", ") + "}"
        }
    }
}
