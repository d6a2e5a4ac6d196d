/// Short runs of bytes, each in a cell of about its size, addressed by 31-bit handles.
///
/// Think of a wall of drawers in rows, one row for each width. A run knows its length; what is
/// longer than `lengthMax` has no drawer. A run never moves. Owned by one thread.
@safe
@usableFromInline
package struct ByteCells: ~Copyable {
    /// The longest run.
    package static let lengthMax = 4_094

    // Widths of 32, 40, … 512 bytes, then of 576, 640, … 4,096.
    private static let narrow = 61
    private static let wide = 56
    private static let count = narrow + wide
    private static let classShift: UInt32 = 24
    private static let indexMask: UInt32 = 1 << classShift - 1

    /// Cells of one width.
    private struct Row {
        let size: Int
        let shift: UInt32
        let limit: UInt32
        var chunks: Chunks
        var highest: UInt32 = 0
        var firstFree: UInt32 = 0

        init(size: Int) {
            self.size = size
            // Chunks of at most 64 KiB.
            let cells = (1 << 16) / size
            shift = UInt32(Int.bitWidth - 1 - cells.leadingZeroBitCount)
            limit = ByteCells.indexMask
            chunks = Chunks(
                size: size << Int(shift),
                limit: Int(limit) >> Int(shift) + 1,
                isSparing: true
            )
        }

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

    // Owned by this value alone, which frees them: an array would be counted at each use.
    private let rows: UnsafeMutablePointer<Row>
    /// Runs kept.
    package private(set) var count = 0
    /// Bytes of the cells that are in use.
    package private(set) var usedBytes = 0

    /// Makes an empty wall.
    package init() {
        unsafe rows = .allocate(capacity: ByteCells.count)
        for row in 0..<ByteCells.count {
            let wide = row - ByteCells.narrow
            let size = wide < 0 ? 32 + row * 8 : 576 + wide * 64
            unsafe (rows + row).initialize(to: Row(size: size))
        }
    }

    deinit {
        for row in 0..<ByteCells.count { unsafe rows[row].chunks.free() }
        unsafe rows.deinitialize(count: ByteCells.count)
        unsafe rows.deallocate()
    }

    /// Bytes of memory taken.
    package var byteCount: Int {
        (0..<ByteCells.count).reduce(0) { unsafe $0 + rows[$1].chunks.byteCount }
    }

    private static func row(for size: Int) -> Int {
        if size <= 32 { return 0 }
        if size <= 512 { return (size - 32 + 7) / 8 }
        return narrow + (size - 512 + 63) / 64 - 1
    }

    private static func row(of handle: UInt32) -> Int {
        let row = Int(handle >> classShift)
        precondition(row < count, "a handle of this wall")
        return row
    }

    /// Keeps a copy of some bytes; 0 if they are too long or there is no room.
    @usableFromInline
    package mutating func keep(_ bytes: RawSpan) -> UInt32 {
        let length = bytes.byteCount
        guard length <= ByteCells.lengthMax else { return 0 }
        var row = ByteCells.row(for: length + 2)
        var index: UInt32 = 0
        while row < ByteCells.count {
            index = unsafe rows[row].take()
            if index != 0 { break }
            row += 1
        }
        guard index != 0 else { return 0 }
        let cell = unsafe rows[row].address(index)
        unsafe cell.storeBytes(of: UInt16(length), as: UInt16.self)
        // The cell has room for the length and so many bytes.
        unsafe bytes.withUnsafeBytes {
            unsafe UnsafeMutableRawBufferPointer(start: cell + 2, count: length)
                .copyMemory(from: $0)
        }
        count += 1
        usedBytes += unsafe rows[row].size
        return UInt32(row) << ByteCells.classShift | index
    }

    /// The bytes under a handle.
    @_lifetime(borrow self)
    package func bytes(_ handle: UInt32) -> RawSpan {
        let row = ByteCells.row(of: handle)
        let cell = unsafe rows[row].address(handle & ByteCells.indexMask)
        let length = Int(unsafe cell.load(as: UInt16.self))
        // The cell holds as many bytes behind their number; it moves never and lives as the wall.
        let buffer = unsafe UnsafeRawBufferPointer(start: cell + 2, count: length)
        return unsafe _overrideLifetime(buffer.bytes, borrowing: self)
    }

    /// Tells the processor that the bytes under a handle will be read soon.
    @usableFromInline
    package func prefetch(_ handle: UInt32) {
        let row = ByteCells.row(of: handle)
        // Only asked for; most runs stand on three lines of the cache.
        let cell = unsafe UnsafeRawPointer(rows[row].address(handle & ByteCells.indexMask))
        unsafe TableMemory.prefetch(cell)
        unsafe TableMemory.prefetch(cell + 64)
        unsafe TableMemory.prefetch(cell + 128)
    }

    /// Forgets the bytes under a handle.
    @usableFromInline
    package mutating func give(back handle: UInt32) {
        let row = ByteCells.row(of: handle)
        unsafe rows[row].give(back: handle & ByteCells.indexMask)
        count -= 1
        usedBytes -= unsafe rows[row].size
    }
}
