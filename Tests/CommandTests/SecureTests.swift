import Foundation
import Glibc
import KafkaTesting
import Testing

/// TLS and passwords, with the settings a config passes through.
@Suite(
    "collie run with TLS",
    .serialized,
    .oneAtATimeAtTheBroker,
    .enabled(if: RealKafka.isAvailable && !RealKafka.isLent, Comment(rawValue: RealKafka.howTo))
)
struct SecureTests {
    let deployment: Deployment

    init() throws {
        let broker = try RealKafka.shared.get()
        deployment = try Deployment(try Cluster(.real))
        deployment.brokers = broker.secureServers
        deployment.more = """
              common:
                security.protocol: SASL_SSL
                sasl.mechanisms: PLAIN
                sasl.username: collie
                sasl.password: ${file:password}
                ssl.ca.location: \(broker.authority ?? "")
            """
        _ = try deployment.folder.config()
    }

    @Test func `who knows the password is let in`() throws {
        try deployment.folder.write("config/password", "collie-secret\n")
        try deployment.createTopics()
        let program = try deployment.lead()
        let orders = try deployment.order(3)
        let reader = try deployment.reader("send.email")
        try until("the commands") {
            try reader.poll()
            return Set(try reader.orders()) == Set(orders)
        }
        let check = try collie("check", "--broker", "--config", try deployment.writeConfig())
        #expect(check.code == 0, "\(check.output)")
        program.send(SIGTERM)
        #expect(try program.end(within: .seconds(10)) == 0)
    }

    @Test func `who does not is told so, and no secret shows`() throws {
        try deployment.folder.write("config/password", "not-the-secret\n")
        let program = try deployment.run("--verbose")
        try program.says("uthentication failed")
        let check = try collie("check", "--broker", "--config", try deployment.writeConfig())
        #expect(check.code == 4)
        #expect(check.errors.contains("does not let us in"))
        #expect(check.errors.contains("uthentication failed"))
        for text in [program.errors, check.errors, check.output] {
            #expect(!text.contains("not-the-secret"))
        }
    }
}
