/// Random numbers that are the same for the same seed, on every machine (SplitMix64).
struct Dice {
    private var state: UInt64

    init(seed: UInt64) {
        // Neighbouring seeds must not give the same numbers one step apart.
        state = seed &* 0xd134_2543_de82_ef95
        state = next()
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }

    /// A number from 0 to below the bound.
    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

    /// True so many times in a hundred.
    mutating func chance(_ percent: Int) -> Bool { below(100) < percent }

    /// One of the values.
    mutating func pick<Value>(_ values: [Value]) -> Value { values[below(values.count)] }

    /// One of the values, each as often as its weight says.
    mutating func pick<Value>(weighted values: [(Int, Value)]) -> Value {
        var left = below(values.reduce(0) { $0 + $1.0 })
        for (weight, value) in values {
            if left < weight { return value }
            left -= weight
        }
        return values[0].1
    }
}
