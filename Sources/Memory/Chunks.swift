/// Chunks of equal size, found by number: what slabs and slots stand in.
///
/// A chunk stays where it is. The first ones are taken one by one; who has many gets many at a
/// time, in large pages. Owned by the table they are of, which gives them back in its own deinit.
@safe
@usableFromInline
struct Chunks {
    /// From so many chunks on they come in stretches.
    private static let fewMax = 16

    // Owned by the chunks; the sizes say how to give it back.
    @unsafe
    private struct Stretch {
        var memory: UnsafeMutableRawPointer
        var size: Int
    }

    /// Bytes of a chunk.
    @usableFromInline let size: Int
    /// How many there are that may be used.
    @usableFromInline private(set) var count = 0
    @usableFromInline var directory: UnsafeMutablePointer<UnsafeMutableRawPointer>
    private let limit: Int
    private var room: Int
    // How many chunks of the last stretch are not used yet; they have their place in the directory.
    private var spare = 0
    private var stretches: [Stretch] = unsafe []

    /// Makes a directory of at most so many chunks of a size, with room for the first ones.
    init(size: Int, limit: Int) {
        self.size = size
        self.limit = limit
        room = min(limit, 8)
        // Owned by this value alone; one pointer a chunk.
        unsafe directory = .allocate(capacity: room)
    }

    /// Gives all memory back; nothing may be done afterwards.
    func free() {
        for index in unsafe stretches.indices {
            unsafe TableMemory.give(back: stretches[index].memory, stretches[index].size)
        }
        unsafe directory.deallocate()
    }

    /// Adds a chunk.
    @usableFromInline
    mutating func add() {
        if spare == 0 { extend(count < Chunks.fewMax ? 1 : max(Chunks.fewMax, count / 8)) }
        spare -= 1
        count += 1
    }

    /// Makes room for so many chunks in all, which are not there yet.
    mutating func reserve(_ total: Int) {
        let more = min(total, limit) - count - spare
        if more > 0 { extend(more) }
    }

    private mutating func extend(_ wanted: Int) {
        let first = count + spare
        let more = min(wanted, limit - first)
        precondition(more > 0, "a chunk within the limit")
        if first + more > room { growDirectory(to: first + more) }
        let memory = unsafe TableMemory.take(more * size)
        unsafe stretches.append(Stretch(memory: memory, size: more * size))
        for index in 0..<more { unsafe directory[first + index] = unsafe memory + index * size }
        spare += more
    }

    private mutating func growDirectory(to wanted: Int) {
        let larger = min(limit, max(wanted, room * 2))
        let moved = UnsafeMutablePointer<UnsafeMutableRawPointer>.allocate(capacity: larger)
        // Pointers are moved; what they point at stays where it is.
        unsafe moved.moveInitialize(from: directory, count: count + spare)
        unsafe directory.deallocate()
        unsafe directory = moved
        room = larger
    }

    /// Bytes in use.
    var byteCount: Int { count * size }
}
