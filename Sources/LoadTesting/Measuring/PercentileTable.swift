import Foundation

/// A row of a percentile distribution.
package struct PercentileRow: Equatable, Sendable {
    /// The value that is not exceeded.
    package var value: Int64
    /// By which share of all, up to 1.
    package var share: Double
    /// By how many.
    package var count: Int64
}

extension LatencyHistogram {
    /// The distribution in steps that grow finer towards the largest values: so many steps for
    /// each half of what is left.
    package func percentileRows(stepsPerHalf: Int = 5) -> [PercentileRow] {
        var rows: [PercentileRow] = []
        var level = 0.0
        var seen: Int64 = 0
        each { step in
            seen += step.count
            // Many levels may end at the same value.
            while level < 100, 100 * Double(seen) / Double(count) >= level {
                rows.append(PercentileRow(value: step.last, share: level / 100, count: seen))
                let halvings = (log(100 / (100 - level)) / log(2)).rounded(.down) + 1
                level += 100 / (Double(stepsPerHalf) * pow(2, halvings))
                if seen == count { return }
            }
        }
        if count > 0 {
            rows.append(
                PercentileRow(value: highestEquivalent(to: maximum), share: 1, count: count)
            )
        }
        return rows
    }

    /// The distribution as HdrHistogram prints it, so that its plotters read it.
    ///
    /// - Parameter scale: what values are divided by, such as 1000 for milliseconds of microseconds.
    package func percentileText(stepsPerHalf: Int = 5, scale: Double = 1_000) -> String {
        var text = "       Value     Percentile TotalCount 1/(1-Percentile)\n\n"
        func number(_ value: Double) -> String { String(format: "%12.\(digits)f", value / scale) }
        for row in percentileRows(stepsPerHalf: stepsPerHalf) {
            text += number(Double(row.value))
            text += String(format: " %2.12f %10ld", row.share, Int(row.count))
            if row.share < 1 { text += String(format: " %14.2f", 1 / (1 - row.share)) }
            text += "\n"
        }
        text += "#[Mean    = \(number(mean)), StdDeviation   = \(number(standardDeviation))]\n"
        text += "#[Max     = \(number(Double(maximum)))"
        text += String(format: ", Total count    = %12ld]\n", Int(count))
        text += String(
            format: "#[Buckets = %12ld, SubBuckets     = %12ld]\n",
            bucketCount,
            subBucketCount
        )
        return text
    }
}
