import Encoding
import Events
import Foundation
import Settings
import Testing

/// The compose file and the image belong to the config and to the package.
@Suite("Deployment")
struct ComposeTests {
    private let compose: YAMLNode
    private let dockerfile: String
    private let settings: Settings

    init() throws {
        let mistakes = Mistakes()
        compose = try #require(
            YAMLNode.parse(
                try Repository.text("docker-compose.yml"),
                file: "docker-compose.yml",
                mistakes: mistakes
            )
        )
        #expect(mistakes.all.isEmpty)
        // Continued lines are one.
        dockerfile = try Repository.text("config/Dockerfile")
            .replacing(/(?m)^#.*\n/, with: "").replacing("\\\n", with: " ")
        let folder = Repository.root.appendingPathComponent("config").path
        settings = try Settings.load(ConfigSource(folder: folder, environment: [:]))
    }

    private var services: [YAMLNode.Entry] { compose["services"]?.entries ?? [] }

    /// The topics that the compose file creates, with their partitions.
    private var created: [String: Int] {
        let script = compose["services"]?["topics"]?["command"]?.elements?.first?.text ?? ""
        var topics: [String: Int] = [:]
        for match in script.matches(of: /(?m)^create (\S+) (\d+)(?: --config \S+=\S+)*$/) {
            topics[String(match.1)] = Int(match.2)
        }
        return topics
    }

    @Test(.enabled(if: Repository.shared != nil, "the compose schema is not on this machine"))
    func `it is a compose file`() throws {
        let shared = try #require(Repository.shared)
        let bytes = try Data(contentsOf: shared.appendingPathComponent("schemas/compose-spec.json"))
        let mistakes = Mistakes()
        let schema = try #require(
            YAMLNode.parse(bytes: Array(bytes), file: "compose-spec.json", mistakes: mistakes)
        )
        #expect(mistakes.all.isEmpty)
        #expect(SchemaCheck(root: schema).mistakes(in: compose) == [])
        // The check itself must find something.
        let wrong = YAMLNode.parse(
            "services: {a: {image: 1, prots: [80]}}",
            file: "wrong.yml",
            mistakes: mistakes
        )
        #expect(SchemaCheck(root: schema).mistakes(in: try #require(wrong)).count == 2)
    }

    @Test func `every topic that is used is created`() {
        let used =
            settings.kafka.inputTopics + [settings.kafka.leaderTopic]
            + OutputTopic.allCases.map { settings.kafka.outputTopic($0.name) }
        for topic in used { #expect(created[topic] != nil, "\(topic)") }
        #expect(created[settings.kafka.leaderTopic] == 1)
        #expect(created["collie.journal"] == 1)
        // One line of the script is one topic.
        let script = compose["services"]?["topics"]?["command"]?.elements?.first?.text ?? ""
        #expect(script.matches(of: /(?m)^create \S/).count == created.count)
    }

    @Test func `Collie finds Kafka, its config and time to stop`() throws {
        let collie = try #require(compose["services"]?["collie"])
        let listeners = compose["services"]?["kafka"]?["environment"]?["KAFKA_ADVERTISED_LISTENERS"]
        let brokers = try #require(collie["environment"]?["KAFKA_BROKERS"]?.text)
        #expect(listeners?.text?.contains("//\(brokers)") == true)
        let mount = try #require(collie["volumes"]?.elements?.first?.text)
        #expect(mount == "./config:/etc/collie:ro")
        #expect(dockerfile.contains(#"CMD ["run", "--config", "/etc/collie"]"#))
        let grace = try #require(collie["stop_grace_period"]?.text)
        #expect(grace.hasSuffix("s"))
        let seconds = try #require(Int64(grace.dropLast()))
        #expect(seconds * 1_000 > settings.shutdownDeadline.milliseconds)
    }

    @Test func `its health is asked where it answers`() throws {
        let collie = try #require(compose["services"]?["collie"])
        let text = try #require(collie["environment"]?["COLLIE_HEALTH"]?.text)
        let address = try #require(ListenAddress(text))
        let question = try #require(collie["healthcheck"]?["test"]?.elements?.last?.text)
        #expect(question.contains("/dev/tcp/127.0.0.1/\(address.port) "))
        #expect(question.contains("GET /readyz HTTP/1.0"))
        let environment = ["COLLIE_HEALTH": text]
        let folder = Repository.root.appendingPathComponent("config").path
        let asked = try Settings.load(ConfigSource(folder: folder, environment: environment))
        #expect(asked.health.listen == address)
        #expect(settings.health.listen == nil)
    }

    @Test func `images are pinned`() {
        var images = dockerfile.matches(of: /(?m)^FROM (\S+)/).map { String($0.1) }
        for service in services where service.value["build"] == nil {
            images.append(service.value["image"]?.text ?? "")
        }
        #expect(images.count >= 3)
        for image in images {
            let tag = image.split(separator: ":").dropFirst().last ?? ""
            #expect(!tag.isEmpty && tag != "latest", "\(image)")
        }
    }

    // MARK: The image

    /// The libraries, by the package that has their headers, with the package that runs.
    private let libraries = [
        "librdkafka-dev": "librdkafka1", "liblz4-dev": "liblz4-1", "libyaml-dev": "libyaml-0-2",
        "libsimdjson-dev": "libsimdjson14", "libphonenumber-dev": "libphonenumber8",
        "libprotobuf-dev": "libprotobuf32", "libmicrohttpd-dev": "libmicrohttpd12",
    ]

    /// What each stage of the image installs.
    private var installed: [Set<String>] {
        dockerfile.matches(of: /apt-get install -y --no-install-recommends ([^&]*)/).map { match in
            Set(match.1.split(whereSeparator: \.isWhitespace).map(String.init))
        }
    }

    @Test func `the image has what the package needs and nothing else`() throws {
        #expect(installed.count == 2)
        #expect(installed.first == Set(libraries.keys).union(["pkg-config"]))
        #expect(installed.last == Set(libraries.values).union(["tzdata", "ca-certificates"]))
    }

    @Test func `the Makefile installs the same`() throws {
        let makefile = try Repository.text("Makefile")
        let line = try #require(makefile.firstMatch(of: /(?m)^PACKAGES = (.*)$/)?.1)
        let packages = Set(line.split(separator: " ").map(String.init))
        #expect(packages.filter { $0.hasSuffix("-dev") } == Set(libraries.keys))
        let package = try Repository.text("Package.swift")
        for match in package.matches(of: /library\("C\w+", "([a-z0-9-]+)"\)/) {
            #expect(libraries[String(match.1)] != nil, "\(match.1)")
        }
    }

    @Test func `Collie is nobody special and is asked to stop`() {
        #expect(dockerfile.contains("\nUSER collie\n"))
        #expect(dockerfile.contains("\nSTOPSIGNAL SIGTERM\n"))
        let stages = dockerfile.matches(of: /(?m)^FROM\s/).count
        #expect(stages == 2)
    }
}
