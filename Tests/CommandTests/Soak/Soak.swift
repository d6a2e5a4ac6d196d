import CPlatform
import Encoding
import Foundation
import Glibc
import Kafka
import KafkaTesting

/// Lets a deployment work while things die, round after round, and looks whether what comes out is
/// what must.
///
/// A shop's events flow all the time, one or two instances work on a real broker, and a subscriber
/// of every output checks at once what can be checked at once. Each round waits for some commands,
/// does a fault, waits until somebody has committed new commands, and has everything that was
/// committed so far decided again.
final class Soak {
    /// What can be chosen.
    struct Options {
        var rounds = 10
        /// Decides the shop, the faults and their moments.
        var seed: UInt64 = 1
        /// If not empty, faults whose description begins otherwise are left out.
        var only = ""
        /// How long after a fault new commands may take.
        var recoveryMax: Duration = .seconds(30)
        /// The same after `kill -9` with somebody standing by.
        var takeOverMax: Duration = .seconds(12)
    }

    /// How a round went.
    struct Round {
        var fault: Fault
        var hasStandby: Bool
        /// From the fault to the first new command that could be read, in milliseconds.
        var recovery: Int64
    }

    private let options: Options
    private let folder: String
    private let cluster: Cluster
    private let deployment: Deployment
    private let instances: Instances
    private let traffic: SoakTraffic
    private let books: Subscriber<Books>
    private let input: Subscriber<InputLog>
    private let outputs: SoakOutputs
    private var dice: Dice
    private var deck: FaultDeck
    private var partitions = Deployment.partitions
    private(set) var rounds: [Round] = []

    init(_ options: Options) throws {
        self.options = options
        folder = NSTemporaryDirectory() + "collie-soak-\(options.seed)-\(getpid())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        cluster = try Cluster(.real)
        deployment = try Deployment(cluster)
        deployment.hasShortWindows = true
        try deployment.createTopics()
        let sends = OutputTopic.allCases.map(\.name).filter { $0.hasPrefix("send.") }
        for topic in sends where !Deployment.outputs.contains(topic) {
            try cluster.create(deployment.output(topic), Deployment.partitions)
        }
        outputs = SoakOutputs(
            input: deployment.events,
            commands: Set(sends.map(deployment.output)),
            decisions: deployment.output("collie.decisions"),
            deadLetters: deployment.output("collie.dead-letters"),
            journal: deployment.output("collie.journal")
        )
        instances = Instances(deployment, logsIn: folder)
        dice = Dice(seed: options.seed)
        deck = FaultDeck(
            Dice(seed: dice.next()),
            only: options.only,
            canKillBroker: Cluster.kindToKill == .real
        )
        books = Soak.subscribe(deployment, outputs)
        input = Subscriber(
            deployment.settings,
            topics: [deployment.events],
            into: InputLog()
        ) { log, record, topic, _, _ in log.enter(record, in: topic) }
        traffic = SoakTraffic(
            seed: dice.next(),
            topic: deployment.events,
            deployment.settings
        )
    }

    private static func subscribe(_ deployment: Deployment, _ outputs: SoakOutputs)
        -> Subscriber<Books>
    {
        let names = Deployment.outputs + OutputTopic.allCases.map(\.name) + ["collie.journal"]
        return Subscriber(
            deployment.settings,
            topics: Set(names).map(deployment.output),
            into: Books(outputs)
        ) { $0.enter($1, in: $2, created: $3, seen: $4) }
    }

    /// Plays all rounds and the end; the folder with the logs is kept if anything is wrong.
    func run() throws {
        say("soak: \(options.rounds) rounds, seed \(options.seed), logs in \(folder)")
        var now = "the beginning"
        defer {
            try? traffic.end()
            books.end()
            input.end()
        }
        do {
            for number in 1...options.rounds {
                let fault = deck.next()
                now = "round \(number), \(fault)"
                try play(number, fault)
            }
            now = "the end"
            try finish()
        } catch {
            keep()
            throw SoakFailure(
                description: """
                    seed \(options.seed), \(now): \(error)
                    logs: \(folder)
                    """
            )
        }
        summarise()
        try FileManager.default.removeItem(atPath: folder)
    }

    // MARK: A round

    private func play(_ number: Int, _ fault: Fault) throws {
        let hasStandby = fault.needsStandby || Bool.random(using: &dice)
        try man(withStandby: hasStandby)
        // The moment: behind some commands, and anywhere within an epoch.
        let count = try commandCount + Int.random(in: 1...6, using: &dice)
        try wait("commands before the fault") { try commandCount >= count }
        usleep(UInt32.random(in: 0..<60_000, using: &dice))
        let recovery = try commit(fault, hasStandby)
        rounds.append(Round(fault: fault, hasStandby: hasStandby, recovery: recovery))
        let verdict = try audit(isRunning: true)
        try check()
        let commands = try commandCount
        say(
            """
            round \(number)/\(options.rounds)  \(fault)\(hasStandby ? ", standby" : "")  \
            new command after \(seconds(recovery))  \(grouped(traffic.count)) events, \
            \(grouped(commands)) commands  \(verdict)
            """
        )
        if case .kill = fault, hasStandby {
            let limit = milliseconds(options.takeOverMax)
            if recovery > limit {
                throw SoakFailure(
                    description: "the take-over took \(seconds(recovery)), not \(seconds(limit))"
                )
            }
        }
    }

    /// Lets one instance lead and, if wished, one stand by.
    private func man(withStandby hasStandby: Bool) throws {
        try instances.check()
        while instances.all.count > (hasStandby ? 2 : 1), let standby = instances.standby {
            try instances.stop(standby)
        }
        while instances.all.count < (hasStandby ? 2 : 1) { try instances.start() }
        try wait("a leader") { instances.leader != nil }
        try wait("every instance in the group") { instances.all.allSatisfy(\.isMember) }
    }

    /// Does the fault; answers how long new commands took, in milliseconds.
    private func commit(_ fault: Fault, _ hasStandby: Bool) throws -> Int64 {
        switch fault {
        case .kill:
            let leader = try leader()
            let begin = collie_wall_milliseconds()
            instances.end(leader, by: SIGKILL)
            _ = try leader.program.end()
            let end = collie_wall_milliseconds()
            try instances.check()
            if !hasStandby { try instances.start() }
            return try firstCommand(after: end) - begin
        case .crash(let point, let pass):
            return try crash(at: "\(point):\(pass)")
        case .freeze:
            return try freeze()
        case .broker:
            try cluster.takeAway()
            let begin = collie_wall_milliseconds()
            try cluster.bringBack()
            let back = collie_wall_milliseconds()
            return try max(0, firstCommand(after: begin) - back)
        case .upgrade:
            let leader = try leader()
            if hasStandby, let standby = instances.standby {
                // The others first, as operators do.
                try instances.stop(standby)
                let new = try instances.start()
                try wait("the new instance in the group") { new.isMember }
            }
            let begin = collie_wall_milliseconds()
            try instances.stop(leader)
            let end = collie_wall_milliseconds()
            try instances.start()
            return try firstCommand(after: end) - begin
        case .partitions:
            partitions += 1
            let begin = collie_wall_milliseconds()
            let inspection = try BrokerInspection(deployment.settings, log: .silent())
            try inspection.addPartitions(
                deployment.events,
                upTo: partitions,
                within: .seconds(20)
            )
            let added = TopicPartition(deployment.events, Int32(partitions - 1))
            try wait("events of the new partition", within: options.recoveryMax) {
                try books.look { $0.nexts[added] ?? 0 > 0 }
            }
            return try firstCommand(after: begin) - begin
        }
    }

    /// An instance takes over that kills itself at a point; another takes over from it.
    private func crash(at point: String) throws -> Int64 {
        let leader = try leader()
        if let standby = instances.standby { try instances.stop(standby) }
        let victim = try instances.start(crashAt: point)
        try wait("the instance that will crash in the group") { victim.isMember }
        try instances.stop(leader)
        try wait("the leadership of the instance that will crash") {
            victim.program.exitCode != nil || victim.hasLeadership
        }
        try instances.start()
        let code = try victim.program.end()
        let end = collie_wall_milliseconds()
        if code != 128 + SIGKILL {
            throw SoakFailure(description: "\(victim.name) was to crash and ended with \(code)")
        }
        try instances.check()
        return try firstCommand(after: end) - end
    }

    /// A leader sleeps through its session and wakes up when another leads.
    private func freeze() throws -> Int64 {
        let leader = try leader()
        let begin = collie_wall_milliseconds()
        leader.program.send(SIGSTOP)
        let time: Int64
        do { time = try firstCommand(after: begin) } catch {
            leader.program.send(SIGCONT)
            throw error
        }
        leader.program.send(SIGCONT)
        try wait("the sleeper to notice") { !leader.leads }
        return time - begin
    }

    /// When the first command that was produced later could be read.
    private func firstCommand(after begin: Int64) throws -> Int64 {
        var found: Int64?
        try wait("a command after the fault", within: options.recoveryMax) {
            // The newest are at the end.
            found = try books.look { books in
                books.commands.suffix(2_000).first { $0.created > begin }?.seen
            }
            return found != nil
        }
        return found!
    }

    // MARK: Checks

    private var commandCount: Int { get throws { try books.look { $0.commands.count } } }

    private func leader() throws -> Instances.Instance {
        guard let leader = instances.leader else {
            throw SoakFailure(description: "nobody leads")
        }
        return leader
    }

    /// Waits, and meanwhile looks at everything that may go wrong.
    private func wait(
        _ what: String,
        within limit: Duration = .seconds(30),
        _ condition: () throws -> Bool
    ) throws {
        try until(what, within: limit) {
            try check()
            return try condition()
        }
    }

    private func check() throws {
        try traffic.check()
        try instances.check()
        let mistakes = try books.look { $0.mistakes }
        if !mistakes.isEmpty { throw SoakFailure(description: mistakes.joined(separator: "\n")) }
    }

    /// Has everything decided again; answers what that said.
    private func audit(isRunning: Bool) throws -> String {
        let outcome = try deployment.audit(isRunning: isRunning)
        let last = outcome.lines.last.map(String.init) ?? ""
        guard outcome.code == 0 else {
            throw SoakFailure(description: "the audit says: \(outcome.output)\(outcome.errors)")
        }
        return "audit: " + last
    }

    /// Closes the shop, lets everything be worked off, and holds the whole against the log.
    private func finish() throws {
        try traffic.end()
        let orders = traffic.orderCount
        let consumer = try KafkaConsumer(deployment.settings, log: .silent())
        let inputs = (0..<partitions).map { TopicPartition(deployment.events, Int32($0)) }
        let ends = try consumer.ends(of: inputs, within: .seconds(10))
        let count = ends.reduce(0, +)
        guard count >= Int64(traffic.count) else {
            throw SoakFailure(description: "\(traffic.count) events written, \(count) in the log")
        }
        try man(withStandby: true)
        try wait("the end of the input") {
            let nexts = try books.look { $0.nexts }
            return zip(inputs, ends).allSatisfy { nexts[$0] ?? 0 == $1 }
        }
        try wait("the confirmation of every control order") {
            try books.look { $0.confirmed.count } == orders
        }
        while let standby = instances.standby { try instances.stop(standby) }
        try instances.stop(try leader())
        let verdict = try audit(isRunning: false)
        let committed = try deployment.committed(partitions)
        guard committed == count else {
            throw SoakFailure(description: "\(count) events, \(committed) committed")
        }
        guard verdict.contains("\(grouped(Int(count))) records") else {
            throw SoakFailure(description: "\(count) events, but \(verdict)")
        }
        // Else the rounds would have shown nothing of them.
        if options.rounds >= 5, instances.restored == 0 {
            throw SoakFailure(description: "no instance began with a snapshot")
        }
        try checkDeadLetters(of: Int(count))
        try checkSecondReading()
        say(
            """
            end  \(grouped(Int(count))) events, \(grouped(orders)) control orders, each \
            confirmed once, \(instances.restored) starts from a snapshot  \(verdict)
            """
        )
    }

    /// Records that are no events are dead letters, and nothing else is.
    private func checkDeadLetters(of count: Int) throws {
        try wait("the reading of the whole input") {
            try input.look { $0.records.values.reduce(0, +) } == count
        }
        let poison = try input.look { $0.poison }
        try wait("as many dead letters as records that are no events") {
            try books.look { $0.deadLetters } == poison
        }
    }

    /// Who reads everything afterwards sees what was seen while it came.
    private func checkSecondReading() throws {
        let again = Soak.subscribe(deployment, outputs)
        defer { again.end() }
        try wait("the same by a second reading") {
            let before = try books.look { $0.digests }
            return try again.look { $0.digests } == before
        }
        // A command's decision is in another topic, so only at the end they must match.
        let unmatched = try books.look { $0.unmatched }
        if !unmatched.isEmpty {
            throw SoakFailure(
                description: "commands without decision, or the reverse: \(unmatched.sorted())"
            )
        }
    }

    // MARK: Telling

    private func summarise() {
        let groups = Dictionary(grouping: rounds) { round in
            let kind = "\(round.fault)".split(separator: ":")[0]
            return kind + (round.hasStandby ? ", standby" : "")
        }
        say("from the fault to the first new command:")
        for (kind, rounds) in groups.sorted(by: { $0.key < $1.key }) {
            let times = rounds.map(\.recovery).sorted()
            say(
                "  \(kind): \(rounds.count) rounds, median "
                    + "\(seconds(times[times.count / 2])), longest \(seconds(times.last!))"
            )
        }
    }

    private func say(_ text: String) {
        print(text)
        fflush(nil)
    }

    private func keep() {
        cluster.keep(in: folder)
        try? FileManager.default.copyItem(
            atPath: deployment.folder.path + "/config",
            toPath: folder + "/config"
        )
    }

    private func seconds(_ milliseconds: Int64) -> String {
        (Double(milliseconds) / 1_000).formatted(.number.precision(.fractionLength(2))) + " s"
    }

    private func milliseconds(_ duration: Duration) -> Int64 {
        duration.components.seconds * 1_000
            + duration.components.attoseconds / 1_000_000_000_000_000
    }

    /// A number as `collie` writes it, with spaces between thousands.
    private func grouped(_ number: Int) -> String {
        var text = ""
        for (index, digit) in String(number).reversed().enumerated() {
            if index > 0, index % 3 == 0 { text.append(" ") }
            text.append(digit)
        }
        return String(text.reversed())
    }
}
