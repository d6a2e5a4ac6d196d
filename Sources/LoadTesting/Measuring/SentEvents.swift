/// When the last events were to be sent, by their messageIds, so that an output can be held against
/// the event that caused it.
///
/// Bounded: it remembers at least half of its room, at most all of it, and forgets the oldest half
/// at a time, counted.
package struct SentEvents: Sendable {
    /// What is remembered of an event.
    package struct Sent: BitwiseCopyable, Sendable {
        /// When it was to be sent, in microseconds since 1970.
        package var intended: Int64
        /// When it says it happened, in milliseconds since 1970.
        package var eventTime: Int64

        /// What is remembered of an event.
        package init(intended: Int64, eventTime: Int64) {
            self.intended = intended
            self.eventTime = eventTime
        }
    }

    private let half: Int
    private var newer: [UInt64: Sent] = [:]
    private var older: [UInt64: Sent] = [:]
    /// How many events were forgotten.
    package private(set) var forgotten = 0

    /// Remembers nothing yet.
    package init(room: Int) {
        half = max(1, room / 2)
        newer.reserveCapacity(half)
    }

    /// How many events are remembered.
    package var count: Int { newer.count + older.count }

    /// Notes an event; of those with the same messageId the first counts.
    package mutating func note(_ id: UInt64, _ sent: Sent) {
        if newer[id] != nil || older[id] != nil { return }
        if newer.count >= half {
            forgotten += older.count
            swap(&newer, &older)
            newer.removeAll(keepingCapacity: true)
        }
        newer[id] = sent
    }

    /// The event of a messageId; nil if it is not known (any more).
    package subscript(_ id: UInt64) -> Sent? { newer[id] ?? older[id] }
}

/// The number that stands for a messageId (FNV-1a).
package struct MessageIDHash: Sendable {
    /// The number of what was added so far.
    package private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    /// The number of nothing.
    package init() {}

    /// The number of a whole messageId.
    package init(_ bytes: some Sequence<UInt8>) { for byte in bytes { add(byte) } }

    /// Adds a byte.
    package mutating func add(_ byte: UInt8) {
        value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
    }
}
