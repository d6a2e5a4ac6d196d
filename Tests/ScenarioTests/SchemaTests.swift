import Foundation
import Testing

@testable import Scenarios
@testable import Settings

/// The schema that editors use says what the reader reads.
@Suite("Scenario schema")
struct SchemaTests {
    private let schema: [String: Any]

    init() throws {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("config/schemas/scenario.schema.json")
        let object = try JSONSerialization.jsonObject(with: Data(contentsOf: path))
        schema = try #require(object as? [String: Any])
    }

    private func compare(_ kind: MappingKind, _ name: String?) throws {
        var described = schema
        if let name {
            let definitions = try #require(schema["$defs"] as? [String: Any])
            described = try #require(definitions[name] as? [String: Any])
        }
        let properties = try #require(described["properties"] as? [String: Any])
        #expect(properties.keys.sorted() == kind.keys.sorted())
        #expect((described["required"] as? [String] ?? []).sorted() == kind.required.sorted())
        #expect(described["additionalProperties"] as? Bool == false)
    }

    @Test func `it has exactly the keys that the reader reads`() throws {
        try compare(ScenarioReader.fileKind, nil)
        try compare(ScenarioReader.variantKind, "variant")
        try compare(ScenarioReader.outageKind, "outage")
        try compare(ScenarioReader.expectKind, "expectation")
    }
}
