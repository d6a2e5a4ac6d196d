import Foundation
import KafkaTesting
import Testing

@Suite("collie check --broker", .serialized, .oneAtATimeAtTheBroker)
struct CheckBrokerTests {
    let deployment: Deployment

    init() throws { deployment = try Deployment(try Cluster()) }

    private func check(_ more: String...) throws -> Outcome {
        let words = ["check", "--quiet", "--broker", "--config", try deployment.writeConfig()]
        let program = try Program(words + more)
        let code = try program.end()
        return Outcome(code: code, output: program.output, errors: program.errors)
    }

    @Test func `a cluster that is as it must be passes`() throws {
        try deployment.createTopics(except: [deployment.events])
        try deployment.cluster.create(deployment.events, 2, ["retention.ms": "7200000"])
        let outcome = try collie("check", "--broker", "--config", try deployment.writeConfig())
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.output.contains("input \(deployment.events): 2 partitions, 1 copy"))
        #expect(outcome.output.contains("leader \(deployment.leader): 1 partition"))
        #expect(outcome.output.contains("group \(deployment.group): nothing read yet"))
        if deployment.cluster.kind == .real {
            #expect(outcome.output.contains("2 partitions, 1 copy, kept for 2h"))
        }
        for topic in Deployment.outputs {
            #expect(outcome.output.contains("output \(deployment.output(topic)): 2 partitions"))
        }
        #expect(try check().output == "")
    }

    @Test(.enabled(if: Cluster.kind == .real, Cluster.autoCreates))
    func `what is missing comes with the command that makes it`() throws {
        let missing = [deployment.leader, deployment.output("send.sms")]
        try deployment.createTopics(except: missing)
        for _ in 0..<2 {
            let outcome = try check()
            #expect(outcome.code == 1)
            #expect(outcome.output.contains("error: leader \(missing[0]): it does not exist"))
            let server = deployment.cluster.bootstrapServers
            for (topic, partitions) in zip(missing, [1, 2]) {
                let command =
                    "    kafka-topics.sh --bootstrap-server \(server) --create "
                    + "--topic \(topic) --partitions \(partitions)\n"
                #expect(outcome.output.contains(command))
            }
            #expect(outcome.output.contains("2 things to mend"))
        }
    }

    @Test func `a journal must have one partition`() throws {
        let journal = deployment.output("collie.journal")
        try deployment.createTopics(except: [journal])
        try deployment.cluster.create(journal, 2)
        let outcome = try check()
        #expect(outcome.code == 1)
        #expect(outcome.output.contains("error: journal \(journal): it has 2 partitions"))
    }

    @Test func `a leader topic must have one partition`() throws {
        try deployment.createTopics(except: [deployment.leader])
        try deployment.cluster.create(deployment.leader, 3)
        let outcome = try check()
        #expect(outcome.code == 1)
        #expect(outcome.output.contains("it has 3 partitions and must have one"))
    }

    @Test(.enabled(if: Cluster.kind == .real, Comment(rawValue: RealKafka.howTo)))
    func `a compacted input would lose events`() throws {
        try deployment.createTopics(except: [deployment.events])
        try deployment.cluster.create(deployment.events, 1, ["cleanup.policy": "compact"])
        let outcome = try check()
        #expect(outcome.code == 1)
        #expect(outcome.output.contains("error: input \(deployment.events): it is compacted"))
    }

    @Test func `a broker that does not answer is waited for as long as told`() throws {
        deployment.brokers = "127.0.0.1:1"
        let begin = ContinuousClock.now
        let outcome = try check("--timeout", "1s")
        #expect(outcome.code == 4)
        #expect(outcome.errors.contains("no answer from 127.0.0.1:1 within 1 s"))
        #expect(outcome.errors.contains("Connection refused"))
        #expect(ContinuousClock.now - begin < .seconds(4))
    }

    @Test func `SCRAM with an old librdkafka is warned of`() throws {
        deployment.brokers = "127.0.0.1:1"
        deployment.more = """
              common:
                security.protocol: SASL_PLAINTEXT
                sasl.mechanism: SCRAM-SHA-512
                sasl.username: a
                sasl.password: b
            """
        let outcome = try check("--timeout", "1s")
        #expect(outcome.code == 4)
        #expect(outcome.output.contains("config/collie.yaml:14:3: warning: librdkafka "))
        #expect(outcome.output.contains("2.6.1 or newer can"))
    }
}
