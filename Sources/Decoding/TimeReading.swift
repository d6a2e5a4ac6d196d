import Events

// When an event happened (TM-1).

extension RecordDecoding {
    // The correction of a device's clock holds up to this.
    private static var sendingMax: TimeSpan { .hours(24) }

    mutating func readTime(
        _ entry: RecordEntry,
        into event: inout CustomerEvent,
        of block: EventBlock
    ) {
        let receivedAt = time(slot(paths.envelope.receivedAt), in: block)
        event.received = receivedAt.isSet ? receivedAt : entry.timestamp
        let original = time(slot(paths.envelope.originalTimestamp), in: block)
        var time = EventTime.none
        if event.received.isSet, original.isSet {
            let sentAt = self.time(slot(paths.envelope.sentAt), in: block)
            let sending = sentAt - original
            if sentAt.isSet, sending >= .zero, sending <= RecordDecoding.sendingMax {
                time = event.received - sending
            }
        }
        if !time.isSet { time = self.time(slot(paths.envelope.timestamp), in: block) }
        if !time.isSet { time = original }
        if !time.isSet, set == 1 { time = self.time(rootSlot(paths.envelope.time), in: block) }
        if !time.isSet, !headers.time.isEmpty {
            time = times.read(block.bytes(of: headers.time)) ?? .none
        }
        settle(time, entry, into: &event)
    }

    /// Bounds the time that an event claims; one without takes Kafka's.
    mutating func settle(
        _ claimed: EventTime,
        _ entry: RecordEntry,
        into event: inout CustomerEvent
    ) {
        var time = claimed
        if !time.isSet { time = entry.timestamp }
        if !time.isSet { time = event.received }
        if !time.isSet { event.flags.insert(.timeMissing) }
        if event.received.isSet {
            if time > event.received + plan.futureTolerance { time = event.received }
        } else {
            event.flags.insert(.timeUnbounded)
        }
        event.time = time
    }

    // The instant of a stamp; one that cannot be read is none.
    private mutating func time(_ value: DocumentValue, in block: EventBlock) -> EventTime {
        guard value.isGiven else { return .none }
        var read: EventTime?
        if value.kind == .string {
            read = times.read(block.bytes(of: value.text.trimmed(in: block)))
        } else if value.kind.isNumber {
            read = times.read(number: block.bytes(of: value.text))
        }
        if read == nil { counters.ignoredFields += 1 }
        return read ?? .none
    }
}
