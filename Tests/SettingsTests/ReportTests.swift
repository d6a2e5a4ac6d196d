import Decoding
import Events
import Identity
import Pipeline
import Profiles
import Settings
import Testing

@Suite("Report")
struct ReportTests {
    // The files that a report shows, by name.
    private func files(of effective: String) -> [String: String] {
        var files: [String: String] = [:]
        var name = ""
        for line in effective.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("# ") {
                name = String(line.dropFirst(2))
            } else {
                files[name, default: ""] += line + "\n"
            }
        }
        return files
    }

    @Test(arguments: [Repository.config, Repository.configurationT])
    func `what it shows can be loaded again and means the same`(folder: String) throws {
        let key = "000102030405060708090a0b0c0d0e0f"
        let first = try Settings.load(
            ConfigSource(folder: folder, environment: ["COLLIE_HASH_KEY": key])
        )
        var shown = files(of: first.effective)
        shown["collie.yaml"] = shown["collie.yaml"]?
            .replacing("hash_key: \"********\"", with: "hash_key: \(key)")
        let second = try Settings.load(files: shown)
        #expect(second.rules.flows == first.rules.flows)
        #expect(second.rules.caps == first.rules.caps)
        #expect(second.rules.gaps == first.rules.gaps)
        #expect(second.rules.quiet == first.rules.quiet)
        #expect(second.rules.identity == first.rules.identity)
        #expect(second.rules.disorder == first.rules.disorder)
        #expect(second.plan == first.plan)
        #expect(second.kafka == first.kafka)
        #expect(second.engine == first.engine)
        #expect(second.effective == first.effective)
    }

    @Test func `mistakes come by file and line, then a count, then what is in force`() {
        let report = ConfigReport(
            ConfigSource(
                files: Samples.files(
                    collie: Samples.collie + "\nshutdwn: {}\n",
                    policies: "caps: [{id: a, limit: 3, window: 1h}, {id: b, limit: x, window: 1h}]"
                ),
                environment: [:]
            )
        )
        #expect(!report.isValid)
        #expect(
            report.description.hasPrefix(
                """
                collie.yaml:4:1: error: collie.yaml has no key `shutdwn`; did you mean `shutdown`?
                policies.yaml:1:54: error: `limit` must be a whole number from 1 to 64; it is `x`

                2 errors, 0 warnings

                # collie.yaml
                shop:
                  name: t
                """
            )
        )
    }

    @Test func `defaults are those that the modules declare`() throws {
        let settings = try Samples.settings(Samples.files())
        let bare = Rules(
            hashKey: settings.rules.hashKey,
            zones: settings.rules.zones,
            shopZone: settings.rules.shopZone,
            shopCountry: settings.rules.shopCountry,
            shopCurrency: settings.rules.shopCurrency
        )
        #expect(settings.rules.disorder == bare.disorder)
        #expect(settings.rules.maxAge == bare.maxAge)
        #expect(settings.rules.dedupeSpan == bare.dedupeSpan)
        #expect(settings.rules.dedupeMax == bare.dedupeMax)
        #expect(settings.rules.firstWeekday == bare.firstWeekday)
        #expect(settings.rules.identity == bare.identity)
        #expect(settings.rules.source == bare.source.replacing("collie", with: "t"))
        #expect(settings.engine.limits == ProfileLimits())
        #expect(settings.kafka == KafkaOptions())
    }

    @Test func `the shipped configuration states the defaults it comments on`() throws {
        let shipped = try Settings.load(
            ConfigSource(
                folder: Repository.config,
                environment: ["COLLIE_HASH_KEY": "000102030405060708090a0b0c0d0e0f"]
            )
        )
        #expect(shipped.rules.identity == IdentityRules())
        #expect(shipped.engine == EngineSettings())
        #expect(shipped.shutdownDeadline == .seconds(25))
        #expect(shipped.kafka.outputTopic("send.email") == "send.email")
    }

    @Test func `output topics may have a prefix and other names`() throws {
        let settings = try Samples.settings(
            Samples.files(),
            overrides: """
                kafka.output: {prefix: eu., topics: {collie.decisions: crm}}
                """
        )
        #expect(settings.kafka.outputTopic("collie.decisions") == "eu.crm")
        #expect(settings.kafka.outputTopic("send.sms") == "eu.send.sms")
    }

    @Test func `passwords in addresses are masked`() {
        let mark = Mark(file: "a", line: 1, column: 1)
        let node = YAMLNode(
            .mapping([
                .init(key: "url", mark: mark, value: YAMLNode(text: "http://u:pw@h/x", at: mark)),
                .init(key: "api_token", mark: mark, value: YAMLNode(text: "abc", at: mark)),
                .init(key: "odd \"one\"", mark: mark, value: YAMLNode(text: "a: b\n#", at: mark)),
            ]),
            at: mark
        )
        #expect(
            node.yaml() == """
                url: "http://u:********@h/x"
                api_token: "********"
                "odd \\"one\\"": "a: b\\n#"

                """
        )
    }
}
