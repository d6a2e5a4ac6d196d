import Foundation
import Glibc

/// What the parts of a run share: where things are, and what one has measured and another needs.
final class Bench {
    let options: Options
    let keeper: Keeper
    /// The command that is measured.
    let collie: String
    /// The one that makes states of many people.
    let recoveryBench: String
    /// Events a second, by name; what stands on the same file can be compared.
    var rates: [(name: String, rate: Double)] = []
    /// What sender, broker and Collie reach together, by mode.
    var liveRates: [Deployment.Mode: Double] = [:]
    private var startedBroker: Broker?
    private var madeFiles: [String: String] = [:]
    /// When the shop opens: a day ago, so that the events of the topic are not too old to count.
    private let opening = Date(timeIntervalSinceNow: -90_000).formatted(.iso8601)

    init(_ options: Options, _ keeper: Keeper) throws {
        self.options = options
        self.keeper = keeper
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let folder = URL(filePath: own).deletingLastPathComponent()
        collie = folder.appending(path: "collie").path
        recoveryBench = folder.appending(path: "recovery-bench").path
        for path in [collie, recoveryBench] where access(path, X_OK) != 0 {
            throw Failure("\(path) is not there; `make bench` builds it")
        }
        guard access(options.config + "/collie.yaml", R_OK) == 0 else {
            throw Failure("\(options.config) is no config folder; name one with --config")
        }
    }

    /// The broker, started when it is first asked for.
    func broker() throws -> Broker {
        if let startedBroker { return startedBroker }
        say("starts a broker")
        let broker = try Broker(lent: options.brokers, in: keeper)
        startedBroker = broker
        return broker
    }

    /// The file of events, made when it is first asked for; or another one, by more options.
    func file(_ more: [String] = []) throws -> String {
        let key = more.joined(separator: " ")
        if let path = madeFiles[key] { return path }
        // As it is: to unpack LZ4 would cost as much as to parse.
        let path = keeper.folder + "/events-\(madeFiles.count).ndjson"
        say("makes \(grouped(Double(options.events))) events \(key)")
        try Program([collie, "generate", "--output", path] + traffic + more, in: keeper).finish()
        madeFiles[key] = path
        return path
    }

    /// Gives the room of a file back.
    func remove(file path: String) {
        madeFiles = madeFiles.filter { $0.value != path }
        unlink(path)
    }

    /// Fills a topic with the events of the file, or of a shop of another size.
    func fill(_ topic: String, config: String, events: Int? = nil, shoppers: Int? = nil) throws {
        say("fills a topic with \(grouped(Double(events ?? options.events))) events")
        try Program(
            [collie, "generate", "--topic", topic, "--config", config]
                + traffic(events ?? options.events, shoppers ?? options.shoppers),
            in: keeper
        ).finish()
    }

    private var traffic: [String] { traffic(options.events, options.shoppers) }

    /// The same shop each time.
    private func traffic(_ events: Int, _ shoppers: Int) -> [String] {
        ["--events", "\(events)", "--shoppers", "\(shoppers)", "--span", "24h", "--start", opening]
    }

    /// Measures cases in turns, each so many times, forwards and backwards.
    func inTurns<Case: Hashable, Measured>(
        _ cases: [Case],
        _ measure: (Case) throws -> Measured
    ) rethrows -> [Case: [Measured]] {
        var all: [Case: [Measured]] = [:]
        for round in 0..<options.rounds {
            for one in round % 2 == 0 ? cases : cases.reversed() {
                all[one, default: []].append(try measure(one))
            }
        }
        return all
    }
}
