import Flows
import Foundation
import Pipeline
import Settings
import Testing

/// The repository's own folders, found from this file's place.
enum Repository {
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
    static let config = root + "/config"
    static let configurationT = root + "/Tests/Scenarios/configuration-t"
}

@Suite("Shipped configuration")
struct ShippedConfigTests {
    private let key = ["COLLIE_HASH_KEY": "000102030405060708090a0b0c0d0e0f"]

    @Test func `it loads without mistakes or warnings`() {
        let report = ConfigReport(ConfigSource(folder: Repository.config, environment: key))
        #expect(report.mistakes.map(\.description) == [])
        #expect(
            report.settings?.rules.flows.map(\.id) == [
                "cart", "checkout", "order-confirmation", "view",
            ]
        )
    }

    @Test func `without an own key there is one warning`() {
        let report = ConfigReport(ConfigSource(folder: Repository.config, environment: [:]))
        #expect(report.mistakes.count == 1)
        #expect(report.mistakes.first?.severity == .warning)
        #expect(report.mistakes.first?.text.contains("public demo key") == true)
        #expect(report.isValid)
    }

    @Test func `configuration T loads without mistakes or warnings`() {
        let report = ConfigReport(
            ConfigSource(folder: Repository.configurationT, environment: [:])
        )
        #expect(report.mistakes.map(\.description) == [])
    }
}
