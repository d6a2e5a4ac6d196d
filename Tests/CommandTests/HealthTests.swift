import Foundation
import Glibc
import KafkaTesting
import TestData
import Testing

/// What an instance says of itself to an orchestrator.
@Suite("collie run, asked how it is", .serialized, .oneAtATimeAtTheBroker)
struct HealthTests {
    /// An instance that can be asked.
    private struct Asked {
        let program: Program
        let port: UInt16

        init(_ program: Program) throws {
            self.program = program
            try program.says("answers /livez, /readyz and /startupz on ")
            let match = program.errors.firstMatch(of: /startupz on [0-9.]+:(\d+)/)
            port = UInt16(match?.1 ?? "0") ?? 0
        }

        func ask(_ path: String) throws -> WebAnswer { try WebConnection.ask(path, port: port) }

        /// The status of `/readyz` and what its body says.
        func readiness() throws -> (status: Int, state: String, waits: [String]) {
            let answer = try ask("/readyz")
            let body = try JSONSerialization.jsonObject(with: Data(answer.body.utf8))
            let fields = body as? [String: Any] ?? [:]
            return (
                answer.status, fields["state"] as? String ?? "",
                fields["waiting_for"] as? [String] ?? []
            )
        }

        /// Waits until it is in a state and answers with a status.
        func comes(to state: String, _ status: Int, within limit: Duration = .seconds(30)) throws {
            var last = ""
            do {
                try until(state, within: limit) {
                    let now = try readiness()
                    last = "\(now)"
                    return now.state == state && now.status == status
                }
            } catch {
                throw Program.Failure(
                    description: "\(error); it was \(last), and said:\n\(program.errors)"
                )
            }
        }
    }

    private let anywhere = "127.0.0.1:0"

    @Test func `a leader is ready, a standby that knows the past too, and takes over`() throws {
        let deployment = try Deployment(try Cluster())
        try deployment.createTopics()
        let leader = try Asked(try deployment.run(health: anywhere))
        try leader.program.says("leads: reads")
        try leader.comes(to: "leading", 200)
        try deployment.order(5)
        // Another address is no other config.
        let standby = try Asked(try deployment.run(health: "0.0.0.0:0"))
        try standby.comes(to: "standing by", 200)
        #expect(!standby.program.errors.contains("leads: reads"))
        for instance in [leader, standby] {
            #expect(try instance.ask("/livez").status == 200)
            #expect(try instance.ask("/startupz").status == 200)
        }
        leader.program.send(SIGTERM)
        #expect(try leader.program.end(within: .seconds(10)) == 0)
        #expect(throws: WebFailure.self) { try leader.ask("/livez") }
        try standby.comes(to: "leading", 200)
        #expect(!standby.program.errors.contains("the config was changed"))
        standby.program.send(SIGTERM)
        #expect(try standby.program.end(within: .seconds(10)) == 0)
    }

    @Test func `who never saw the broker is alive, and not ready for want of it`() throws {
        let deployment = try Deployment(try Cluster())
        deployment.brokers = "127.0.0.1:1"
        let instance = try Asked(try deployment.run(health: anywhere))
        try until("what it waits for") { try !instance.readiness().waits.isEmpty }
        let readiness = try instance.readiness()
        #expect(readiness.status == 503)
        #expect(readiness.state == "recovering")
        #expect(readiness.waits.first?.hasPrefix("broker 127.0.0.1:1 (") == true)
        #expect(try instance.ask("/livez").status == 200)
        #expect(try instance.ask("/startupz").status == 200)
        instance.program.send(SIGTERM)
        #expect(try instance.program.end(within: .seconds(10)) == 0)
    }

    @Test func `while the broker is away nobody is ready, and then everybody is again`() throws {
        let cluster = try Cluster(Cluster.kindToKill)
        let deployment = try Deployment(cluster)
        try deployment.createTopics()
        let first = try Asked(try deployment.run(health: anywhere))
        try first.comes(to: "leading", 200)
        try cluster.takeAway()
        let second = try Asked(try deployment.run(health: anywhere))
        for instance in [first, second] {
            try until("the broker is missed") { try !instance.readiness().waits.isEmpty }
            #expect(try instance.readiness().status == 503)
            #expect(try instance.ask("/livez").status == 200)
        }
        #expect(try second.readiness().state == "recovering")
        try cluster.bringBack()
        // Either may lead now, for the session is long over.
        try until("one leads, and one stands by", within: .seconds(60)) {
            let both = try [first.readiness(), second.readiness()]
            return both.allSatisfy { $0.status == 200 }
                && Set(both.map(\.state)) == ["leading", "standing by"]
        }
        for instance in [first, second] { instance.program.send(SIGTERM) }
        for instance in [first, second] {
            #expect(try instance.program.end(within: .seconds(10)) == 0)
        }
    }

    @Test(.enabled(if: Cluster.kind == .real, Cluster.autoCreates))
    func `a leader without its topic is not ready, and says which`() throws {
        let deployment = try Deployment(try Cluster())
        try deployment.createTopics(except: [deployment.events])
        let instance = try Asked(try deployment.run(health: anywhere))
        try instance.comes(to: "leading", 503)
        #expect(
            try instance.readiness().waits == ["topic \(deployment.events) (it does not exist)"]
        )
        try deployment.cluster.create(deployment.events, Deployment.partitions)
        try instance.comes(to: "leading", 200)
    }

    @Test func `who drains is not ready, and alive`() throws {
        let deployment = try Deployment(try Cluster(Cluster.kindToKill))
        try deployment.createTopics()
        let instance = try Asked(try deployment.run(health: anywhere))
        try instance.comes(to: "leading", 200)
        // Who leaves a group waits for a broker that hangs.
        try deployment.cluster.hang()
        instance.program.send(SIGTERM)
        try instance.comes(to: "draining", 503, within: .seconds(5))
        #expect(try instance.ask("/livez").status == 200)
        #expect(try instance.program.end(within: .seconds(20)) == 0)
    }

    @Test func `a port that is taken is said before anything else is done`() throws {
        let deployment = try Deployment(try Cluster())
        let first = try Asked(try deployment.run(health: anywhere))
        let second = try deployment.run(health: "127.0.0.1:\(first.port)")
        #expect(try second.end(within: .seconds(10)) == 4)
        #expect(
            second.errors.contains("on 127.0.0.1:\(first.port): Address already in use")
        )
        #expect(second.errors.contains("`health.listen`"))
    }

    @Test func `the compose file's question is answered`() throws {
        let deployment = try Deployment(try Cluster())
        deployment.brokers = "127.0.0.1:1"
        let instance = try Asked(try deployment.run(health: anywhere))
        let file = projectFolder + "/docker-compose.yml"
        let compose = try String(contentsOfFile: file, encoding: .utf8)
        let line = try #require(compose.firstMatch(of: /- (exec 3<>\/dev\/tcp.*)/)?.1)
        let question = line.replacing("/8080", with: "/\(instance.port)")
        #expect(try bash(String(question)).code == 1)
        #expect(try bash(String(question.replacing("/readyz", with: "/livez"))).code == 0)
    }
}
