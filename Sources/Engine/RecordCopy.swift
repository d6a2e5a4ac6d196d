import Events
import Kafka

/// Copies records of Kafka into blocks.
struct RecordCopy {
    /// Copies keys, which only dead letters need.
    var keys = true
    /// Copies headers, which CloudEvents in binary mode and dead letters need.
    var headers = true

    /// Copies a record into the block; false if it is full.
    func copy(
        _ batch: borrowing MessageBatch,
        _ index: Int,
        _ number: Int,
        into block: EventBlock
    ) -> Bool {
        if block.count == block.capacity.records { return false }
        let room = block.capacity.rawBytes - block.rawCount
        var key = keys ? batch.key(index).byteCount : 0
        var headers =
            headers && batch.hasHeaders(index) ? batch.packedHeadersLength(index) : 0
        var value = batch.value(index).byteCount
        if key + headers + value > room {
            if block.count > 0 { return false }
            // Larger than a whole block: it is cut, and becomes a dead letter all the same.
            key = min(key, room / 4)
            headers = headers > room / 4 ? 0 : headers
            value = min(value, room - key - headers)
        }
        var entry = RecordEntry()
        entry.offset = batch.offset(index)
        entry.partition = Int32(number)
        if let time = batch.timestamp(index) { entry.timestamp = EventTime(milliseconds: time) }
        entry.hasValue = batch.hasValue(index)
        entry.hasKey = keys && batch.hasKey(index)
        entry.value = append(batch.value(index), value, to: block)
        if key > 0 { entry.key = append(batch.key(index), key, to: block) }
        if headers > 0 {
            // The block is this thread's alone, and the room was checked above.
            unsafe batch.packHeaders(
                index,
                into: UnsafeMutableRawBufferPointer(
                    rebasing: block.memory[block.rawCount..<block.rawCount + headers]
                )
            )
            entry.headers = Text(offset: UInt32(block.rawCount), length: UInt32(headers))
            block.rawCount += headers
        }
        block[record: block.count] = entry
        block.count += 1
        return true
    }

    private func append(_ bytes: RawSpan, _ count: Int, to block: EventBlock) -> Text {
        let begin = block.rawCount
        // The block is this thread's alone, and the room was checked by the caller.
        unsafe bytes.withUnsafeBytes { source in
            unsafe UnsafeMutableRawBufferPointer(rebasing: block.memory[begin..<begin + count])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[0..<count]))
        }
        block.rawCount += count
        return Text(offset: UInt32(begin), length: UInt32(count))
    }
}
