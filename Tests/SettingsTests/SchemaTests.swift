import Events
import Foundation
import Settings
import Testing

@Suite("Schemas")
struct SchemaTests {
    private func schema(_ name: String) throws -> [String: Any] {
        let path = "\(Repository.config)/schemas/\(name).schema.json"
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    private func definition(_ name: String?, of schema: [String: Any]) throws -> [String: Any] {
        guard let name else { return schema }
        let definitions = try #require(schema["$defs"] as? [String: Any])
        return try #require(definitions[name] as? [String: Any])
    }

    @Test(arguments: ConfigFormat.entries.indices)
    func `they have exactly the keys that the loader reads`(index: Int) throws {
        let entry = ConfigFormat.entries[index]
        let described = try definition(entry.definition, of: schema(entry.schema))
        let properties = try #require(described["properties"] as? [String: Any])
        #expect(properties.keys.sorted() == entry.kind.keys.sorted())
        #expect((described["required"] as? [String] ?? []).sorted() == entry.kind.required.sorted())
        #expect(described["additionalProperties"] as? Bool == false)
    }

    @Test(arguments: ["collie", "policies", "tracking-plan", "flow"])
    func `each closed mapping in them is one that the loader reads`(name: String) throws {
        let definitions = try #require(try schema(name)["$defs"] as? [String: Any])
        let known = ConfigFormat.entries.filter { $0.schema == name }.compactMap(\.definition)
        // Conditions are compared by their own test.
        let closed = definitions.keys.filter { key in
            (definitions[key] as? [String: Any])?["additionalProperties"] as? Bool == false
                && !["subjects", "operators"].contains(key)
        }
        #expect(closed.sorted() == known.sorted())
    }

    @Test func `words are the same on both sides`() throws {
        func words(_ schema: String, _ name: String) throws -> [String]? {
            try definition(name, of: self.schema(schema))["enum"] as? [String]
        }
        for schema in ["policies", "tracking-plan", "flow"] {
            #expect(try words(schema, "channel") == Channel.allCases.map(\.name))
        }
        #expect(try words("flow", "class") == MessageClass.allCases.map(\.name))
        #expect(try words("tracking-plan", "meaning") == EventMeaning.allCases.map(\.name))
    }

    @Test func `conditions are the same on both sides`() throws {
        let flow = try schema("flow")
        let operators = try #require(
            try definition("operators", of: flow)["properties"] as? [String: Any]
        )
        #expect(operators.keys.sorted() == ConfigFormat.operators.sorted())
        let subjects = try definition("subjects", of: flow)
        let fixed = try #require(subjects["properties"] as? [String: Any])
        let free = try #require(subjects["patternProperties"] as? [String: Any])
        // `^profile\..+` describes `profile.…`.
        var described = fixed.keys.filter { !["all", "any", "not"].contains($0) }
        for pattern in free.keys {
            let key = String(pattern.dropFirst()).replacing("\\.", with: ".")
            described.append(key.replacing(".+", with: "…"))
        }
        #expect(described.sorted() == ConfigFormat.subjects.sorted())
    }

    @Test(arguments: ConfigFormat.entries.indices)
    func `every key is explained in a shipped file`(index: Int) {
        let entry = ConfigFormat.entries[index]
        let files = ConfigSource(folder: Repository.config, environment: [:]).files
        let texts = files.map { String(decoding: $0.bytes, as: UTF8.self) }
            .filter { $0.contains("/\(entry.schema).schema.json") }
        for key in entry.kind.keys {
            // As a key, also of a commented example, or at the beginning of a table's line.
            let isThere = texts.contains { text in
                text.contains("\(key):") || text.contains("#   \(key) ")
                    || text.contains(", \(key) ") || text.contains("`\(key)`")
            }
            #expect(isThere, "\(entry.kind.name): \(key)")
        }
    }

    @Test func `every shipped file names its schema`() throws {
        for folder in [Repository.config, Repository.configurationT] {
            for file in ConfigSource(folder: folder, environment: [:]).files {
                let first = String(decoding: file.bytes, as: UTF8.self).prefix { $0 != "\n" }
                let prefix = "# yaml-language-server: $schema="
                #expect(first.hasPrefix(prefix), "\(file.path)")
                let schema = URL(fileURLWithPath: file.path).deletingLastPathComponent()
                    .appendingPathComponent(String(first.dropFirst(prefix.count)))
                #expect(FileManager.default.fileExists(atPath: schema.path), "\(schema.path)")
            }
        }
    }
}
