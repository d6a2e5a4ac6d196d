import CPlatform
import Foundation
import LoadTesting

/// Shows how a load goes, a line a second, and keeps what it has shown.
///
/// On a terminal the line is written over and over, elsewhere one follows the other.
struct LoadDisplay {
    private let status = StatusLine()
    private let isForPeople = collie_is_terminal(2)

    /// Watches until the load is over; answers what was seen each second.
    func watch(_ run: LoadRun) -> [LoadReport.Sample] {
        var samples: [LoadReport.Sample] = []
        var before = run.takeProgress()
        var next = collie_monotonic_milliseconds() + 1_000
        while !run.isOver {
            if collie_monotonic_milliseconds() < next {
                usleep(20_000)
                continue
            }
            next += 1_000
            let progress = run.takeProgress()
            samples.append(LoadDisplay.sample(progress, after: before))
            let line = LoadDisplay.line(progress, samples[samples.count - 1])
            if isForPeople { status.show(line) } else { complain(line) }
            before = progress
        }
        status.clear()
        return samples
    }

    private static func sample(
        _ progress: LoadRun.Progress,
        after before: LoadRun.Progress
    ) -> LoadReport.Sample {
        let span = max(0.001, progress.seconds - before.seconds)
        var sample = LoadReport.Sample(
            second: progress.seconds,
            sent: Double(progress.events.sent - before.events.sent) / span,
            commands: Double(progress.commands - before.commands) / span,
            lag: progress.lag
        )
        if progress.lately.count > 0 {
            sample.p50 = Double(progress.lately.percentile(50)) / 1_000
            sample.p99 = Double(progress.lately.percentile(99)) / 1_000
            sample.max = Double(progress.lately.maximum) / 1_000
        }
        if progress.latelyDue.count > 0 {
            sample.dueP99 = Double(progress.latelyDue.percentile(99)) / 1_000
        }
        return sample
    }

    private static func line(_ progress: LoadRun.Progress, _ sample: LoadReport.Sample) -> String {
        func time(_ value: Double?) -> String {
            value.map { Objective.text(milliseconds: $0) } ?? "-"
        }
        var text =
            "\(Int(progress.seconds.rounded())) s: \(grouped(progress.events.sent)) events "
            + "(\(grouped(Int(sample.sent)))/s), \(grouped(progress.commands)) commands "
            + "(\(grouped(Int(sample.commands)))/s), p50 \(time(sample.p50)), "
            + "p99 \(time(sample.p99)), lag \(progress.lag.map { grouped(Int($0)) } ?? "?")"
        if progress.events.errors > 0 { text += ", \(grouped(progress.events.errors)) errors" }
        return text
    }
}
