import Foundation

/// A load as a page: one file that needs no network.
package struct LoadPage {
    private let report: LoadReport
    private let samples: [LoadReport.Sample]
    private let latencies: OutputLatencies

    /// The page of a load.
    package init(
        _ report: LoadReport,
        samples: [LoadReport.Sample],
        latencies: OutputLatencies
    ) {
        self.report = report
        self.samples = samples
        self.latencies = latencies
    }

    /// The whole page.
    package var html: String {
        """
        <!doctype html>
        <html lang="en"><head><meta charset="utf-8"><title>collie load</title>
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <style>\(LoadPage.style)</style></head><body>
        <h1>collie load</h1>
        <p>\(report.input.source.html) into <b>\(report.input.topic.html)</b> at \
        \(report.input.speed.html), \(report.input.startedAt.html)</p>
        \(verdicts)\(figures)\(table)\(plots)</body></html>

        """
    }

    private static let style = """
        :root{color-scheme:light dark;--a:#1769c4;--b:#c4561b;--c:#7a3db8;--d:#1f8a4c;--e:#a3862b;--grid:#8884}
        body{font:15px/1.45 system-ui,sans-serif;max-width:760px;margin:2rem auto;padding:0 1rem}
        h1{font-size:1.4rem;margin:0}h2{font-size:1rem;margin:1.6rem 0 .2rem}small{opacity:.7}
        table{border-collapse:collapse;width:100%}th,td{text-align:right;padding:.15rem .5rem}
        th:first-child,td:first-child{text-align:left}tr+tr{border-top:1px solid var(--grid)}
        svg{width:100%;height:auto}svg text{font-size:11px;fill:currentColor;opacity:.75}
        .grid{stroke:var(--grid)}.line{fill:none;stroke-width:1.6;stroke-linecap:round}
        .a{color:var(--a);stroke:var(--a)}.b{color:var(--b);stroke:var(--b)}
        .c{color:var(--c);stroke:var(--c)}.d{color:var(--d);stroke:var(--d)}
        .e{color:var(--e);stroke:var(--e)}
        .names{margin:0}.names span::before{content:"\\25CF "}.met{color:var(--d)}.missed{color:#c22}
        """

    private var verdicts: String {
        if report.objectives.isEmpty { return "" }
        let items = report.objectives.map { verdict in
            """
            <li class="\(verdict.isMet ? "met" : "missed")">\(verdict.objective.html): \
            \(verdict.isMet ? "met" : "missed"), measured \(verdict.measured.html)</li>
            """
        }
        return "<h2>Objectives</h2><ul>\(items.joined())</ul>\n"
    }

    private var figures: String {
        let events = report.events
        let outputs = report.outputs
        let rows: [(String, String)] = [
            ("events sent", "\(events.sent)"),
            ("confirmed a second", String(format: "%.0f", events.perSecond)),
            ("errors", "\(events.errors)"),
            ("behind the plan at most", Objective.text(milliseconds: events.behindMilliseconds)),
            ("held back by the bound in flight", "\(events.heldBack)"),
            ("send commands", "\(outputs.commands)"),
            ("send commands a second", String(format: "%.1f", outputs.commandsPerSecond)),
            ("decisions", "\(outputs.decisions)"), ("dead letters", "\(outputs.deadLetters)"),
            ("outputs of unknown events", "\(outputs.unmatched)"),
            ("lag at most", report.lag.max.map { "\($0)" } ?? "not known"),
            ("lag at the end", report.lag.end.map { "\($0)" } ?? "not known"),
        ]
        let cells = rows.map { "<tr><td>\($0.0)</td><td>\($0.1)</td></tr>" }
        return "<h2>Figures</h2><table>\(cells.joined(separator: "\n"))</table>\n"
    }

    private var groups: [(name: String, style: String, histogram: LatencyHistogram)] {
        [
            ("commands, at once", "a", latencies.prompt[0]),
            ("commands, due later", "b", latencies.due[0]),
            ("the same, their second over", "e", latencies.ripe),
            ("decisions, at once", "c", latencies.prompt[1]),
            ("decisions, due later", "d", latencies.due[1]),
        ]
    }

    private var table: String {
        let rows = groups.map { group in
            let latency = LoadReport.Latency(group.histogram)
            let times = [latency.p50, latency.p90, latency.p99, latency.p999, latency.max]
            let cells = times.map {
                "<td>\($0.map { Objective.text(milliseconds: $0) } ?? "")</td>"
            }
            return "<tr><td>\(group.name)</td><td>\(latency.count)</td>\(cells.joined())</tr>"
        }
        return """
            <h2>Latency</h2><table><tr><th></th><th>count</th><th>p50</th><th>p90</th><th>p99</th>\
            <th>p99.9</th><th>max</th></tr>\(rows.joined(separator: "\n"))</table>

            """
    }

    // MARK: Plots

    private func line(
        _ name: String,
        _ style: String,
        _ value: (LoadReport.Sample) -> Double?
    ) -> Plot.Line {
        Plot.Line(name: name, style: style, points: samples.map { ($0.second, value($0)) })
    }

    private var plots: String {
        let all = [
            Plot(
                title: "Events sent",
                unit: "a second",
                lines: [line("events", "a") { $0.sent }]
            ),
            Plot(
                title: "Send commands",
                unit: "a second",
                lines: [line("commands", "b") { $0.commands }]
            ),
            Plot(
                title: "Latency of commands",
                unit: "ms",
                lines: [
                    line("p50", "a") { $0.p50 }, line("p99", "b") { $0.p99 },
                    line("max", "c") { $0.max }, line("p99, due later", "d") { $0.dueP99 },
                ]
            ),
            Plot(
                title: "Lag",
                unit: "records",
                lines: [line("lag", "a") { $0.lag.map(Double.init) }]
            ),
            distribution,
        ]
        return all.map(\.html).joined()
    }

    /// Latencies by percentile, each further nine as far as the one before.
    private var distribution: Plot {
        let lines = groups.map { group in
            let rows = group.histogram.percentileRows()
            let points = rows.filter { $0.share < 1 }.map { row in
                (x: log10(1 / (1 - row.share)), y: Optional(Double(row.value) / 1_000))
            }
            return Plot.Line(name: group.name, style: group.style, points: points)
        }
        let nines = ["0 %", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %", "99.9999 %"]
        let last = lines.flatMap(\.points).map(\.x).max() ?? 0
        let marks = nines.enumerated().map { (x: Double($0.offset), text: $0.element) }
        return Plot(
            title: "Latency by percentile",
            unit: "ms",
            lines: lines,
            marks: marks.filter { $0.x <= last }
        )
    }
}
