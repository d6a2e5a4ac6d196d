package import Events
package import Windows

/// Reads the events out of a block's records, or says why they are none.
///
/// Think of a clerk with a form: whatever letter comes in, the clerk checks that it is written
/// properly, copies its answers to the fixed lines of the form, and puts aside, with a note, what
/// cannot be one. Owned by one decoder thread. What it makes of a record depends on the record, the
/// plan and the hash key alone. Allocates when it is made; of a record's texts only what is not
/// ASCII may have to be rewritten by way of a string.
package final class EventDecoder {
    private var decoding: RecordDecoding

    /// Makes a decoder.
    package init(plan: TrackingPlan, hashKey: SipHash, zones: ZoneTable) {
        decoding = RecordDecoding(plan: plan, hashKey: hashKey, zones: zones)
    }

    /// What was counted.
    package var counters: DecodingCounters { decoding.counters }

    /// Decodes all records of a block: event `i` is what record `i` says.
    package func decode(_ block: EventBlock) { decoding.decode(block) }
}
