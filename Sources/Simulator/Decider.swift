import Decoding
import Encoding
import Engine
import Events
import Pipeline

/// Decoder and pipeline behind one door: a whole epoch in, its outputs out.
///
/// Does with an epoch what the engine's stages do with one, on one thread.
final class Decider {
    private let rules: CompiledRules
    private let decoder: EventDecoder
    /// The real pipeline.
    var pipeline: SerialPipeline
    private var blocks: [EventBlock] = []

    /// A record of an input partition.
    struct Record {
        var partition: Int
        var offset: Int64
        var entry: SimulatedLog.Entry
    }

    convenience init(_ rules: CompiledRules, shards: Int, mutation: Mutation?) {
        self.init(rules, SerialPipeline(rules: rules, shards: shards), mutation)
    }

    /// Goes on with a pipeline that was restored.
    init(_ rules: CompiledRules, _ pipeline: consuming SerialPipeline, _ mutation: Mutation?) {
        self.rules = rules
        decoder = EventDecoder(
            plan: .standard,
            hashKey: rules.rules.hashKey,
            zones: rules.rules.zones
        )
        self.pipeline = pipeline
        spoil(mutation)
    }

    /// Decides an epoch; the outputs stand in order.
    func decide(_ records: [Record], _ mark: EpochMark) -> OutputBuffer {
        var count = 0
        var next = 0
        while next < records.count {
            if count == blocks.count {
                blocks.append(
                    EventBlock(
                        capacity: EventBlock.Capacity(
                            rawBytes: 1 << 16,
                            textBytes: 1 << 15,
                            records: 64
                        )
                    )
                )
            }
            let block = blocks[count]
            block.reset()
            while next < records.count, put(records[next], into: block) { next += 1 }
            decoder.decode(block)
            count += 1
        }
        pipeline.resolver.addPartitions(upTo: mark.partitionCount)
        pipeline.resolver.wallClock = mark.wallClock
        let filled = Array(blocks[..<count])
        for place in EpochOrder.places(in: filled, for: pipeline.resolver) {
            pipeline.apply(place.index, of: filled[place.block])
        }
        for partition in mark.idlePartitions {
            pipeline.resolver.idle(partition: partition, at: mark.wallClock)
        }
        pipeline.resolver.settleIdle()
        let outputs = OutputBuffer()
        pipeline.collect { record, buffer in outputs.append(record, of: buffer) }
        return outputs
    }

    private func put(_ record: Record, into block: EventBlock) -> Bool {
        let value = record.entry.value ?? []
        guard block.count < block.capacity.records,
            block.rawCount + value.count <= block.capacity.rawBytes
        else { return false }
        let begin = block.rawCount
        // This decider alone holds the block, and the bytes were just checked to fit.
        unsafe value.withUnsafeBytes { source in
            unsafe block.memory[begin..<begin + source.count].copyBytes(from: source)
        }
        var entry = RecordEntry()
        entry.value = Text(offset: UInt32(begin), length: UInt32(value.count))
        entry.hasValue = record.entry.value != nil
        entry.timestamp = EventTime(milliseconds: record.entry.time)
        entry.offset = record.offset
        entry.partition = Int32(record.partition)
        block[record: block.count] = entry
        block.rawCount += value.count
        block.count += 1
        return true
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
