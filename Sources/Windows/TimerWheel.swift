import Memory

/// Timers of profiles in whole seconds of event time: a hierarchical timing wheel.
///
/// Think of the hands of a clock: a timer for the next minutes lies on the dial of seconds, one
/// for tomorrow on a slower dial, and moves to the faster one when its time comes near. Arming and
/// disarming cost the same however many timers there are (Varghese, Lauck: Hashed and
/// Hierarchical Timing Wheels, 1987). One timer a slot; a slot without one costs four bytes.
/// Owned by the shard's thread; timers fire in order of their second, those of one
/// second in no particular order, since profiles do not see each other.
package struct TimerWheel: ~Copyable {
    /// Where a slot's timer hangs.
    package struct Node: BitwiseCopyable {
        var due: Int64
        var slot: UInt32
        var next: UInt32 = 0
        var previous: UInt32 = 0
        var bucket: UInt16 = 0
    }

    private static let levels = 4
    private static let bits = 8
    private static let width = 1 << bits

    /// Every timer due in this second or earlier has fired.
    package private(set) var passed: Int64
    /// Timers armed.
    package private(set) var count = 0
    // The node of each slot, 0 without one.
    private var places: Slots<UInt32>
    private var nodes: Slab<Node>
    private var heads: GrowingBuffer<UInt32>
    // One bit a bucket of the fastest dial that holds timers: silence is skipped, not walked.
    private var occupied: InlineArray<4, UInt64> = .init(repeating: 0)

    /// Makes a wheel for slots up to the limit whose timers up to `passed` have fired.
    package init(limit: Int, passed: Int64 = -1) {
        self.passed = passed
        places = Slots(limit: limit)
        nodes = Slab(limit: min(limit, 1 << 30))
        heads = GrowingBuffer(room: TimerWheel.levels * TimerWheel.width)
        for _ in 0..<TimerWheel.levels * TimerWheel.width { heads.append(0) }
    }

    /// Makes room for slots up to one, and for so many timers.
    package mutating func reserve(_ highest: Int, timers: Int) {
        places.reserve(highest)
        nodes.reserve(timers)
    }

    /// Bytes in use.
    package var byteCount: Int { places.byteCount + nodes.byteCount }

    private func place(of slot: UInt32) -> UInt32 {
        slot != 0 && places.contains(slot) ? places[slot] : 0
    }

    /// Tells the processor that a slot's timer will be armed soon.
    package func prefetch(_ slot: UInt32) { places.prefetch(slot) }

    /// The same, a little later: where the timer hangs is near by now.
    package func prefetchNode(_ slot: UInt32) { nodes.prefetch(place(of: slot)) }

    /// The slots whose timers fire next, as far as the current turn of the fastest dial tells; 0
    /// where it does not.
    package var soon: InlineArray<8, UInt32> {
        var slots = InlineArray<8, UInt32>(repeating: 0)
        var index = Int(truncatingIfNeeded: passed + 1) & (TimerWheel.width - 1)
        var node = heads[index]
        for place in 0..<8 {
            while node == 0 {
                index += 1
                if index >= TimerWheel.width { return slots }
                index += silence(after: index)
                if index >= TimerWheel.width { return slots }
                node = heads[index]
            }
            slots[place] = nodes[node].slot
            node = nodes[node].next
        }
        return slots
    }

    /// The second the slot's timer is armed for, or nil.
    package func due(_ slot: UInt32) -> Int64? {
        let place = place(of: slot)
        return place == 0 ? nil : nodes[place].due
    }

    /// Arms the slot's timer for a second, instead of what it was armed for; one already passed
    /// fires in the next second that passes.
    package mutating func arm(_ slot: UInt32, at second: Int64) {
        let second = max(second, passed + 1)
        var node = place(of: slot)
        if node == 0 {
            node = nodes.take(Node(due: second, slot: slot))
            precondition(node != 0, "room for timers")
            places.fill(slot, node, others: 0)
        } else {
            if nodes[node].due == second { return }
            unlink(node)
        }
        link(node, at: second)
    }

    /// Takes the slot's timer away.
    package mutating func disarm(_ slot: UInt32) {
        let node = place(of: slot)
        if node != 0 { remove(node) }
    }

    private mutating func remove(_ node: UInt32) {
        unlink(node)
        places[nodes[node].slot] = 0
        nodes.give(back: node)
    }

    private mutating func link(_ node: UInt32, at second: Int64) {
        // The dial is the slowest on which the second differs from the next second to pass.
        let difference = UInt64(bitPattern: second ^ (passed + 1))
        let highestBit = difference == 0 ? 0 : 63 - difference.leadingZeroBitCount
        let level = min(highestBit / TimerWheel.bits, TimerWheel.levels - 1)
        var position = Int(truncatingIfNeeded: second >> Int64(level * TimerWheel.bits))
        if level == TimerWheel.levels - 1, highestBit >= TimerWheel.levels * TimerWheel.bits {
            // Beyond the slowest dial (136 years): its last bucket, looked at again when it comes.
            position = Int(truncatingIfNeeded: (passed + 1) >> Int64(level * TimerWheel.bits)) - 1
        }
        let index = position & (TimerWheel.width - 1)
        let bucket = level * TimerWheel.width + index
        let head = heads[bucket]
        nodes[node].due = second
        nodes[node].next = head
        nodes[node].previous = 0
        nodes[node].bucket = UInt16(bucket)
        if head != 0 { nodes[head].previous = node }
        heads[bucket] = node
        if level == 0 { occupied[index >> 6] |= 1 << UInt64(index & 63) }
        count += 1
    }

    private mutating func unlink(_ handle: UInt32) {
        let node = nodes[handle]
        let bucket = Int(node.bucket)
        if node.previous != 0 {
            nodes[node.previous].next = node.next
        } else {
            heads[bucket] = node.next
            if node.next == 0, bucket < TimerWheel.width {
                occupied[bucket >> 6] &= ~(1 << UInt64(bucket & 63))
            }
        }
        if node.next != 0 { nodes[node.next].previous = node.previous }
        count -= 1
    }

    /// Takes the next timer due in `second` or earlier off the wheel, or lets that second pass
    /// and answers nil.
    ///
    /// Call it until nil. While it answers timers, `passed + 1` is the second they fire in: what
    /// is armed meanwhile for that second or an earlier one fires in the same second.
    package mutating func next(through second: Int64) -> UInt32? {
        while passed < second {
            if count == 0 {
                passed = second
                return nil
            }
            if second - passed > TimerWheel.range { leap(toward: second) }
            if passed >= second { return nil }
            let current = passed + 1
            let index = Int(truncatingIfNeeded: current) & (TimerWheel.width - 1)
            let node = heads[index]
            if node != 0 {
                let slot = nodes[node].slot
                remove(node)
                return slot
            }
            // Nothing this second: on to the next occupied bucket or the end of this turn of the
            // dial, whichever comes first.
            let step = silence(after: index)
            passed = min(second, current + Int64(step) - 1)
            turnSlowerDials()
        }
        return nil
    }

    /// How far the slowest dial reaches, in seconds.
    private static let range = Int64(1) << Int64(levels * bits)

    /// Goes on to just before the earliest timer or the end of a second, and lays out all timers
    /// anew: only a wheel whose time had not begun has so far to go, and turning would not end.
    private mutating func leap(toward second: Int64) {
        var all = GrowingBuffer<UInt32>(room: 64)
        var first = second + 1
        for bucket in 0..<TimerWheel.levels * TimerWheel.width {
            var node = heads[bucket]
            while node != 0 {
                all.append(node)
                first = min(first, nodes[node].due)
                node = nodes[node].next
            }
        }
        for index in 0..<all.count { unlink(all[index]) }
        passed = first - 1
        for index in 0..<all.count { link(all[index], at: nodes[all[index]].due) }
    }

    /// How many seconds from the bucket to the next occupied one or the dial's end.
    private func silence(after index: Int) -> Int {
        var word = index >> 6
        var bits = occupied[word] & (~0 << UInt64(index & 63))
        while true {
            if bits != 0 { return (word << 6) + bits.trailingZeroBitCount - index }
            word += 1
            if word == occupied.count { return TimerWheel.width - index }
            bits = occupied[word]
        }
    }

    /// Moves timers of slower dials to faster ones when the next second begins their bucket.
    private mutating func turnSlowerDials() {
        let current = passed + 1
        var level = 1
        while level < TimerWheel.levels,
            current & ((1 << Int64(level * TimerWheel.bits)) - 1) == 0
        {
            level += 1
        }
        // Slowest first, so that what comes down two dials does so in one go.
        while level > 1 {
            level -= 1
            let index =
                Int(truncatingIfNeeded: current >> Int64(level * TimerWheel.bits))
                & (TimerWheel.width - 1)
            let bucket = level * TimerWheel.width + index
            var handle = heads[bucket]
            while handle != 0 {
                let node = nodes[handle]
                unlink(handle)
                link(handle, at: node.due)
                handle = node.next
            }
        }
    }

    /// The earliest second at which a timer may be due, or nil without timers: exact within the
    /// current turn of the fastest dial, else the start of the next one.
    package func earliest() -> Int64? {
        guard count > 0 else { return nil }
        let current = passed + 1
        // Before time has begun every turn of the dial is ages away: only the timers themselves
        // tell.
        if current < -TimerWheel.range {
            var first = Int64.max
            for bucket in 0..<TimerWheel.levels * TimerWheel.width {
                var node = heads[bucket]
                while node != 0 {
                    first = min(first, nodes[node].due)
                    node = nodes[node].next
                }
            }
            return first
        }
        let index = Int(truncatingIfNeeded: current) & (TimerWheel.width - 1)
        return current + Int64(silence(after: index))
    }
}
