import Testing

@Suite("collie check")
struct CheckTests {
    @Test func `the shipped config is fine, and shown as it is in force`() throws {
        let outcome = try collie("check", "--config", "config")
        #expect(outcome.code == 0)
        #expect(outcome.output.contains("0 errors"))
        #expect(outcome.output.contains("session_timeout: 6s"))
    }

    @Test func `each mistake is shown with its place`() throws {
        let folder = try Folder()
        let config = try folder.config()
        try folder.write("config/flows/broken.yaml", "id: broken\nclass: marketng\nsteps: []\n")
        let outcome = try collie("check", "--config", config, "--quiet")
        #expect(outcome.code == 3)
        #expect(outcome.output.contains("config/flows/broken.yaml:2:8: error: "))
        #expect(outcome.output.contains("did you mean `marketing`?"))
        let run = try collie("run", "--config", config)
        #expect(run.code == 3)
        #expect(run.errors.contains("config/flows/broken.yaml:2:8: error: "))
    }

    @Test func `a folder that is not there is named`() throws {
        let outcome = try collie("check", "--config", "/no/such/folder")
        #expect(outcome.code == 3)
        #expect(outcome.output.contains("/no/such/folder"))
    }

    @Test func `secrets are masked`() throws {
        let folder = try Folder()
        let config = try folder.config(
            """
            kafka:
              brokers: [a:1]
              input_topics: [events]
              common: {sasl.username: who, sasl.password: "${file:password}"}
            """
        )
        try folder.write("config/password", "hush-hush\n")
        let key = "0123456789abcdef0123456789abcdef"
        let outcome = try collie(
            "check",
            "--config",
            config,
            environment: ["COLLIE_TEST_KEY": key]
        )
        #expect(outcome.code == 0, "\(outcome.output)")
        #expect(outcome.output.contains("sasl.password"))
        #expect(!outcome.output.contains("hush-hush"))
        #expect(!outcome.output.contains(key))
    }

    @Test(arguments: [
        ("brokers: []\n  input_topics: [e]", ":4:3: error: `kafka.brokers`"),
        ("input_topics: [e]", ":4:3: error: `kafka.brokers`"),
        ("brokers: [a:1]\n  input_topics: []", ":5:3: error: `kafka.input_topics`"),
        ("brokers: [a:1]", ":4:3: error: `kafka.input_topics`"),
    ])
    func `to run, brokers and topics must be named`(_ kafka: String, _ message: String) throws {
        let folder = try Folder()
        let config = try folder.config("kafka:\n  \(kafka)\n")
        for words in [["run"], ["check", "--broker"]] {
            let program = try Program(words + ["--config", config])
            #expect(try program.end(within: .seconds(10)) == 3)
            let text = program.output + program.errors
            #expect(text.contains("\(config)/collie.yaml\(message)"), "\(text)")
        }
    }

    @Test(arguments: [
        ("fetch.wait.max.mss: 1", "has no setting `fetch.wait.max.mss`"),
        ("fetch.wait.max.ms: never", "`fetch.wait.max.ms`"),
    ])
    func `what librdkafka does not take is a mistake of the config`(
        _ setting: String,
        _ reason: String
    ) throws {
        let folder = try Folder()
        let config = try folder.config(
            "kafka: {brokers: [127.0.0.1:1], input_topics: [e], consumer: {\(setting)}}"
        )
        for words in [["run"], ["check"]] {
            let program = try Program(words + ["--config", config])
            #expect(try program.end(within: .seconds(10)) == 3)
            let text = program.output + program.errors
            #expect(text.contains("\(config)/collie.yaml:3:"), "\(text)")
            #expect(text.contains(reason), "\(text)")
        }
    }
}
