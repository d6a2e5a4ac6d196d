package import Events

/// One identifier value: a node of the identity graph.
package struct NodeRecord: BitwiseCopyable {
    /// SipHash of kind and value.
    package var hash: Hash128
    /// Event time of the first event that carried it.
    package var firstTime: EventTime
    /// The profile it leads to; may have been absorbed since.
    ///
    /// 0 is none yet.
    package var profile: UInt32 = 0
    /// Profiles that hold it as an endpoint: first of a list.
    package var holders: UInt32 = 0
    /// Distinct user ids seen with it (ID-11): first of a list.
    package var users: UInt32 = 0
    /// Consent, where anybody was asked about this endpoint.
    package var consent: UInt32 = 0
    /// How many holders.
    package var holderCount: UInt16 = 0
    /// How many distinct user ids.
    package var userCount: UInt16 = 0
    /// How many collections an ambiguous device has begun; part of their profile ids.
    package var collections: UInt32 = 0
    /// What it is.
    package var kind: IdentifierKind
    /// A device of several people (ID-10).
    package var isAmbiguous = false
    /// Too many user ids claimed it: it joins nobody any more (ID-11).
    package var isQuarantined = false

    /// A value seen for the first time.
    package init(hash: Hash128, kind: IdentifierKind, firstTime: EventTime) {
        self.hash = hash
        self.kind = kind
        self.firstTime = firstTime
    }
}

/// A profile as the graph knows it: who it is, where its state lives, what leads to it.
package struct GraphProfileRecord: BitwiseCopyable {
    /// The profile id, derived from the root.
    package var id: Hash128
    /// The ranking identifier it was made at.
    package var root: UInt32
    /// The survivor that absorbed it; 0 while it lives.
    package var forward: UInt32 = 0
    /// Its slot in its shard.
    package var slot: UInt32
    /// Its shard.
    package var shard: UInt16
    /// How many identifiers lead to it, as links.
    package var linkCount: UInt16 = 0
    /// How many profiles it absorbed, directly or not.
    package var mergeCount: UInt16 = 0
    /// First link.
    package var links: UInt32 = 0
    /// First absorbed id.
    package var absorbed: UInt32 = 0
    /// First consent that waits for an endpoint.
    package var pending: UInt32 = 0
    /// Holds a user id.
    package var hasUserID: Bool
    /// Is the profile of an ambiguous device: it is never merged but by session attribution.
    package var isAmbiguous = false

    package init(
        id: Hash128,
        root: UInt32,
        slot: UInt32,
        shard: UInt16,
        hasUserID: Bool
    ) {
        self.id = id
        self.root = root
        self.slot = slot
        self.shard = shard
        self.hasUserID = hasUserID
    }
}

/// An identifier or endpoint of a profile.
package struct LinkRecord: BitwiseCopyable {
    /// Event time of the link.
    package var time: EventTime
    /// The identifier.
    package var node: UInt32
    /// The next link.
    package var next: UInt32 = 0
    /// Counts as an identifier of the profile; otherwise it is only an endpoint.
    package var isIdentifier: Bool

    package init(node: UInt32, time: EventTime, isIdentifier: Bool) {
        self.node = node
        self.time = time
        self.isIdentifier = isIdentifier
    }
}

/// A handle in a list of handles: holders of an endpoint.
package struct HandleRecord: BitwiseCopyable {
    package var handle: UInt32
    package var next: UInt32
}

/// A hash in a list of hashes: user ids of a value, absorbed profile ids.
package struct HashRecord: BitwiseCopyable {
    package var hash: Hash128
    package var next: UInt32
}

/// What was said about an endpoint, by channel.
///
/// The latest state, STOP and START are kept apart, so that it comes out the same in whatever
/// order they arrive: a STOP holds while no later START and no later state is known.
package struct ConsentRecord: BitwiseCopyable {
    /// The latest state that was set.
    package var states: InlineArray<9, ConsentState> = .init(repeating: .none)
    /// Since when.
    package var times: InlineArray<9, EventTime> = .init(repeating: .none)
    /// The latest STOP.
    package var stops: InlineArray<9, EventTime> = .init(repeating: .none)
    /// The latest START.
    package var starts: InlineArray<9, EventTime> = .init(repeating: .none)

    package init() {}

    /// The state that holds on a channel.
    ///
    /// A STOP takes marketing away; it lifts no suppression.
    package func state(_ index: Int) -> ConsentState {
        let stop = stops[index]
        guard stop.isSet, stop >= starts[index], stop >= times[index] else { return states[index] }
        return max(states[index], .unsubscribed)
    }
}

/// A consent for a channel on which the profile has no endpoint yet.
package struct PendingConsentRecord: BitwiseCopyable {
    package var time: EventTime
    package var next: UInt32 = 0
    package var channel: Channel
    package var state: ConsentState

    package init(channel: Channel, state: ConsentState, time: EventTime) {
        self.channel = channel
        self.state = state
        self.time = time
    }
}

/// What identity resolution counts.
package struct IdentityCounters: Sendable, Equatable {
    /// Profiles absorbed.
    package var merges = 0
    /// Joins refused because both sides hold a user id.
    package var conflicts = 0
    /// Joins refused by a limit of ID-1 or ID-12.
    package var limited = 0
    /// Values that were quarantined (ID-11).
    package var quarantined = 0
    /// Devices that became ambiguous.
    package var ambiguous = 0
    /// Endpoints with too many holders.
    package var holdersRefused = 0

    package init() {}
}
