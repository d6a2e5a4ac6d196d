import LoadTesting

/// What is drawn in a simulation: the same for the same seed.
struct Chance {
    private var random: Random

    /// - Parameter stream: draws of one stream do not move those of another, so that a fault more
    ///   or less leaves the traffic as it is.
    init(seed: UInt64, stream: UInt64) {
        random = Random(seed: Random.mix(seed &* 0xd134_2543_de82_ef95 &+ stream))
    }

    /// A number from 0 to below the bound.
    mutating func below(_ bound: Int) -> Int { random.below(bound) }

    /// A number of the range.
    mutating func within(_ range: ClosedRange<Int64>) -> Int64 {
        range.lowerBound + Int64(random.below(Int(range.upperBound - range.lowerBound + 1)))
    }

    /// True so many times in a thousand.
    mutating func happens(_ permille: Int) -> Bool { random.below(1_000) < permille }

    /// One of the values.
    mutating func pick<Value>(_ values: [Value]) -> Value { values[random.below(values.count)] }
}
