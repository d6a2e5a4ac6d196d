import CBenchmark

/// One thing that is measured.
final class Part {
    private let name: String
    private let items: Int
    private let allocationsMax: Double
    private let body: (Int) -> Void

    /// Names a part.
    ///
    /// - Parameters:
    ///   - items: what one iteration works off.
    ///   - allocationsMax: how many allocations a thousand items may cost; nil is any number.
    ///   - body: does it so many times.
    init(
        _ name: String,
        items: Int,
        allocationsMax: Double? = 0,
        _ body: @escaping (Int) -> Void
    ) {
        self.name = name
        self.items = items
        self.allocationsMax = allocationsMax ?? -1
        self.body = body
        // Tables and buffers grow to their size before anything is counted.
        body(2)
    }

    /// Hands it to the library.
    func add() {
        // The library keeps it until the process ends.
        collie_benchmark_add(
            name,
            Int64(items),
            allocationsMax,
            { Unmanaged<Part>.fromOpaque($0!).takeUnretainedValue().body(Int($1)) },
            Unmanaged.passRetained(self).toOpaque()
        )
    }
}
