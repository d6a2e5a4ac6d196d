import Foundation
import Pipeline
import Settings
import Testing

@Suite("Interpolation")
struct InterpolationTests {
    private func source(_ name: String, _ environment: [String: String]) -> [String] {
        Samples.mistakes(
            Samples.files(collie: Samples.collie.replacing("name: t", with: "name: \(name)")),
            environment: environment
        )
    }

    private func name(_ text: String, _ environment: [String: String] = [:]) throws -> String {
        try Samples.settings(
            Samples.files(collie: Samples.collie.replacing("name: t", with: "name: \(text)")),
            environment: environment
        ).rules.source
    }

    @Test func `variables and defaults are put in`() throws {
        #expect(try name("\"a-${X}-b\"", ["X": "1"]) == "a-1-b")
        #expect(try name("\"${X:-y}\"") == "y")
        #expect(try name("\"${X:-y}\"", ["X": ""]) == "y")
        #expect(try name("\"${X:-y}\"", ["X": "z"]) == "z")
        #expect(try name("\"${X:-a:-b}\"") == "a:-b")
        #expect(try name("\"$${X} costs 5$\"") == "${X} costs 5$")
        // What is put in is not looked at again.
        #expect(try name("\"${X}\"", ["X": "${Y}"]) == "${Y}")
    }

    @Test func `numbers and lists may come from the environment`() throws {
        let collie = Samples.collie + "\nengine: {shards: \"${N}\"}\nkafka: {brokers: \"${B}\"}"
        #expect(
            throws: SettingsError.self,
            performing: {
                try Samples.settings(
                    Samples.files(collie: collie),
                    environment: ["N": "3", "B": "a:1"]
                )
            }
        )
        let plain = Samples.collie + "\nengine:\n  shards: ${N}\nkafka:\n  brokers: ${B}"
        let settings = try Samples.settings(
            Samples.files(collie: plain),
            environment: ["N": "3", "B": "a:1, b:2"]
        )
        #expect(settings.engine.shards == 3)
        #expect(settings.kafka.brokers == ["a:1", "b:2"])
    }

    @Test func `a missing variable is named`() {
        #expect(
            source("\"${COLLIE_X}\"", [:]).first
                == "collie.yaml:1:14: error: the environment variable `COLLIE_X` is not set; set it, or write `${COLLIE_X:-a default}`"
        )
        #expect(source("\"${a b}\"", [:]).first?.contains("names no environment variable") == true)
        #expect(
            source("\"${X\"", [:]) == [
                "collie.yaml:1:14: error: `${` without `}`; write `$$` for a dollar sign"
            ]
        )
    }

    @Test func `secrets come from files and are never shown`() throws {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("collie-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(
            atPath: folder + "/flows",
            withIntermediateDirectories: true
        )
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for (name, text) in Samples.files(
            collie: Samples.collie + """

                kafka:
                  common:
                    sasl.password: ${file:password}
                    sasl.username: ${file:password}
                    sasl.jaas.config: jaas-text
                    ssl.key.password: key-text
                    ssl.ca.location: /etc/ssl/ca.crt
                """
        ) {
            try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
        }
        let missing = ConfigReport(ConfigSource(folder: folder, environment: [:]))
        #expect(missing.mistakes.map(\.text).contains("the file `password` cannot be read"))

        try "hunter2\n".write(toFile: folder + "/password", atomically: true, encoding: .utf8)
        let report = ConfigReport(ConfigSource(folder: folder, environment: [:]))
        let settings = try #require(report.settings)
        #expect(settings.kafka.common.first?.value == "hunter2")
        #expect(!report.description.contains("hunter2"))
        #expect(!report.description.contains("jaas-text"))
        #expect(!report.description.contains("key-text"))
        #expect(!report.description.contains("0c0d0e0f"))
        #expect(report.description.contains("ssl.ca.location: /etc/ssl/ca.crt"))
        #expect(report.description.contains("sasl.password: \"********\""))
    }

    @Test func `a secret is not shown in a message about it`() throws {
        let collie = Samples.collie + "\nkafka: {session_timeout: \"${S}\"}"
        let text = Samples.mistakes(Samples.files(collie: collie), environment: ["S": "x"])
        #expect(text.first?.contains("it is `x`") == true)
        let key = Samples.collie.replacing("000102030405060708090a0b0c0d0e0f", with: "topsecret")
        #expect(!Samples.mistakes(Samples.files(collie: key)).joined().contains("topsecret"))
    }
}
