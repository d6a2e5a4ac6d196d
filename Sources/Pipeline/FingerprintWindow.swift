package import Events
import Memory

/// Which messageIds came in the last day: a duplicate is told by its fingerprint (TM-3).
///
/// A queue in order of arrival beside a hash set. An entry leaves when its time is up, or, at the
/// bound, when newer ones need its place; `span` then tells the window really in force.
package struct FingerprintWindow: ~Copyable {
    /// How many fingerprints came at one instant; not private, since the layout of a queue of them
    /// must be known where the window is held.
    struct Run: BitwiseCopyable {
        var time: EventTime
        var count: Int
    }

    private let limit: Int
    private let span: TimeSpan
    // Rings whose room is a power of two: the fingerprints, and the instants at which they came.
    private var queue = GrowingBuffer<UInt64>(zeros: 1 << 12)
    private var head = 0
    private var used = 0
    private var runs = GrowingBuffer<Run>(zeros: 1 << 6)
    private var firstRun = 0
    private var runCount = 0
    private var slots = GrowingBuffer<UInt64>(zeros: 1 << 13)
    private var mask = (1 << 13) - 1
    private let pinned = Pinned()
    /// Fingerprints that left before their time.
    package private(set) var evicted = 0

    /// Makes an empty window.
    package init(span: TimeSpan, limit: Int) {
        precondition(limit > 0)
        self.span = span
        self.limit = limit
    }

    /// Makes an empty window as wide as the rules say.
    init(rules: Rules) { self.init(span: rules.dedupeSpan, limit: rules.dedupeMax) }

    /// Bytes in use.
    package var byteCount: Int { (queue.count + slots.count) * 8 + runs.count * 16 }

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

    /// Tells the processor that a fingerprint will be looked for soon.
    package func prefetch(_ fingerprint: UInt64) {
        slots.prefetch(Int(truncatingIfNeeded: fingerprint) & mask)
    }

    private mutating func append(_ fingerprint: UInt64, at now: EventTime) {
        if used == limit {
            evicted += 1
            removeOldest()
        }
        if used * 8 >= (mask + 1) * 5 { growSlots(to: (mask + 1) * 2) }
        place(fingerprint)
        if used == queue.count { growQueue(to: queue.count * 2) }
        queue[(head + used) & (queue.count - 1)] = fingerprint
        used += 1
        note(now)
    }

    private mutating func note(_ now: EventTime) {
        if runCount > 0 {
            let last = (firstRun + runCount - 1) & (runs.count - 1)
            if runs[last].time == now {
                runs[last].count += 1
                return
            }
        }
        if runCount == runs.count { growRuns() }
        runs[(firstRun + runCount) & (runs.count - 1)] = Run(time: now, count: 1)
        runCount += 1
    }

    /// Hands all fingerprints to a sink, oldest first: runs of one instant behind their number.
    func save<Sink: StateSink & ~Copyable>(
        with buffer: inout StateBuffer,
        to sink: inout Sink
    ) -> Bool {
        var (index, run, inRun) = (0, 0, 0)
        while index < used {
            buffer.removeAll()
            let begin = index
            while index < used, buffer.count < 1 << 18 {
                let whole = runs[(firstRun + run) & (runs.count - 1)]
                let count = min(whole.count - inRun, 1 << 14)
                buffer.put(whole.time.milliseconds)
                buffer.put(UInt32(count))
                for _ in 0..<count {
                    buffer.put(queue[(head + index) & (queue.count - 1)])
                    index += 1
                }
                inRun += count
                if inRun == whole.count { (run, inRun) = (run + 1, 0) }
            }
            let piece = StatePiece(.fingerprints, count: UInt32(index - begin))
            guard sink.take(piece, buffer.bytes) else { return false }
        }
        return true
    }

    /// Makes room for so many more fingerprints, at most the limit.
    mutating func reserve(_ more: Int) {
        let wanted = min(limit, used + more)
        var (room, places) = (queue.count, mask + 1)
        while room < wanted { room *= 2 }
        // One more than those remembered, so that the last one finds no reason to grow.
        while (wanted + 1) * 8 > places * 5 { places *= 2 }
        if room > queue.count { growQueue(to: room) }
        if places > mask + 1 { growSlots(to: places) }
    }

    /// Takes back a piece of saved fingerprints; past the limit the oldest go.
    mutating func load(_ reader: inout StateReader) throws(StateError) {
        while reader.left > 0 {
            let time = try reader.get(EventTime.self)
            let count = Int(try reader.get(UInt32.self))
            guard count <= reader.left / 8 else {
                throw .damaged("fingerprints that are not there")
            }
            // Their places in the table are far from each other: fetched some steps ahead.
            var ahead = reader
            for index in -FingerprintWindow.stepsAhead..<count {
                if index + FingerprintWindow.stepsAhead < count {
                    prefetch(try ahead.get(UInt64.self))
                }
                if index < 0 { continue }
                let fingerprint = try reader.get(UInt64.self)
                guard fingerprint != 0 else { throw .damaged("a fingerprint of nothing") }
                append(fingerprint, at: time)
            }
        }
    }

    // As many as a processor fetches at a time, about.
    private static let stepsAhead = 24

    private mutating func expire(at now: EventTime) {
        while used > 0, runs[firstRun].time + span <= now { removeOldest() }
    }

    private mutating func place(_ fingerprint: UInt64) {
        var index = Int(truncatingIfNeeded: fingerprint) & mask
        while slots[index] != 0 { index = (index + 1) & mask }
        slots[index] = fingerprint
    }

    private mutating func removeOldest() {
        let fingerprint = queue[head]
        head = (head + 1) & (queue.count - 1)
        used -= 1
        // One that will go soon, too: they lie far from each other. Past the end it is any other.
        prefetch(queue[(head + 8) & (queue.count - 1)])
        runs[firstRun].count -= 1
        if runs[firstRun].count == 0 {
            firstRun = (firstRun + 1) & (runs.count - 1)
            runCount -= 1
        }
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

    private mutating func growSlots(to room: Int) {
        let old = mask + 1
        var larger = GrowingBuffer<UInt64>(zeros: room)
        swap(&slots, &larger)
        mask = room - 1
        for index in 0..<old where larger[index] != 0 { place(larger[index]) }
    }

    private mutating func growQueue(to room: Int) {
        let old = queue.count
        var larger = GrowingBuffer<UInt64>(zeros: room)
        for index in 0..<used { larger[index] = queue[(head + index) & (old - 1)] }
        swap(&queue, &larger)
        head = 0
    }

    private mutating func growRuns() {
        let old = runs.count
        var larger = GrowingBuffer<Run>(zeros: old * 2)
        for index in 0..<runCount { larger[index] = runs[(firstRun + index) & (old - 1)] }
        swap(&runs, &larger)
        firstRun = 0
    }
}
