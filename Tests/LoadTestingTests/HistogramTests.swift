import LoadTesting
import Testing

@Suite("Latency histogram")
struct HistogramTests {
    /// Values of all magnitudes.
    private static func values(_ count: Int, seed: UInt64) -> [Int64] {
        var random = Random(seed: seed)
        return (0..<count).map { _ in
            let magnitude = random.below(36)
            return Int64(random.below(1 << magnitude + 1))
        }
    }

    private static let percents = [0, 1, 10, 25, 50, 75, 90, 99, 99.9, 99.99, 99.999]

    @Test(arguments: 1...5)
    func `percentiles are the exact ones, to so many digits`(digits: Int) {
        for seed in UInt64(0)..<8 {
            let values = HistogramTests.values(5_000, seed: seed)
            var histogram = LatencyHistogram(digits: digits)
            for value in values { histogram.record(value) }
            let sorted = values.sorted()
            for percent in HistogramTests.percents {
                let rank = max(1, Int((percent / 100 * Double(sorted.count)).rounded(.up)))
                let exact = sorted[rank - 1]
                let told = histogram.percentile(percent)
                #expect(told == min(histogram.highestEquivalent(to: exact), sorted.last!))
                // What the layout promises: less than one part in ten to the digits.
                var part = 1.0
                for _ in 0..<digits { part /= 10 }
                #expect(Double(told - exact) <= Double(exact) * part, "\(exact) \(told)")
                #expect(told >= exact)
            }
            #expect(histogram.percentile(100) == sorted.last)
            #expect(histogram.maximum == sorted.last && histogram.minimum == sorted.first)
            #expect(histogram.count == 5_000)
        }
    }

    @Test func `mean and deviation are the exact ones, nearly`() {
        let values = HistogramTests.values(20_000, seed: 3)
        var histogram = LatencyHistogram()
        for value in values { histogram.record(value) }
        let mean = values.reduce(0) { $0 + Double($1) } / Double(values.count)
        let square = values.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
        let deviation = (square / Double(values.count)).squareRoot()
        #expect(abs(histogram.mean - mean) < mean / 1_000)
        #expect(abs(histogram.standardDeviation - deviation) < deviation / 1_000)
    }

    @Test func `parts added up are the whole`() {
        let values = HistogramTests.values(9_000, seed: 5)
        var whole = LatencyHistogram()
        var parts = (0..<3).map { _ in LatencyHistogram() }
        for (index, value) in values.enumerated() {
            whole.record(value)
            parts[index % 3].record(value)
        }
        var sum = LatencyHistogram()
        for part in parts { sum.merge(part) }
        #expect(sum.percentileText() == whole.percentileText())
        #expect(sum.minimum == whole.minimum && sum.maximum == whole.maximum)
        sum.removeAll()
        #expect(sum.count == 0 && sum.percentile(99) == 0 && sum.maximum == 0)
        sum.merge(whole)
        #expect(sum.percentileText() == whole.percentileText())
    }

    @Test func `what is too large counts as the largest, and is counted apart`() {
        var histogram = LatencyHistogram(digits: 3, highest: 1_000_000)
        for value in [-5, 0, 999_999, 1_000_000, 1_000_001, Int64.max] { histogram.record(value) }
        #expect(histogram.count == 6)
        #expect(histogram.countBeyond == 2)
        #expect(histogram.minimum == 0)
        #expect(histogram.maximum == .max)
        #expect(histogram.percentile(80) >= 1_000_000)
    }

    /// The layout of the Java original for three digits up to an hour in microseconds.
    @Test func `the layout is HdrHistogram's`() {
        let histogram = LatencyHistogram(digits: 3, highest: 3_600_000_000)
        #expect(histogram.subBucketCount == 2_048)
        #expect(histogram.bucketCount == 22)
        // Its documentation: "2,048 units of 1, then 1,024 units of 2, then 1,024 units of 4".
        for (value, last) in [
            (0, 0), (2_047, 2_047), (2_048, 2_049), (4_095, 4_095), (4_096, 4_099),
        ] {
            #expect(histogram.highestEquivalent(to: Int64(value)) == Int64(last))
        }
        #expect(histogram.highestEquivalent(to: 100_000_000) == 100_007_935)
    }

    /// Ten thousand values of 1 ms and one of 100 s, which counts as the middle of its range.
    @Test func `the text is HdrHistogram's`() {
        var histogram = LatencyHistogram(digits: 3, highest: 3_600_000_000)
        for _ in 0..<10_000 { histogram.record(1_000) }
        histogram.record(100_000_000)
        let lines = histogram.percentileText().split(separator: "\n").map(String.init)
        #expect(lines.first == "       Value     Percentile TotalCount 1/(1-Percentile)")
        #expect(lines.dropFirst().first == "       1.000 0.000000000000      10000           1.00")
        #expect(lines.contains("       1.000 0.500000000000      10000           2.00"))
        #expect(lines.contains("  100007.935 1.000000000000      10001"))
        #expect(lines.contains("#[Mean    =       10.996, StdDeviation   =      999.642]"))
        #expect(lines.contains("#[Max     =   100000.000, Total count    =        10001]"))
        #expect(lines.last == "#[Buckets =           22, SubBuckets     =         2048]")
    }

    @Test func `rows of the distribution are what they say`() {
        let values = HistogramTests.values(3_000, seed: 9)
        var histogram = LatencyHistogram()
        for value in values { histogram.record(value) }
        let rows = histogram.percentileRows()
        #expect(rows.first?.share == 0 && rows.last?.share == 1)
        #expect(rows.count > 30)
        for row in rows {
            #expect(Int(row.count) == values.count { $0 <= row.value })
            #expect(Double(row.count) >= row.share * Double(values.count) - 0.001)
        }
        for (row, next) in zip(rows, rows.dropFirst()) {
            #expect(row.share < next.share && row.value <= next.value)
        }
        #expect(LatencyHistogram().percentileRows().isEmpty)
    }
}
