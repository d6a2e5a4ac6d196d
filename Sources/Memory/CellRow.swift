/// Cells of one width in chunks, addressed by an index from 1.
///
/// What a slab is, for a width that is known only as it runs. Its owner frees the chunks. Owned by
/// one thread.
@safe
struct CellRow {
    /// Bytes of a cell.
    let size: Int
    private let shift: UInt32
    private let limit: UInt32
    var chunks: Chunks
    private var highest: UInt32 = 0
    private var firstFree: UInt32 = 0

    /// Makes a row of at most so many cells, a power of two of them a chunk.
    init(size: Int, chunk: Int, limit: UInt32) {
        self.size = size
        self.limit = limit
        shift = UInt32(chunk.trailingZeroBitCount)
        chunks = Chunks(size: size << Int(shift), limit: Int(limit) >> Int(shift) + 1)
    }

    @inline(__always)
    func address(_ index: UInt32) -> UnsafeMutableRawPointer {
        precondition(index != 0 && index <= highest, "a cell of this row")
        let place = index &- 1
        // The chunk of every cell up to `highest` is there.
        let chunk = unsafe chunks.directory[Int(place >> shift)]
        return unsafe chunk + Int(place & (1 << shift &- 1)) &* size
    }

    /// A cell, or 0 at the limit.
    mutating func take() -> UInt32 {
        if firstFree != 0 {
            let index = firstFree
            // A free cell's first bytes hold the next free one.
            firstFree = unsafe address(index).load(as: UInt32.self)
            return index
        }
        guard highest < limit else { return 0 }
        if Int(highest >> shift) >= chunks.count { chunks.add() }
        highest += 1
        return highest
    }

    mutating func give(back index: UInt32) {
        unsafe address(index).storeBytes(of: firstFree, as: UInt32.self)
        firstFree = index
    }
}
