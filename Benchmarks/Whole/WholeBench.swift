import Foundation
import Glibc

/// Measures the whole of Collie, as ratios within one run.
@main
enum WholeBench {
    private typealias Part = (name: String, run: @Sendable (Bench) throws -> Findings)

    private static let parts: [Part] = [
        ("roof", RoofPart.run), ("engine", EnginePart.run), ("hot", HotKeyPart.run),
        ("kafka", KafkaPart.run), ("latency", LatencyPart.run), ("burst", BurstPart.run),
        ("state", StatePart.run),
    ]

    static func main() {
        let words = Array(CommandLine.arguments.dropFirst())
        do {
            let options = try Options(words)
            if options.wantsHelp {
                print(Options.usage)
                exit(0)
            }
            let keeper = try Keeper()
            let isGood = Result { try measure(options, words, keeper) }
            keeper.end()
            exit(try isGood.get() ? 0 : 1)
        } catch {
            say("whole-bench: \(error)")
            exit(2)
        }
    }

    /// Runs the parts; answers whether all is well.
    private static func measure(
        _ options: Options,
        _ words: [String],
        _ keeper: Keeper
    ) throws -> Bool {
        let report = try makeReport(options, words, keeper)
        print(report.verdict)
        if let path = options.plot { try report.draw(to: path) }
        if let path = options.results { try report.write(to: path, plot: options.plot) }
        return report.isGood
    }

    private static func makeReport(
        _ options: Options,
        _ words: [String],
        _ keeper: Keeper
    ) throws -> Report {
        let bench = try Bench(options, keeper)
        let before = Machine.load
        let chosen: [Part] =
            options.isSteady
            ? [("steady", SteadyBench.run)] : parts.filter { options.parts.contains($0.name) }
        var findings: [Findings] = []
        var failures: [(part: String, reason: String)] = []
        for part in chosen {
            do {
                let found = try part.run(bench)
                print("\n" + found.text)
                fflush(nil)
                findings.append(found)
            } catch {
                say("\(part.name): \(error)\n")
                failures.append((part.name, "\(error)"))
            }
        }
        return Report(
            title: options.isSteady ? "Steady load over minutes" : "The whole of Collie",
            findings: findings,
            failures: failures,
            rates: bench.rates,
            command: "whole-bench " + words.map(quoted).joined(separator: " "),
            commit: commit(keeper),
            loads: (before, Machine.load)
        )
    }

    private static func quoted(_ word: String) -> String {
        word.contains(" ") ? "\"\(word)\"" : word
    }

    /// What was measured: the commit of the folder that this is called in.
    private static func commit(_ keeper: Keeper) -> String {
        guard let git = try? Program(["git", "describe", "--always", "--dirty"], in: keeper),
            (try? git.finish(within: .seconds(10))) != nil
        else { return "unknown" }
        return git.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
