package import Events
package import Memory
package import Profiles
package import Windows

/// A message that asks to be sent.
package struct Candidate: BitwiseCopyable {
    /// When it would be sent.
    package var time: EventTime
    /// Hash of enrollment, flow and step: a step on several channels takes one slot together.
    package var step: UInt64
    /// Position of its flow in the rules.
    package var flowIndex: Int
    /// On which channel.
    package var channel: Channel
    /// How strictly it is held back.
    package var messageClass: MessageClass

    package init(
        time: EventTime,
        step: UInt64,
        flowIndex: Int,
        channel: Channel,
        messageClass: MessageClass
    ) {
        self.time = time
        self.step = step
        self.flowIndex = flowIndex
        self.channel = channel
        self.messageClass = messageClass
    }
}

/// What a rule saw when it was asked, for the explanation of a decision.
package struct RuleReading: BitwiseCopyable {
    /// Which list of rules it is in.
    package enum Form: UInt8, BitwiseCopyable {
        case cap
        case gap
        case quiet
    }

    /// Which list of rules it is in.
    package var form: Form
    /// Position in that list.
    package var index: UInt16
    /// Messages counted (caps).
    package var count: Int32
    /// Messages allowed (caps).
    package var limit: Int32

    package init(form: Form, index: UInt16, count: Int32, limit: Int32) {
        self.form = form
        self.index = index
        self.count = count
        self.limit = limit
    }
}

/// Says yes to a candidate only while the person has had few enough messages.
///
/// Think of a guest list: who was written to is written down at the moment of deciding, so two
/// candidates of one second see each other. Counts are exact: the sends themselves are kept and
/// counted, not estimated. Pure.
package struct CapLedger: Sendable {
    /// The caps, with the hashes of the flows they concern.
    package let caps: [CapRule]
    /// The gaps.
    package let gaps: [GapRule]
    private let capFlows: [[UInt64]]
    private let firstWeekday: Int

    /// Makes a ledger under rules; `flowHash` gives the hash of a flow's name by position.
    package init(
        caps: [CapRule],
        gaps: [GapRule],
        firstWeekday: Int,
        flowHash: (Int) -> UInt64
    ) {
        self.caps = caps
        self.gaps = gaps
        self.firstWeekday = firstWeekday
        capFlows = caps.map { $0.flows.map(flowHash) }
    }

    /// The first gap rule that refuses a candidate, and when it would not (FC-3).
    package func refusingGap(
        _ candidate: Candidate,
        of slot: UInt32,
        in store: borrowing ProfileStore,
        readings: inout GrowingBuffer<RuleReading>
    ) -> (rule: Int, retry: EventTime)? {
        for index in gaps.indices {
            guard gaps[index].classes.contains(ClassSet(candidate.messageClass)),
                gaps[index].channels.contains(ChannelSet(candidate.channel))
            else { continue }
            var last = EventTime.none
            var handle = store.profiles[slot].sends
            while handle != 0 {
                let send = store.sends[handle]
                if send.countsTowardCaps, send.step != candidate.step,
                    gaps[index].channels.contains(ChannelSet(send.channel)), send.time > last
                {
                    last = send.time
                }
                handle = send.next
            }
            guard last.isSet else { continue }
            if last + gaps[index].span > candidate.time {
                readings.append(
                    RuleReading(form: .gap, index: UInt16(index), count: 1, limit: 0)
                )
                return (index, last + gaps[index].span)
            }
        }
        return nil
    }

    /// The first cap rule that refuses a candidate, and when it would not (FC-1, FC-2, FC-5).
    ///
    /// All rules are asked, each reading is noted.
    package func refusingCap(
        _ candidate: Candidate,
        of slot: UInt32,
        in store: borrowing ProfileStore,
        zone: ZoneIndex,
        zones: ZoneTable,
        readings: inout GrowingBuffer<RuleReading>
    ) -> (rule: Int, retry: EventTime)? {
        var refusing: Int?
        var retry = EventTime.none
        for index in caps.indices where holds(index, candidate) {
            let (begin, end) = window(of: index, at: candidate.time, zone, zones)
            var count = 0
            var isOwn = false
            var handle = store.profiles[slot].sends
            while handle != 0 {
                let send = store.sends[handle]
                if counts(send, index, begin, end) {
                    if send.step == candidate.step {
                        isOwn = true
                    } else if !isCountedBefore(send, at: handle, index, begin, end, slot, store) {
                        count += 1
                    }
                }
                handle = send.next
            }
            let limit = caps[index].limit
            readings.append(
                RuleReading(
                    form: .cap,
                    index: UInt16(index),
                    count: Int32(count),
                    limit: Int32(clamping: limit)
                )
            )
            if count >= limit, !isOwn {
                let free = slotTime(
                    index,
                    count,
                    candidate.step,
                    begin,
                    end,
                    slot,
                    store
                )
                if refusing == nil { refusing = index }
                if free > retry { retry = free }
            }
        }
        return refusing.map { ($0, retry) }
    }

    private func holds(_ index: Int, _ candidate: Candidate) -> Bool {
        caps[index].classes.contains(ClassSet(candidate.messageClass))
            && caps[index].channels.contains(ChannelSet(candidate.channel))
            && (caps[index].flows.isEmpty || caps[index].flows.contains(candidate.flowIndex))
            && !caps[index].exemptFlows.contains(candidate.flowIndex)
    }

    /// The instants counted: after `begin`, before `end`.
    private func window(
        of index: Int,
        at time: EventTime,
        _ zone: ZoneIndex,
        _ zones: ZoneTable
    ) -> (begin: EventTime, end: EventTime) {
        switch caps[index].window {
        case .sliding(let span):
            return (time - span, EventTime(milliseconds: .max))
        case .calendar(let unit, let fixed):
            let interval = zones.interval(
                unit,
                holding: time,
                in: fixed ?? zone,
                firstWeekday: firstWeekday
            )
            // The interval is [start, end): its first instant counts.
            return (interval.start - TimeSpan(milliseconds: 1), interval.end)
        }
    }

    private func counts(
        _ send: SendRecord,
        _ index: Int,
        _ begin: EventTime,
        _ end: EventTime
    ) -> Bool {
        send.countsTowardCaps && send.time > begin && send.time < end
            && caps[index].channels.contains(ChannelSet(send.channel))
            && (capFlows[index].isEmpty || capFlows[index].contains(send.flow))
    }

    // One step on several channels counts once in a rule that spans them (FC-5).
    private func isCountedBefore(
        _ send: SendRecord,
        at handle: UInt32,
        _ index: Int,
        _ begin: EventTime,
        _ end: EventTime,
        _ slot: UInt32,
        _ store: borrowing ProfileStore
    ) -> Bool {
        var other = store.profiles[slot].sends
        while other != handle {
            let record = store.sends[other]
            if record.step == send.step, counts(record, index, begin, end) { return true }
            other = record.next
        }
        return false
    }

    /// When the rule has a free slot again.
    private func slotTime(
        _ index: Int,
        _ count: Int,
        _ step: UInt64,
        _ begin: EventTime,
        _ end: EventTime,
        _ slot: UInt32,
        _ store: borrowing ProfileStore
    ) -> EventTime {
        guard case .sliding(let span) = caps[index].window else { return end }
        let limit = caps[index].limit
        guard limit > 0 else { return EventTime(milliseconds: .max) }
        // Sends leave the window one after the other; the slot is free when few enough are left.
        var begin = begin
        var left = count
        while left >= limit {
            begin = earliest(index, begin, end, slot, store)
            left = 0
            var handle = store.profiles[slot].sends
            while handle != 0 {
                let send = store.sends[handle]
                if send.step != step, counts(send, index, begin, end),
                    !isCountedBefore(send, at: handle, index, begin, end, slot, store)
                {
                    left += 1
                }
                handle = send.next
            }
        }
        return begin + span
    }

    /// The time of the earliest send that counts.
    private func earliest(
        _ index: Int,
        _ begin: EventTime,
        _ end: EventTime,
        _ slot: UInt32,
        _ store: borrowing ProfileStore
    ) -> EventTime {
        var earliest = EventTime(milliseconds: .max)
        var handle = store.profiles[slot].sends
        while handle != 0 {
            let send = store.sends[handle]
            if counts(send, index, begin, end), send.time < earliest { earliest = send.time }
            handle = send.next
        }
        return earliest
    }
}
