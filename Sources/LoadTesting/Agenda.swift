/// What happens next in the simulation: a binary heap of appointments, earliest first; of one
/// moment the one made first.
struct Agenda {
    struct Entry {
        /// Milliseconds since 1970.
        var time: Int64
        var number: UInt64
        var index: Int32
    }

    private var heap: [Entry] = []
    private var number: UInt64 = 0

    var first: Entry? { heap.first }

    private static func isBefore(_ left: Entry, _ right: Entry) -> Bool {
        left.time != right.time ? left.time < right.time : left.number < right.number
    }

    mutating func insert(at time: Int64, _ index: Int32) {
        number += 1
        heap.append(Entry(time: time, number: number, index: index))
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard Agenda.isBefore(heap[child], heap[parent]) else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    mutating func removeFirst() -> Entry {
        let entry = heap[0]
        let last = heap.removeLast()
        guard !heap.isEmpty else { return entry }
        heap[0] = last
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, Agenda.isBefore(heap[child + 1], heap[child]) { child += 1 }
            guard Agenda.isBefore(heap[child], heap[parent]) else { break }
            heap.swapAt(child, parent)
            parent = child
        }
        return entry
    }
}
