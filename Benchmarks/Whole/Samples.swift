import Foundation
import Glibc

/// How a deployment stood, several times a second.
struct Samples {
    /// A moment.
    struct Sample {
        /// Seconds since the first.
        var second: Double
        /// Records in the topic of events.
        var records: Int64
        /// Those of them that are committed.
        var committed: Int64
        /// Bytes of memory of Collie.
        var resident: Int

        var lag: Double { Double(max(0, records - committed)) }
    }

    private(set) var all: [Sample] = []

    /// Watches a deployment until a load has ended; answers what was seen.
    init(of deployment: Deployment, while load: Program, every interval: Double) throws {
        let begin = ContinuousClock.now
        var next = 0.0
        while load.end == nil {
            // What is committed first: a lag is never told too small.
            let committed = try deployment.committed()
            let records = try deployment.records()
            let now = (ContinuousClock.now - begin) / .seconds(1)
            all.append(
                Sample(
                    second: now,
                    records: records,
                    committed: committed,
                    resident: try deployment.resident()
                )
            )
            next += interval
            if next > now { usleep(UInt32((next - now) * 1e6)) }
        }
    }

    /// Records a second that came between two samples.
    func rate(_ from: Int, _ to: Int) -> Double {
        let seconds = all[to].second - all[from].second
        return Double(all[to].records - all[from].records) / max(seconds, 1e-9)
    }

    /// The middle one of the memory of some samples.
    func resident(_ range: Range<Int>) -> Int {
        Int(median(all[range].map { Double($0.resident) }))
    }

    /// The memory of Collie over the seconds.
    func memoryPlot(_ title: String) -> Plot {
        let points = all.map { ($0.second, Double($0.resident) / 1_048_576) }
        return Plot(
            title: title + ": memory of Collie, resident",
            unit: "MiB",
            content: .lines([Plot.Line(name: "resident", points: points)], across: "seconds")
        )
    }
}
