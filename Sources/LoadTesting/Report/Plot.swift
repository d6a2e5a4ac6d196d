import Foundation

/// Lines over a common axis, as SVG that needs nothing around it.
struct Plot {
    /// One line: its name, its colour as a class of the page, and a value for each place; nil leaves
    /// a gap.
    struct Line {
        var name: String
        var style: String
        var points: [(x: Double, y: Double?)]
    }

    var title: String
    var unit: String
    var lines: [Line]
    /// Where the horizontal axis has marks, and what they say; nil is seconds.
    var marks: [(x: Double, text: String)]?

    private static let width = 720.0
    private static let height = 220.0
    private static let left = 64.0
    private static let right = 12.0
    private static let top = 12.0
    private static let bottom = 28.0

    /// The drawing with its title and the names of its lines.
    var html: String {
        let drawn = lines.filter { line in line.points.contains { $0.y != nil } }
        guard !drawn.isEmpty else {
            return "<section><h2>\(title.html)</h2><p>Nothing was measured.</p></section>\n"
        }
        let all = drawn.flatMap(\.points)
        let xs = all.map(\.x)
        let xLeast = xs.min() ?? 0
        let xMost = max(xs.max() ?? 1, xLeast + 1e-9)
        let yMost = Plot.ceiling(all.compactMap(\.y).max() ?? 1)
        func x(_ value: Double) -> Double {
            Plot.left + (value - xLeast) / (xMost - xLeast) * (Plot.width - Plot.left - Plot.right)
        }
        func y(_ value: Double) -> Double {
            Plot.height - Plot.bottom
                - value / yMost * (Plot.height - Plot.top - Plot.bottom)
        }
        var svg = """
            <svg viewBox="0 0 \(Int(Plot.width)) \(Int(Plot.height))" role="img" \
            aria-label="\(title.html)">

            """
        for step in 0...4 {
            let value = yMost * Double(step) / 4
            let place = y(value)
            svg += """
                <line class="grid" x1="\(Plot.left)" x2="\(Plot.width - Plot.right)" \
                y1="\(place.short)" y2="\(place.short)"/>\
                <text x="\(Plot.left - 6)" y="\((place + 4).short)" text-anchor="end">\
                \(Plot.label(value))</text>

                """
        }
        for mark in marks ?? Plot.seconds(xLeast, xMost) {
            svg += """
                <text x="\(x(mark.x).short)" y="\(Plot.height - 8)" text-anchor="middle">\
                \(mark.text.html)</text>

                """
        }
        for line in drawn { svg += Plot.path(line, x, y) }
        svg += "</svg>\n"
        let names = drawn.map { "<span class=\"\($0.style)\">\($0.name.html)</span>" }
        return """
            <section><h2>\(title.html) <small>\(unit.html)</small></h2>
            <p class="names">\(names.joined(separator: " "))</p>
            \(svg)</section>

            """
    }

    private static func path(
        _ line: Line,
        _ x: (Double) -> Double,
        _ y: (Double) -> Double
    ) -> String {
        var path = ""
        var isDown = false
        for point in line.points {
            guard let value = point.y else {
                isDown = false
                continue
            }
            path += "\(isDown ? "L" : "M")\(x(point.x).short) \(y(value).short)"
            // A single point has no length, but its round end shows.
            if !isDown { path += "h0" }
            isDown = true
        }
        return "<path class=\"line \(line.style)\" d=\"\(path)\"/>\n"
    }

    /// A round number that is not below.
    static func ceiling(_ value: Double) -> Double {
        guard value > 0 else { return 1 }
        let unit = pow(10, log10(value).rounded(.down))
        return [1, 2, 4, 5, 8, 10].map { $0 * unit }.first { $0 >= value * 0.999_999 }
            ?? 10 * unit
    }

    private static func label(_ value: Double) -> String {
        switch value {
        case 1_000_000...: String(format: "%gM", value / 1_000_000)
        case 10_000...: String(format: "%gk", value / 1_000)
        default: String(format: "%g", value)
        }
    }

    private static func seconds(_ least: Double, _ most: Double) -> [(x: Double, text: String)] {
        let step = ceiling((most - least) / 8)
        return stride(from: (least / step).rounded(.up) * step, through: most, by: step)
            .map { ($0, "\(label($0)) s") }
    }
}

extension Double {
    /// As many digits as a drawing can show.
    var short: String { String(format: "%.1f", self) }
}

extension String {
    /// The text as HTML shows it.
    var html: String {
        replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;")
    }
}
