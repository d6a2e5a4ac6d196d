import Foundation
import Scenarios
import Settings
import Testing

/// Where the scenario files stand.
let scenarioFolder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Scenarios").path

@Suite("Behaviour")
struct BehaviourTests {
    static let files = ScenarioSuite.files(at: scenarioFolder) ?? []

    @Test(arguments: files)
    func `every scenario comes out as it says, on one shard and on four`(_ file: String) {
        var suite = ScenarioSuite(shardCounts: [1, 4])
        let outcome = suite.run(file)
        #expect(outcome.mistakes == [])
        #expect(!outcome.outcomes.isEmpty)
        for scenario in outcome.outcomes {
            let story = (scenario.judgement.failures + scenario.judgement.timeline)
                .joined(separator: "\n")
            #expect(scenario.judgement.isRight, "\(scenario.title)\n\(story)")
        }
    }

    @Test func `all scenario files are found and configurations are none`() {
        #expect(BehaviourTests.files.count >= 25)
        #expect(!BehaviourTests.files.contains { $0.contains("configuration-t/") })
    }
}
