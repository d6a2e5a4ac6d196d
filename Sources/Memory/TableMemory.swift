import CMemory

/// Tells the processor that some bytes will be read soon; all of them, by lines of its cache.
package func prefetch(_ bytes: RawSpan) {
    let end = bytes.byteCount
    unsafe bytes.withUnsafeBytes {
        guard let begin = $0.baseAddress else { return }
        var offset = 0
        // Only asked for; the last byte may stand on a line of its own.
        while offset < end {
            unsafe collie_memory_prefetch(begin + offset)
            offset += 64
        }
        if end > 0 { unsafe collie_memory_prefetch(begin + (end - 1)) }
    }
}

/// Where tables get their memory.
///
/// Small ones from the heap. What a shop of millions fills comes in large pages, straight from the
/// system: a processor finds its way in them without looking the page up at every step, and they
/// are had in one go instead of one fault for every four kilobytes.
@usableFromInline
enum TableMemory {
    /// From so many bytes on memory comes in large pages.
    @usableFromInline static let largeMin = 4 << 20
    private static let page = 2 << 20

    private static func rounded(_ size: Int) -> Int { (size + page - 1) / page * page }

    /// Memory that its owner gives back with the same size; `isZeroed` asks for zeros.
    @unsafe
    static func take(_ size: Int, isZeroed: Bool = false) -> UnsafeMutableRawPointer {
        guard size >= largeMin else {
            let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 64)
            if isZeroed {
                unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: size)
            }
            return unsafe memory
        }
        guard let memory = unsafe collie_memory_map(rounded(size)) else {
            fatalError("no memory for a table of \(size >> 20) MiB")
        }
        return unsafe memory
    }

    /// Tells the processor that an address will be read or written soon.
    @unsafe
    @usableFromInline
    static func prefetch(_ address: UnsafeRawPointer) { unsafe collie_memory_prefetch(address) }

    /// Gives memory back.
    @unsafe
    static func give(back memory: UnsafeMutableRawPointer, _ size: Int) {
        guard size >= largeMin else { return unsafe memory.deallocate() }
        unsafe collie_memory_unmap(memory, rounded(size))
    }
}
