import Events
import Identity
package import Memory

/// How far event time had come, as it was saved.
struct SavedClock {
    var watermark: Int64
    var fired: Int64
    var sequence: UInt64
    var wallClock: EventTime
    var partitions: [Resolver.PartitionState] = []

    init(_ reader: inout StateReader) throws(StateError) {
        watermark = try reader.get(Int64.self)
        fired = try reader.get(Int64.self)
        sequence = try reader.get(UInt64.self)
        wallClock = try reader.get(EventTime.self)
        for _ in 0..<(try reader.get(UInt32.self)) {
            partitions.append(
                Resolver.PartitionState(
                    newest: try reader.get(EventTime.self),
                    idle: try reader.get(Int64.self)
                )
            )
        }
    }
}

extension Resolver {
    func saveClock<Sink: StateSink & ~Copyable>(
        with buffer: inout StateBuffer,
        to sink: inout Sink
    ) -> Bool {
        buffer.removeAll()
        buffer.put(watermark)
        buffer.put(fired)
        buffer.put(sequence)
        buffer.put(wallClock.milliseconds)
        buffer.put(UInt32(partitions.count))
        for index in 0..<partitions.count {
            buffer.put(partitions[index].newest.milliseconds)
            buffer.put(partitions[index].idle)
        }
        return sink.take(StatePiece(.clock), buffer.bytes)
    }

    func saveFingerprints<Sink: StateSink & ~Copyable>(
        with buffer: inout StateBuffer,
        to sink: inout Sink
    ) -> Bool {
        seen.save(with: &buffer, to: &sink)
    }
}

/// Fills a resolver from saved state, for any number of shards; but for the messageIds, which
/// `FingerprintLoader` takes.
///
/// It is handed the pieces it wants in the order in which they were written. Owned by one thread.
package struct ResolverLoader: ~Copyable {
    private let compiled: CompiledRules
    private let layouts = StateLayouts()
    private var resolver: Resolver
    private var numbering: SlotNumbering
    private var isExplained = false

    /// Makes the loader of a resolver of so many shards.
    package init(rules: CompiledRules, shards: Int) {
        compiled = rules
        resolver = Resolver(rules: rules, shards: shards, partitions: 0)
        numbering = SlotNumbering(shards: shards)
    }

    /// Every slab's piece says how many records it has in all.
    package mutating func expect(_ count: (UInt8) -> Int) {}

    /// Whether a piece holds anything for the resolver.
    package func wants(_ piece: StatePiece) -> Bool {
        switch StateSection(rawValue: piece.section) {
        case .tables, .clock: true
        case .fingerprints, .catalog, .texts, .profiles: false
        case nil: GraphSection(rawValue: piece.section) != nil
        }
    }

    /// Takes in a piece.
    package mutating func load(_ piece: StatePiece, _ bytes: RawSpan) throws(StateError) {
        var reader = StateReader(bytes)
        if let section = GraphSection(rawValue: piece.section) {
            guard isExplained else { throw .damaged("a graph stands before what explains it") }
            return try resolver.graph.load(section, &reader, &numbering)
        }
        switch StateSection(rawValue: piece.section) {
        case .tables:
            _ = try StateTables(&reader, compiled, layouts)
            isExplained = true
        case .clock: resolver.setTime(try SavedClock(&reader))
        default: return
        }
    }

    /// Ends loading and answers the resolver.
    package consuming func finish() -> Resolver {
        resolver.graph.finishLoading(numbering)
        return resolver
    }
}

/// Fills a window of messageIds from saved state: beside a `ResolverLoader`, on another thread.
package struct FingerprintLoader: ~Copyable {
    private var window: FingerprintWindow

    /// Begins with none.
    package init(rules: CompiledRules) { window = FingerprintWindow(rules: rules.rules) }

    /// Makes room for as many as there are.
    package mutating func expect(_ count: (UInt8) -> Int) {
        window.reserve(count(StateSection.fingerprints.rawValue))
    }

    /// Whether a piece holds messageIds.
    package func wants(_ piece: StatePiece) -> Bool {
        piece.section == StateSection.fingerprints.rawValue
    }

    /// Takes in a piece.
    package mutating func load(_ piece: StatePiece, _ bytes: RawSpan) throws(StateError) {
        var reader = StateReader(bytes)
        try window.load(&reader)
    }

    /// Ends loading and answers the window, for `Resolver.remember`.
    package consuming func finish() -> FingerprintWindow { window }
}
