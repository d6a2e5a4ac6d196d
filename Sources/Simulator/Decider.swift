import Decoding
import Encoding
import Engine
import Events
import Kafka
import Pipeline
import Snapshots

/// Decoder and pipeline behind one door: a whole epoch in, its outputs out.
///
/// Does with an epoch what the engine's stages do with one, on one thread.
final class Decider {
    private let decoder: EventDecoder
    /// The real resolver and shards.
    let pipeline: SimulatedPipeline
    private var blocks: [EventBlock] = []
    private var order: EpochOrder

    /// A record of an input partition.
    struct Record {
        var partition: Int
        var offset: Int64
        var entry: SimulatedLog.Entry
    }

    init(_ rules: CompiledRules, _ pipeline: SimulatedPipeline) {
        decoder = EventDecoder(
            plan: .standard,
            hashKey: rules.rules.hashKey,
            zones: rules.rules.zones
        )
        order = EpochOrder(disorder: rules.rules.disorder)
        self.pipeline = pipeline
    }

    /// Decides an epoch; the outputs stand in order.
    func decide(_ records: [Record], _ mark: EpochMark) -> OutputBuffer {
        let count = fill(records)
        guard !mark.isEmpty else { return pipeline.endEpoch([]) }
        pipeline.resolver.addPartitions(upTo: mark.partitionCount)
        pipeline.resolver.name(mark.partitions)
        pipeline.resolver.wallClock = mark.wallClock
        for number in 0..<count {
            order.add(blocks[number], number: UInt32(number), for: pipeline.resolver)
        }
        order.settle()
        for position in 0..<order.count {
            let place = order[position]
            pipeline.resolver.apply(
                Int(place.index),
                of: blocks[Int(place.block)],
                number: place.block
            )
        }
        order.removeAll()
        for partition in mark.idlePartitions {
            pipeline.resolver.idle(partition: partition, at: mark.wallClock)
        }
        pipeline.resolver.settleIdle()
        return pipeline.endEpoch(blocks)
    }

    /// Puts records into blocks and decodes them; answers how many blocks there are.
    private func fill(_ records: [Record]) -> Int {
        var count = 0
        var next = 0
        while next < records.count {
            if count == blocks.count { blocks.append(EventBlock(capacity: Decider.capacity)) }
            let block = blocks[count]
            block.reset()
            while next < records.count, put(records[next], into: block) { next += 1 }
            decoder.decode(block)
            count += 1
        }
        return count
    }

    private static let capacity = EventBlock.Capacity(
        rawBytes: 1 << 16,
        textBytes: 1 << 15,
        records: 64
    )

    private func put(_ record: Record, into block: EventBlock) -> Bool {
        let value = record.entry.value ?? []
        // Bytes have no padding between them.
        guard block.count < block.capacity.records,
            let text = unsafe block.append(raw: value.span.bytes)
        else { return false }
        var entry = RecordEntry()
        entry.value = text
        entry.hasValue = record.entry.value != nil
        entry.timestamp = EventTime(milliseconds: record.entry.time)
        entry.offset = record.offset
        entry.partition = Int32(record.partition)
        block[record: block.count] = entry
        block.count += 1
        return true
    }
}

extension Resolver {
    /// Names the partitions that are new.
    fileprivate mutating func name(_ partitions: [TopicPartition]) {
        for partition in partitions.dropFirst(places.count) {
            places.append(Place(topic: partition.topic, partition: partition.partition))
        }
    }
}

extension OutputBuffer {
    /// Copies a record of another buffer.
    func append(_ record: OutputRecord, of other: OutputBuffer) {
        begin(record.topic, order: record.order)
        put(other.slice(record.key))
        if !record.hasKey { withoutKey() }
        endKey()
        put(other.slice(record.headers))
        endHeaders()
        put(other.slice(record.value))
        if !record.hasValue { withoutValue() }
        end()
    }

    /// The bytes of a range, copied.
    func copy(_ range: OutputRange) -> [UInt8] {
        let span = slice(range)
        // Copied while the buffer lends them.
        return unsafe span.withUnsafeBytes { unsafe Array($0) }
    }
}
