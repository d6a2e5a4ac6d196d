import Foundation
import Simulator

/// Runs the engine in a made-up world.
let simulateCommand = Command(
    name: "simulate",
    summary: "run the pipeline in a made-up world in which everything goes wrong",
    usage: "Usage: collie simulate [OPTION…]",
    discussion: """
        Runs the real pipeline and the real order of commits against a broker in memory, with a
        clock that jumps: processes are killed or stand still at any step, answers are lost, the
        broker restarts, partitions are added, disks fail. After every step each send command must
        follow from the log once, caps must hold, offsets must not go back. A seed says everything
        that happens; a failing one can be run again. Exit code 1 if an invariant was violated.
        """,
    options: [
        Option(name: "seed", value: "N", help: "The first seed (default 1)."),
        Option(name: "for", value: "SPAN", help: "How long to try seeds (default 10s)."),
        Option(name: "count", value: "N", help: "Tries so many seeds instead."),
        Option(name: "calm", value: nil, help: "Lets nothing go wrong."),
        Option(name: "trace", value: nil, help: "Prints how every seed's history ends."),
    ]
) { arguments in
    let first = UInt64(try arguments.number("seed", default: 1, in: 0...Int.max))
    let seconds = try arguments.seconds("for", default: 10)
    let count = try arguments.number("count", default: 0, in: 0...Int.max)
    let begin = Date()
    var seed = first
    var (epochs, commands, identities) = (0, 0, 0)
    var faults: [String: Int] = [:]
    while count > 0 ? seed < first + UInt64(count) : Date().timeIntervalSince(begin) < seconds {
        let result = Simulation(seed: seed, hasFaults: !arguments.has("calm")).run()
        if result.violation != nil || arguments.has("trace") {
            for line in result.tail { print(line) }
        }
        if let violation = result.violation {
            print("seed \(seed): \(violation)")
            print("`collie simulate --seed \(seed) --count 1` shows it again")
            return ExitCode.failure
        }
        epochs += result.epochs
        commands += result.commands
        identities += result.identities
        faults.merge(result.faults, uniquingKeysWith: +)
        seed += 1
    }
    let elapsed = Date().timeIntervalSince(begin)
    let rate = Double(seed - first) / max(elapsed, 0.001)
    for (name, count) in faults.sorted(by: { $0.key < $1.key }) {
        print("  \(name): \(grouped(count))")
    }
    print(
        """
        \(grouped(Int(seed - first))) seeds from \(first), \(String(format: "%.1f", rate)) a \
        second: \(grouped(epochs)) epochs, \(grouped(commands)) commands, \
        \(grouped(identities)) identity changes, no invariant violated
        """
    )
    return ExitCode.success
}
