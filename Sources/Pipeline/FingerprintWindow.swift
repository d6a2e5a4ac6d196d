package import Events
import Memory

/// Which messageIds came in the last day: a duplicate is told by its fingerprint (TM-3).
///
/// A queue in order of arrival beside a hash set. An entry leaves when its time is up, or, at the
/// bound, when newer ones need its place; `span` then tells the window really in force.
package struct FingerprintWindow: ~Copyable {
    /// A fingerprint and when it came first.
    package struct Arrival: BitwiseCopyable {
        var fingerprint: UInt64
        var time: EventTime
    }

    private let limit: Int
    private let span: TimeSpan
    private var queue = GrowingBuffer<Arrival>(room: 1 << 12)
    private var head = 0
    private var used = 0
    private var slots = GrowingBuffer<UInt64>(room: 1 << 13)
    private var mask = (1 << 13) - 1
    /// Fingerprints that left before their time.
    package private(set) var evicted = 0

    /// Makes an empty window.
    package init(span: TimeSpan, limit: Int) {
        precondition(limit > 0)
        self.span = span
        self.limit = limit
        for _ in 0...mask { slots.append(0) }
        for _ in 0..<1 << 12 { queue.append(Arrival(fingerprint: 0, time: .none)) }
    }

    /// How many are remembered.
    package var count: Int { used }

    /// Whether the fingerprint is new; it is remembered from now on.
    package mutating func insert(_ fingerprint: UInt64, at now: EventTime) -> Bool {
        expire(at: now)
        var index = Int(truncatingIfNeeded: fingerprint) & mask
        while slots[index] != 0 {
            if slots[index] == fingerprint { return false }
            index = (index + 1) & mask
        }
        append(fingerprint, at: now)
        return true
    }

    private mutating func append(_ fingerprint: UInt64, at now: EventTime) {
        if used == limit {
            evicted += 1
            removeOldest()
        }
        if used * 8 >= (mask + 1) * 5 { growSlots() }
        place(fingerprint)
        if used == queue.count { growQueue() }
        // Its room is a power of two.
        queue[(head + used) & (queue.count - 1)] = Arrival(fingerprint: fingerprint, time: now)
        used += 1
    }

    /// Hands all fingerprints to a sink, oldest first: runs of one instant behind their number.
    func save<Sink: StateSink & ~Copyable>(
        with buffer: inout StateBuffer,
        to sink: inout Sink
    ) -> Bool {
        var index = 0
        while index < used {
            buffer.removeAll()
            let begin = index
            while index < used, buffer.count < 1 << 18 {
                let time = arrival(index).time
                let place = buffer.count + 8
                buffer.put(time.milliseconds)
                buffer.put(UInt32(0))
                var run: UInt32 = 0
                while index < used, run < 1 << 14, arrival(index).time == time {
                    buffer.put(arrival(index).fingerprint)
                    run += 1
                    index += 1
                }
                buffer.patch(run, at: place)
            }
            let piece = StatePiece(.fingerprints, count: UInt32(index - begin))
            guard sink.take(piece, buffer.bytes) else { return false }
        }
        return true
    }

    /// Takes back a piece of saved fingerprints; past the limit the oldest go.
    mutating func load(_ reader: inout StateReader) throws(StateError) {
        while reader.left > 0 {
            let time = try reader.get(EventTime.self)
            for _ in 0..<(try reader.get(UInt32.self)) {
                let fingerprint = try reader.get(UInt64.self)
                guard fingerprint != 0 else { throw .damaged("a fingerprint of nothing") }
                append(fingerprint, at: time)
            }
        }
    }

    private func arrival(_ index: Int) -> Arrival { queue[(head + index) & (queue.count - 1)] }

    private mutating func expire(at now: EventTime) {
        while used > 0, queue[head].time + span <= now { removeOldest() }
    }

    private mutating func place(_ fingerprint: UInt64) {
        var index = Int(truncatingIfNeeded: fingerprint) & mask
        while slots[index] != 0 { index = (index + 1) & mask }
        slots[index] = fingerprint
    }

    private mutating func removeOldest() {
        let fingerprint = queue[head].fingerprint
        head = (head + 1) % queue.count
        used -= 1
        var hole = Int(truncatingIfNeeded: fingerprint) & mask
        while slots[hole] != fingerprint { hole = (hole + 1) & mask }
        var next = (hole + 1) & mask
        while slots[next] != 0 {
            let origin = Int(truncatingIfNeeded: slots[next]) & mask
            if (next - origin) & mask >= (next - hole) & mask {
                slots[hole] = slots[next]
                hole = next
            }
            next = (next + 1) & mask
        }
        slots[hole] = 0
    }

    private mutating func growSlots() {
        let old = mask + 1
        var larger = GrowingBuffer<UInt64>(room: old * 2)
        for _ in 0..<old * 2 { larger.append(0) }
        swap(&slots, &larger)
        mask = old * 2 - 1
        for index in 0..<old where larger[index] != 0 { place(larger[index]) }
    }

    private mutating func growQueue() {
        let old = queue.count
        var larger = GrowingBuffer<Arrival>(room: old * 2)
        for index in 0..<old { larger.append(queue[(head + index) % old]) }
        for _ in 0..<old { larger.append(Arrival(fingerprint: 0, time: .none)) }
        swap(&queue, &larger)
        head = 0
    }
}
