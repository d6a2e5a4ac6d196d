import Foundation

/// A plot of a part: bars, or lines over a common axis.
struct Plot {
    /// One line.
    struct Line {
        var name: String
        var points: [(x: Double, y: Double)]
        /// Whether it is drawn in dashes.
        var isDashed = false
    }

    enum Content {
        case bars([(name: String, value: Double)])
        /// Lines, with the name of the horizontal axis.
        case lines([Line], across: String)
    }

    var title: String
    /// What the values are counted in.
    var unit: String
    var content: Content

    static let width = 760.0

    /// How high it is drawn.
    var height: Double {
        switch content {
        case .bars(let bars): 44 + 24 * Double(bars.count)
        case .lines: 270
        }
    }

    /// The drawing, from its upper left corner.
    var svg: String {
        let head =
            #"<text class="title" x="0" y="16">\#(title.escaped), \#(unit.escaped)</text>"# + "\n"
        switch content {
        case .bars(let bars): return head + Plot.draw(bars)
        case .lines(let lines, let across): return head + Plot.draw(lines, across)
        }
    }

    private static func draw(_ bars: [(name: String, value: Double)]) -> String {
        let (left, right) = (270.0, 90.0)
        let most = max(bars.map(\.value).max() ?? 1, 1e-9)
        var text = ""
        for (index, bar) in bars.enumerated() {
            let y = 30 + 24 * Double(index)
            let length = bar.value / most * (width - left - right)
            text += """
                <text x="\(left - 8)" y="\(y + 13)" text-anchor="end">\(bar.name.escaped)</text>\
                <rect class="bar" x="\(left)" y="\(y)" width="\(decimal(length, 1))" height="17"/>\
                <text x="\(decimal(left + length + 6, 1))" y="\(y + 13)">\(label(bar.value))</text>

                """
        }
        return text
    }

    private static func draw(_ lines: [Line], _ across: String) -> String {
        let (left, right, top, bottom, height) = (64.0, 12.0, 50.0, 44.0, 256.0)
        let all = lines.flatMap(\.points)
        let least = all.map(\.x).min() ?? 0
        let span = max((all.map(\.x).max() ?? 1) - least, 1e-9)
        let most = ceiling(all.map(\.y).max() ?? 1)
        func x(_ value: Double) -> Double { left + (value - least) / span * (width - left - right) }
        func y(_ value: Double) -> Double {
            height - bottom - value / most * (height - top - bottom)
        }
        var text = ""
        for step in 0...4 {
            let value = most * Double(step) / 4
            text += """
                <line class="grid" x1="\(left)" x2="\(width - right)" y1="\(decimal(y(value), 1))" \
                y2="\(decimal(y(value), 1))"/>\
                <text x="\(left - 6)" y="\(decimal(y(value) + 4, 1))" text-anchor="end">\
                \(label(value))</text>

                """
        }
        // A few places are marked as they are, many by round numbers.
        let places = Set(all.map(\.x))
        let step = ceiling(span / 8)
        let round = stride(
            from: (least / step).rounded(.up) * step,
            through: least + span,
            by: step
        )
        for value in places.count < 8 ? places.sorted() : Array(round) {
            text += """
                <text x="\(decimal(x(value), 1))" y="\(height - 26)" text-anchor="middle">\
                \(label(value))</text>

                """
        }
        text += """
            <text x="\(width / 2)" y="\(height - 8)" text-anchor="middle">\(across.escaped)</text>

            """
        var place = left
        for (index, line) in lines.enumerated() {
            let style = "l\(index % 4)" + (line.isDashed ? " dashed" : "")
            let points = line.points.map { "\(decimal(x($0.x), 1)),\(decimal(y($0.y), 1))" }
            text += """
                <polyline class="line \(style)" points="\(points.joined(separator: " "))"/>
                <line class="line \(style)" x1="\(place)" x2="\(place + 22)" y1="34" y2="34"/>\
                <text x="\(place + 28)" y="38">\(line.name.escaped)</text>

                """
            place += 48 + 7.2 * Double(line.name.count)
        }
        return text
    }

    /// A round number that is not below.
    private static func ceiling(_ value: Double) -> Double {
        guard value > 0 else { return 1 }
        let unit = pow(10, log10(value).rounded(.down))
        return [1, 2, 2.5, 4, 5, 8, 10].map { $0 * unit }.first { $0 >= value * 0.999_999 }
            ?? 10 * unit
    }

    private static func label(_ value: Double) -> String {
        switch value {
        case 1_000_000...: String(format: "%.3gM", value / 1_000_000)
        case 10_000...: String(format: "%.3gk", value / 1_000)
        case 1_000...: String(format: "%.0f", value)
        default: String(format: "%.3g", value)
        }
    }

    /// A page of plots below each other.
    static func page(_ plots: [Plot], title: String) -> String {
        var y = 52.0
        var body = ""
        for plot in plots {
            body += #"<g transform="translate(20,\#(decimal(y, 0)))">"# + "\n\(plot.svg)</g>\n"
            y += plot.height + 24
        }
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 \(decimal(y, 0))" \
            width="800" height="\(decimal(y, 0))" role="img" aria-label="\(title.escaped)">
            <style>
            text{font:12px system-ui,sans-serif;fill:#222}.title{font-weight:600;font-size:13px}
            .head{font-size:16px;font-weight:600}.bar{fill:#1769c4}.grid{stroke:#ddd}
            .line{fill:none;stroke-width:2;stroke-linejoin:round}.dashed{stroke-dasharray:5 4}
            .l0{stroke:#1769c4}.l1{stroke:#c4561b}.l2{stroke:#7a3db8}.l3{stroke:#1f8a4c}
            </style>
            <rect width="100%" height="100%" fill="#fff"/>
            <text class="head" x="20" y="30">\(title.escaped)</text>
            \(body)</svg>

            """
    }
}

extension String {
    /// The text as XML shows it.
    fileprivate var escaped: String {
        replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;")
    }
}
