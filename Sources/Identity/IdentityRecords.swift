package import Events

/// One identifier value: a node of the identity graph.
///
/// Most are held by the profile they lead to and were seen with one user id; only what else there is
/// to say stands in a record of its own.
package struct NodeRecord: BitwiseCopyable {
    /// SipHash of kind and value.
    package let hash: Hash128
    // The first event's time; below it the kind in four bits and a bit for each yes or no.
    private var first: TaggedTime
    /// The profile it leads to; may have been absorbed since.
    ///
    /// 0 is none yet.
    package var profile: UInt32 = 0
    /// The node of the only user id that was seen with it; with `hasMore` its `NodeMore`.
    var more: UInt32 = 0

    /// A value seen for the first time.
    init(hash: Hash128, kind: IdentifierKind, firstTime: EventTime) {
        self.hash = hash
        first = TaggedTime(firstTime, tag: kind.rawValue)
    }

    /// Event time of the first event that carried it.
    package var firstTime: EventTime {
        get { first.time }
        set { first.time = newValue }
    }

    /// What it is.
    package var kind: IdentifierKind {
        get { IdentifierKind(rawValue: first.tag & 15) ?? .deviceID }
        set { first.tag = first.tag & ~15 | newValue.rawValue }
    }

    /// A device of several people (ID-10).
    package var isAmbiguous: Bool {
        get { first[4] }
        set { first[4] = newValue }
    }

    /// Too many user ids claimed it: it joins nobody any more (ID-11).
    package var isQuarantined: Bool {
        get { first[5] }
        set { first[5] = newValue }
    }

    /// The first profile that held it as an endpoint is the one it leads to.
    var isHeldByOwn: Bool {
        get { first[6] }
        set { first[6] = newValue }
    }

    /// There is more to say of it.
    var hasMore: Bool {
        get { first[7] }
        set { first[7] = newValue }
    }
}

/// What is to be said of few nodes.
package struct NodeMore: BitwiseCopyable {
    /// Profiles that hold it as an endpoint, but for its own: first of a list.
    var holders: UInt32 = 0
    /// Nodes of the distinct user ids seen with it (ID-11): first of a list.
    var users: UInt32 = 0
    /// Consent, where anybody was asked about this endpoint: first of a list.
    var consent: UInt32 = 0
    /// How many collections an ambiguous device has begun; part of their profile ids.
    var collections: UInt32 = 0
    /// How many holders are in the list.
    var holderCount: UInt16 = 0
    /// How many distinct user ids.
    var userCount: UInt16 = 0
}

/// A profile as the graph knows it: who it is, where its state lives, what leads to it.
///
/// Its id is hashed from the root when it is asked for.
package struct GraphProfileRecord: BitwiseCopyable {
    /// The ranking identifier it was made at.
    let root: UInt32
    // Its slot; of one that was absorbed, by whom.
    var place: UInt32
    /// First link.
    var links: UInt32 = 0
    /// What is to be said of few profiles; 0 if there is nothing.
    var more: UInt32 = 0
    /// How many identifiers lead to it, as links.
    package var linkCount: UInt16 = 0
    var shardNumber: UInt8
    private var flags: UInt8 = 0

    init(root: UInt32, slot: UInt32, shard: Int, hasUserID: Bool, isAmbiguous: Bool) {
        self.root = root
        place = slot
        shardNumber = UInt8(shard)
        self.hasUserID = hasUserID
        self.isAmbiguous = isAmbiguous
    }

    private subscript(bit: UInt8) -> Bool {
        get { flags >> bit & 1 != 0 }
        set { flags = flags & ~(1 << bit) | (newValue ? 1 << bit : 0) }
    }

    /// Holds a user id.
    package var hasUserID: Bool {
        get { self[0] }
        set { self[0] = newValue }
    }

    /// Is the profile of an ambiguous device: it is never merged but by session attribution.
    package var isAmbiguous: Bool {
        get { self[1] }
        set { self[1] = newValue }
    }

    /// Its slot in its shard, while it lives.
    package var slot: UInt32 { place }
    /// Its shard.
    package var shard: UInt16 { UInt16(shardNumber) }

    /// The survivor that absorbed it; 0 while it lives.
    package var forward: UInt32 {
        get { self[2] ? place : 0 }
        set {
            self[2] = true
            place = newValue
        }
    }
}

/// What is to be said of few profiles.
package struct ProfileMore: BitwiseCopyable {
    /// First absorbed id.
    var absorbed: UInt32 = 0
    /// First consent that waits for an endpoint.
    var pending: UInt32 = 0
    /// Which collection of its ambiguous device it is.
    var collection: UInt32 = 0
    /// How many profiles it absorbed, directly or not.
    var mergeCount: UInt16 = 0
}

/// An identifier or endpoint of a profile.
package struct LinkRecord: BitwiseCopyable {
    private let stamp: TaggedTime
    /// The identifier.
    let node: UInt32
    /// The next link.
    var next: UInt32 = 0

    init(node: UInt32, time: EventTime, isIdentifier: Bool) {
        self.node = node
        stamp = TaggedTime(time, tag: isIdentifier ? 1 : 0)
    }

    /// Event time of the link.
    var time: EventTime { stamp.time }
    /// Counts as an identifier of the profile; otherwise it is only an endpoint.
    var isIdentifier: Bool { stamp[0] }
}

/// A handle in a list of handles: holders of an endpoint, nodes of user ids.
package struct HandleRecord: BitwiseCopyable {
    package var handle: UInt32
    package var next: UInt32
}

/// A hash in a list of hashes: absorbed profile ids.
package struct HashRecord: BitwiseCopyable {
    package var hash: Hash128
    package var next: UInt32
}

/// What was said about an endpoint on one channel, in a list of such; most have one or none.
///
/// The latest state, STOP and START are kept apart, so that it comes out the same in whatever
/// order they arrive: a STOP holds while no later START and no later state is known.
package struct ConsentRecord: BitwiseCopyable {
    /// Since when the latest state was set.
    var time = EventTime.none
    /// The latest STOP.
    var stop = EventTime.none
    /// The latest START.
    var start = EventTime.none
    /// The next channel.
    var next: UInt32
    let channel: Channel
    /// The latest state that was set.
    var latest = ConsentState.none

    init(channel: Channel, next: UInt32) {
        self.channel = channel
        self.next = next
    }

    /// The state that holds.
    ///
    /// A STOP takes marketing away; it lifts no suppression.
    var state: ConsentState {
        guard stop.isSet, stop >= start, stop >= time else { return latest }
        return max(latest, .unsubscribed)
    }

    /// Sets a state, unless a later one is known, or one of the same time that is more restrictive.
    mutating func set(_ state: ConsentState, at moment: EventTime) {
        guard moment > time || moment == time && state > latest else { return }
        latest = state
        time = moment
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
