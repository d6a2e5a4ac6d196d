import Foundation
import Simulator
import Testing

@Suite("Simulation")
struct SimulationTests {
    /// Seeds of a short run; `COLLIE_SEEDS` asks for more, `COLLIE_SEED` for one.
    private static var seeds: ClosedRange<UInt64> {
        let environment = ProcessInfo.processInfo.environment
        if let one = environment["COLLIE_SEED"].flatMap({ UInt64($0) }) { return one...one }
        return 1...(environment["COLLIE_SEEDS"].flatMap { UInt64($0) } ?? 24)
    }

    private func expectNoViolation(_ result: Simulation.Result) {
        guard let violation = result.violation else { return }
        let tail = result.tail.suffix(40).joined(separator: "\n")
        Issue.record("seed \(result.seed): \(violation)\n\(tail)")
    }

    @Test func `without faults everything follows from the log, once`() {
        for seed in Self.seeds where seed % 6 == 0 {
            expectNoViolation(Simulation(seed: seed, hasFaults: false).run())
        }
    }

    @Test func `whatever goes wrong, no invariant is violated`() {
        var (kills, pauses, commands, identities, held) = (0, 0, 0, 0, 0)
        for seed in Self.seeds {
            let result = Simulation(seed: seed).run()
            expectNoViolation(result)
            commands += result.commands
            identities += result.identities
            held += result.faults["epoch held"] ?? 0
            for (name, count) in result.faults {
                if name.hasPrefix("killed") { kills += count }
                if name.hasPrefix("paused") { pauses += count }
            }
        }
        // A simulation in which nothing happens proves nothing.
        guard Self.seeds.count >= 24 else { return }
        #expect(kills > 10 && pauses > 5 && commands > 100 && identities > 50 && held > 50)
    }

    /// Histories in which something went wrong before it was mended: an epoch that is not
    /// journalled changed the state; a leader that woke wrote into its successor's journal, saved
    /// a snapshot of an epoch that does not count, or took offsets back; offsets stayed behind the
    /// journal for ever.
    @Test(arguments: [5, 10, 19, 32, 38, 54, 60, 1_005])
    func `what once went wrong does not again`(seed: UInt64) {
        expectNoViolation(Simulation(seed: seed).run())
    }

    @Test func `the same seed is the same history`() {
        for seed in [UInt64(3), 8, 21] {
            let hashes = (0..<2).map { _ in Simulation(seed: seed).run().traceHash }
            #expect(hashes[0] == hashes[1])
        }
        #expect(Simulation(seed: 3).run().traceHash != Simulation(seed: 8).run().traceHash)
    }

    @Test(arguments: Mistake.allCases)
    func `a mistake made on purpose is noticed`(_ mistake: Mistake) {
        let found = (UInt64(1)...60).first { seed in
            Simulation(seed: seed, seams: mistake.seams).run().violation != nil
        }
        #expect(found != nil, "\(mistake.rawValue) goes unnoticed")
    }
}
