package import Events
import Memory
package import Pipeline

/// Puts the records of a live epoch in the order in which they are resolved: by tick, partition
/// and offset.
///
/// So the log alone decides, whatever order the broker answered in. Owned by the resolver's thread;
/// emptied and filled again for each epoch, in memory that is kept.
package struct EpochOrder: ~Copyable {
    /// Where a record stands: the block's number, and the index in it.
    package struct Place: BitwiseCopyable {
        package var block: UInt32
        package var index: UInt32
    }

    private struct Key: BitwiseCopyable {
        var tick: Int64
        var offset: Int64
        var partition: Int32
        var place: Place

        @inline(__always)
        static func < (left: Key, right: Key) -> Bool {
            if left.tick != right.tick { return left.tick < right.tick }
            if left.partition != right.partition { return left.partition < right.partition }
            return left.offset < right.offset
        }
    }

    private var keys: [Key] = []
    // The newest event time within the epoch, by partition; `.none` between epochs.
    private var newest = GrowingBuffer<EventTime>(room: 16)
    private let disorder: TimeSpan
    private var isInOrder = true

    /// Makes an empty order under the rules' disorder.
    package init(disorder: TimeSpan) { self.disorder = disorder }

    /// How many records there are.
    package var count: Int { keys.count }

    /// Adds a decoded block's records.
    package mutating func add(
        _ block: EventBlock,
        number: UInt32,
        for resolver: borrowing Resolver
    ) {
        for index in 0..<block.count {
            let entry = block[record: index]
            let event = block[event: index]
            let partition = Int(entry.partition)
            while newest.count <= partition { newest.append(.none) }
            var time = newest[partition]
            if event.time.isSet {
                time = max(
                    time,
                    event.received.isSet ? min(event.time, event.received) : event.time
                )
                newest[partition] = time
            }
            let key = Key(
                tick: max(
                    (time - disorder).second,
                    resolver.tick(of: event, partition: partition)
                ),
                offset: entry.offset,
                partition: entry.partition,
                place: Place(block: number, index: UInt32(index))
            )
            if let last = keys.last, key < last { isInOrder = false }
            keys.append(key)
        }
    }

    /// Settles the order of what was added.
    package mutating func settle() {
        // What one partition holds is in order already, and often so is the whole.
        if !isInOrder { keys.sort(by: <) }
    }

    /// The place of the record that comes at this position, once the order is settled.
    package subscript(position: Int) -> Place { keys[position].place }

    /// Forgets the epoch and keeps the memory.
    package mutating func removeAll() {
        keys.removeAll(keepingCapacity: true)
        for partition in 0..<newest.count { newest[partition] = .none }
        isInOrder = true
    }
}
