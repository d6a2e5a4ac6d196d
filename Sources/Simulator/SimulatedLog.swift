/// One partition in memory: records and the ends of transactions, each with an offset.
struct SimulatedLog {
    /// What stands at an offset.
    struct Entry {
        /// The transaction it belongs to; 0 is none.
        var transaction = 0
        /// The end of that transaction, which no reader sees.
        var isMarker = false
        var key: [UInt8]?
        var headers: [UInt8] = []
        var value: [UInt8]?
        /// When it was appended, in milliseconds.
        var time: Int64 = 0
    }

    /// Everything ever appended; the position is the offset.
    var entries: [Entry] = []

    /// The offset behind the last record.
    var end: Int64 { Int64(entries.count) }
}

/// A transaction as the coordinator knows it.
struct SimulatedTransaction {
    /// How far it has come.
    enum State {
        case open
        /// The decision is durable and answered; its markers are not written yet.
        case prepared
        case committed
        case aborted
    }

    var state = State.open
    /// When it began, in milliseconds.
    var begun: Int64
    /// When its markers are written, once it is prepared.
    var markersAt: Int64 = 0
    /// The partitions it wrote to.
    var partitions: Set<String> = []
    /// Offsets that are committed with it.
    var offsets: [Int: Int64] = [:]
}
