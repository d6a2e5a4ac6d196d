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

    // Owned by this value alone, which frees them: an array would be counted at each use.
    private let rows: UnsafeMutablePointer<CellRow>
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
            // Chunks of at most 64 KiB.
            let chunk = 1 << (Int.bitWidth - 1 - ((1 << 16) / size).leadingZeroBitCount)
            let cells = CellRow(size: size, chunk: chunk, limit: ByteCells.indexMask)
            unsafe (rows + row).initialize(to: cells)
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
