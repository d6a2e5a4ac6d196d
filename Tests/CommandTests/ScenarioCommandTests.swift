import Foundation
import Testing

@Suite("collie test")
struct ScenarioCommandTests {
    static let ladder = "Tests/Scenarios/t01-reset-then-ladder.yaml"

    @Test func `a scenario that comes out right passes`() throws {
        let outcome = try collie("test", ScenarioCommandTests.ladder)
        #expect(outcome.code == 0)
        #expect(outcome.output.contains("activity resets the timer"))
    }

    @Test func `one that does not is shown with what was expected`() throws {
        let folder = try Folder()
        let path = projectFolder + "/" + ScenarioCommandTests.ladder
        let text = try String(contentsOfFile: path, encoding: .utf8)
            .replacingOccurrences(of: "at: 07:40, user", with: "at: 07:41, user")
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/configuration-t",
            withDestinationPath: projectFolder + "/Tests/Scenarios/configuration-t"
        )
        let wrong = try folder.write("wrong.yaml", text)
        let outcome = try collie("test", wrong, ScenarioCommandTests.ladder)
        #expect(outcome.code == 1, "\(outcome.output)")
        #expect(outcome.output.contains("07:41"))
        #expect(outcome.output.contains("07:40"))
    }

    @Test func `a file with mistakes, and one that is not there, are told apart`() throws {
        let folder = try Folder()
        let broken = try folder.write("broken.yaml", "scenario: x\nsatrt: now\n")
        let outcome = try collie("test", broken)
        #expect(outcome.code == 3)
        #expect(outcome.output.contains("broken.yaml:2:1"))
        #expect(try collie("test", folder.path + "/none.yaml").code == 2)
    }
}
