// Saving slabs whole: handles keep their meaning, so records that name each other need no change.

extension Slab {
    /// Bytes of records in a piece, about.
    @usableFromInline static var pieceMax: Int { 1 << 18 }

    /// The highest handle ever given: all handles lie between 1 and it.
    @inlinable
    package var handleMax: UInt32 { highest }

    /// Hands all records, those given back too, to a sink; false when it can take no more.
    ///
    /// - Parameter change: is called with each record's handle and place in the buffer before the
    ///   piece is handed on.
    @inlinable
    package func save<Sink: StateSink & ~Copyable>(
        _ section: UInt8,
        _ layout: FlatLayout<Element>,
        with buffer: inout StateBuffer,
        to sink: inout Sink,
        change: (UInt32, Int, inout StateBuffer) -> Void = { _, _, _ in }
    ) -> Bool {
        precondition(stride == MemoryLayout<Element>.stride, "records that stand as they are")
        let perPiece = max(1, Self.pieceMax / stride)
        var first: UInt32 = 1
        while first <= highest {
            let inChunk = Int(mask &+ 1 &- ((first &- 1) & mask))
            let run = min(perPiece, inChunk, Int(highest &- first &+ 1))
            buffer.removeAll()
            buffer.put(first)
            buffer.put(highest)
            buffer.put(firstFree)
            buffer.put(UInt32(count))
            // A run within one chunk is one stretch of memory.
            unsafe buffer.put(run: UnsafeRawPointer(address(first)), count: run, layout)
            for index in 0..<run {
                change(first &+ UInt32(index), 16 &+ index &* stride, &buffer)
            }
            let piece = StatePiece(section: section, count: UInt32(run))
            guard sink.take(piece, buffer.bytes) else { return false }
            first &+= UInt32(run)
        }
        return true
    }

    /// Takes back a piece that `save` wrote, into a slab that was empty before the first; answers
    /// the handles it brought.
    @inlinable
    package mutating func load(
        _ reader: inout StateReader
    ) throws(StateError) -> ClosedRange<UInt32> {
        let first = try reader.get(UInt32.self)
        let total = try reader.get(UInt32.self)
        let free = try reader.get(UInt32.self)
        let used = try reader.get(UInt32.self)
        let records = reader.left / stride
        guard records > 0, records * stride == reader.left, first == highest &+ 1,
            total <= limit, Int(first) - 1 + records <= Int(total), free <= total, used <= total
        else { throw .damaged("records out of order") }
        if highest == 0 { reserve(Int(total)) }
        var left = records
        while left > 0 {
            if highest >> shift >= UInt32(chunks.count) { chunks.add() }
            let run = min(left, Int(mask &+ 1 &- (highest & mask)))
            let bytes = try reader.take(run &* stride)
            highest &+= 1
            // The chunk was just made sure of and holds the whole run.
            let place = unsafe UnsafeMutableRawPointer(address(highest))
            unsafe bytes.withUnsafeBytes {
                unsafe UnsafeMutableRawBufferPointer(start: place, count: $0.count)
                    .copyMemory(from: $0)
            }
            highest &+= UInt32(run &- 1)
            left &-= run
        }
        firstFree = free
        count = Int(used)
        return first...highest
    }
}
