import Decoding
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

    @Test(arguments: [Repository.config, Repository.configurationT])
    func `its tracking plan is the decoder's standard one`(folder: String) throws {
        let plan = try Settings.load(ConfigSource(folder: folder, environment: key)).plan
        let standard = TrackingPlan.standard
        #expect(
            plan.events.sorted { $0.name < $1.name } == standard.events.sorted { $0.name < $1.name }
        )
        #expect(plan.paths == standard.paths)
        #expect(plan.productPaths == standard.productPaths)
        #expect(plan.bodyMax == standard.bodyMax)
        #expect(plan.traitsMax == standard.traitsMax)
        #expect(plan.messageIDMax == standard.messageIDMax)
        #expect(plan.futureTolerance == standard.futureTolerance)
        #expect(plan.emailOptions == standard.emailOptions)
    }

    @Test func `configuration T loads without mistakes or warnings`() {
        let report = ConfigReport(
            ConfigSource(folder: Repository.configurationT, environment: [:])
        )
        #expect(report.mistakes.map(\.description) == [])
    }
}
