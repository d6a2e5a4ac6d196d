package import Events
package import Pipeline

/// The order in which a live epoch's records are resolved.
package enum EpochOrder {
    /// Where a record stands: in which block, and where in it.
    package struct Place {
        package var block: Int
        package var index: Int
    }

    /// All records of decoded blocks by tick, partition and offset, so that the log alone decides
    /// the order, whatever order the broker answered in.
    package static func places(
        in blocks: [EventBlock],
        for resolver: borrowing Resolver
    ) -> [Place] {
        var newest: [Int32: EventTime] = [:]
        var order: [(tick: Int64, partition: Int32, offset: Int64, place: Place)] = []
        var isSinglePartition = true
        for number in blocks.indices {
            let block = blocks[number]
            for index in 0..<block.count {
                let entry = block[record: index]
                let event = block[event: index]
                var time = newest[entry.partition] ?? .none
                if event.time.isSet {
                    let bounded =
                        event.received.isSet ? min(event.time, event.received) : event.time
                    time = max(time, bounded)
                }
                newest[entry.partition] = time
                if let first = order.first, first.partition != entry.partition {
                    isSinglePartition = false
                }
                let tick = max(
                    (time - resolver.disorder).second,
                    resolver.tick(of: event, partition: Int(entry.partition))
                )
                order.append(
                    (tick, entry.partition, entry.offset, Place(block: number, index: index))
                )
            }
        }
        if !isSinglePartition {
            order.sort { ($0.tick, $0.partition, $0.offset) < ($1.tick, $1.partition, $1.offset) }
        }
        return order.map(\.place)
    }
}
