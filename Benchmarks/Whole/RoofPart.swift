import Decoding
import Engine
import Events
import Foundation
import Pipeline
import Settings
import Shards

/// How fast events can be read at all: simdjson alone and the whole decoder, on one thread and two.
struct RoofPart {
    private struct Case: Hashable {
        var isWhole: Bool
        var threads: Int
    }

    private static let eventsMax = 200_000

    static func run(_ bench: Bench) throws -> Findings {
        let settings = try Settings.load(folder: bench.options.config)
        let blocks = try load(try bench.file())
        let count = blocks.reduce(0) { $0 + $1.count }
        say("roof: \(grouped(Double(count))) events, \(bench.options.rounds) rounds")
        var cases: [Case] = []
        for isWhole in [false, true] {
            for threads in [1, 2] { cases.append(Case(isWhole: isWhole, threads: threads)) }
        }
        // Once for nothing: memory is touched, tables grow.
        _ = measure(cases[2], blocks, settings, passes: 1)
        let measured = bench.inTurns(cases) { measure($0, blocks, settings, passes: 5) }
        func rate(_ isWhole: Bool, _ threads: Int) -> Double {
            median(measured[Case(isWhole: isWhole, threads: threads)] ?? [])
        }
        var findings = Findings(
            title: "Roof",
            note: "The first \(grouped(Double(count))) events of the file, in memory. simdjson "
                + "finds the fields of the tracking plan and nothing is made of them; the decoder "
                + "also normalises, hashes and lays them out."
        )
        for isWhole in [false, true] {
            let name = isWhole ? "decoder" : "simdjson alone"
            let (one, two) = (rate(isWhole, 1), rate(isWhole, 2))
            bench.rates.append(("\(name), 1 thread", one))
            bench.rates.append(("\(name), 2 threads", two))
            findings.add(
                "\(name), 1 thread",
                grouped(one) + " events/s",
                ratio: isWhole ? percent(one / rate(false, 1)) + " of simdjson alone" : ""
            )
            findings.add(
                "\(name), 2 threads",
                grouped(two) + " events/s",
                ratio: decimal(two / one) + " times 1 thread"
            )
        }
        return findings
    }

    private static func load(_ path: String) throws -> [EventBlock] {
        let source = try FileSource([path])
        var blocks: [EventBlock] = []
        var count = 0
        while count < eventsMax, !source.isDone {
            let block = EventBlock(
                capacity: .init(rawBytes: 1 << 18, textBytes: 1 << 18, records: 1_024)
            )
            _ = try source.read(block)
            count += block.count
            blocks.append(block)
        }
        guard count > 0 else { throw Failure("the file of events is empty") }
        return blocks
    }

    /// Events a second of so many threads, each with its own share of the blocks.
    private static func measure(
        _ one: Case,
        _ blocks: [EventBlock],
        _ settings: Settings,
        passes: Int
    ) -> Double {
        let shares = (0..<one.threads).map { thread in
            blocks.indices.filter { $0 % one.threads == thread }.map { blocks[$0] }
        }
        let took = ContinuousClock().measure {
            let threads = shares.map { share in
                let thread = EngineThread(name: "roof")
                thread.start {
                    if one.isWhole {
                        decode(share, settings, passes)
                    } else {
                        scan(share, settings, passes)
                    }
                }
                return thread
            }
            for thread in threads { thread.join() }
        }
        return Double(blocks.reduce(0) { $0 + $1.count } * passes) / (took / .seconds(1))
    }

    private static func scan(_ blocks: [EventBlock], _ settings: Settings, _ passes: Int) {
        let scan = PlanScan(settings.plan)
        var documents = 0
        for _ in 0..<passes { for block in blocks { documents += scan.read(block) } }
        // Hardly any record of a shop is no JSON.
        precondition(documents * 10 > blocks.reduce(0) { $0 + $1.count } * passes * 9)
    }

    private static func decode(_ blocks: [EventBlock], _ settings: Settings, _ passes: Int) {
        let decoder = EventDecoder(
            plan: settings.plan,
            hashKey: settings.rules.hashKey,
            zones: settings.rules.zones
        )
        for _ in 0..<passes {
            for block in blocks {
                block.textEnd = block.capacity.rawBytes + EventBlock.padding
                block.identifierCount = 0
                block.productCount = 0
                block.attributeCount = 0
                decoder.decode(block)
            }
        }
    }
}
