package import Events

/// What the resolver tells a shard: one flat value through a ring.
package struct ShardMessage: BitwiseCopyable, Sendable {
    /// What to do.
    package enum Verb: UInt8, BitwiseCopyable, Sendable {
        /// Begin the profile `hash` in `slot`.
        case create
        /// Apply event `index` of block `block` to the profile in `slot`.
        case event
        /// Apply a stock or price event that holds for everybody.
        case everybody
        /// Let event time pass through second `value`; timers due by then fire.
        case advance
        /// Ship the profile in `slot` to shard `peer`.
        case handOver
        /// Take the profile that shard `peer` ships into `slot`.
        case takeOver
        /// The profile in `slot` holds identifier `index` of event `other` as an endpoint, with
        /// the consent in `value`.
        case link
        /// The consent of endpoint `hash` is now what `value` says.
        case consent
        /// The block `block` is not needed any more.
        case release
        /// The epoch `value` is complete.
        case epochEnd
    }

    /// What to do.
    package var verb: Verb
    /// The other shard of a hand-over.
    package var peer: UInt16 = 0
    /// Which step of its event, so that outputs of one event keep their order over all shards.
    package var step: UInt16 = 0
    /// The profile's slot.
    package var slot: UInt32 = 0
    /// Which block.
    package var block: UInt32 = 0
    /// Which event or identifier of it.
    package var index: UInt32 = 0
    /// Place in the log.
    package var sequence: UInt64 = 0
    /// A second, an epoch, packed consent, or the time of a merging event.
    package var value: Int64 = 0
    /// The present: live the epoch's wall clock; `.none` lets every second be its own.
    package var now: EventTime = .none
    /// A profile id or an endpoint's hash.
    package var hash: Hash128 = .none

    /// Makes a message; the caller sets what its verb needs.
    package init(_ verb: Verb) { self.verb = verb }

    /// Consent states of all channels in one number.
    package static func pack(_ states: InlineArray<9, ConsentState>) -> Int64 {
        var packed: Int64 = 0
        for index in 0..<9 { packed |= Int64(states[index].rawValue) << Int64(4 * index) }
        return packed
    }

    /// The states again.
    package static func unpack(_ packed: Int64) -> InlineArray<9, ConsentState> {
        var states = InlineArray<9, ConsentState>(repeating: .none)
        for index in 0..<9 {
            let raw = UInt8(truncatingIfNeeded: packed >> Int64(4 * index)) & 15
            states[index] = ConsentState(rawValue: raw) ?? .none
        }
        return states
    }
}
