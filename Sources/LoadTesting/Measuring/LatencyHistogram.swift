/// How often each latency was seen, with the bucket layout of HdrHistogram.
///
/// Values are kept to a number of significant digits, however large they are: the counts of values
/// up to twice ten to that power stand one by one, and from there on a bucket covers twice the
/// range of the one before with half as many counts of its own. Recording takes a shift and a count
/// of leading zeros; memory does not grow. Histograms of the same layout add up, so that each
/// thread, or each second, can have one of its own.
package struct LatencyHistogram: Sendable {
    /// Significant decimal digits that are kept.
    package let digits: Int
    /// The largest value that is told apart; a larger one counts as this.
    package let highest: Int64
    /// How many values were recorded.
    package private(set) var count: Int64 = 0
    /// How many of them were larger than the highest.
    package private(set) var countBeyond: Int64 = 0
    /// The smallest value recorded, exactly; 0 if there is none.
    package var minimum: Int64 { count == 0 ? 0 : least }
    /// The largest value recorded, exactly; 0 if there is none.
    package private(set) var maximum: Int64 = 0

    private var least = Int64.max
    private var counts: [Int64]
    private let subBucketHalfMagnitude: Int
    private let subBucketMask: Int64

    /// An empty histogram.
    ///
    /// - Parameters:
    ///   - digits: 1 to 5.
    ///   - highest: at least 2.
    package init(digits: Int = 3, highest: Int64 = 86_400_000_000) {
        precondition((1...5).contains(digits) && highest >= 2)
        self.digits = digits
        self.highest = highest
        // The largest value up to which neighbours are told apart.
        var singles: Int64 = 2
        for _ in 0..<digits { singles *= 10 }
        let magnitude = Int64.bitWidth - (singles - 1).leadingZeroBitCount
        subBucketHalfMagnitude = magnitude - 1
        subBucketMask = (1 << Int64(magnitude)) - 1
        var buckets = 1
        var reached: Int64 = 1 << Int64(magnitude)
        while reached <= highest, reached <= Int64.max / 2 {
            reached *= 2
            buckets += 1
        }
        bucketCount = buckets
        counts = Array(repeating: 0, count: (buckets + 1) << subBucketHalfMagnitude)
    }

    /// How many buckets there are, each of twice the range of the one before.
    package let bucketCount: Int
    /// How many equal parts a bucket has.
    package var subBucketCount: Int { 2 << subBucketHalfMagnitude }

    // MARK: The layout

    private func index(of value: Int64) -> Int {
        let bucket =
            Int64.bitWidth - subBucketHalfMagnitude - 1
            - (value | subBucketMask).leadingZeroBitCount
        let part = Int(value >> Int64(bucket))
        return (bucket + 1) << subBucketHalfMagnitude + part - 1 << subBucketHalfMagnitude
    }

    /// The smallest value that is counted at an index, and how many are counted there.
    private func range(at index: Int) -> (first: Int64, size: Int64) {
        let half = 1 << subBucketHalfMagnitude
        var bucket = index >> subBucketHalfMagnitude - 1
        var part = index & (half - 1) + half
        if bucket < 0 {
            part -= half
            bucket = 0
        }
        return (Int64(part) << Int64(bucket), 1 << Int64(bucket))
    }

    /// The largest value that is not told apart from this one.
    package func highestEquivalent(to value: Int64) -> Int64 {
        let range = range(at: index(of: min(max(value, 0), highest)))
        return range.first + range.size - 1
    }

    // MARK: Recording

    /// Counts a value; a negative one is a clock's jitter and counts as 0.
    package mutating func record(_ value: Int64) {
        let value = max(value, 0)
        if value > highest { countBeyond += 1 }
        counts[index(of: min(value, highest))] += 1
        count += 1
        least = min(least, value)
        maximum = max(maximum, value)
    }

    /// Adds everything that another histogram of the same layout has counted.
    package mutating func merge(_ other: LatencyHistogram) {
        precondition(digits == other.digits && highest == other.highest, "another layout")
        for index in counts.indices { counts[index] += other.counts[index] }
        count += other.count
        countBeyond += other.countBeyond
        least = min(least, other.least)
        maximum = max(maximum, other.maximum)
    }

    /// Forgets everything.
    package mutating func removeAll() {
        if count == 0 { return }
        for index in counts.indices { counts[index] = 0 }
        count = 0
        countBeyond = 0
        least = .max
        maximum = 0
    }

    // MARK: Reading

    /// The value that so many per cent of all do not exceed, to the histogram's precision; 0 if it
    /// is empty.
    package func percentile(_ percent: Double) -> Int64 {
        if count == 0 { return 0 }
        if percent >= 100 { return maximum }
        let wanted = max(1, Int64((min(max(percent, 0), 100) / 100 * Double(count)).rounded(.up)))
        var seen: Int64 = 0
        for index in counts.indices where counts[index] > 0 {
            seen += counts[index]
            guard seen >= wanted else { continue }
            let range = range(at: index)
            return min(range.first + range.size - 1, maximum)
        }
        return maximum
    }

    /// The mean of all values, to the histogram's precision.
    package var mean: Double {
        if count == 0 { return 0 }
        var sum = 0.0
        each { sum += $0.middle * Double($0.count) }
        return sum / Double(count)
    }

    /// How far values lie from the mean, as the root of the mean square.
    package var standardDeviation: Double {
        if count == 0 { return 0 }
        let mean = mean
        var sum = 0.0
        each { sum += ($0.middle - mean) * ($0.middle - mean) * Double($0.count) }
        return (sum / Double(count)).squareRoot()
    }

    /// What is counted together.
    struct Step {
        /// The largest value of it.
        var last: Int64
        /// The value that stands for all of it.
        var middle: Double
        /// How many there are.
        var count: Int64
    }

    /// Calls with everything that was counted, in the order of values.
    func each(_ body: (Step) -> Void) {
        for index in counts.indices where counts[index] > 0 {
            let range = range(at: index)
            body(
                Step(
                    last: range.first + range.size - 1,
                    middle: Double(range.first + range.size / 2),
                    count: counts[index]
                )
            )
        }
    }
}
