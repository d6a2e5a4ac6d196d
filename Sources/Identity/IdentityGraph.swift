package import Events
package import Memory

/// What joining did, in order, for whoever keeps the profiles' state.
package enum IdentityChange: BitwiseCopyable {
    /// A profile came to be.
    case created(profile: UInt32, shard: UInt16, slot: UInt32)
    /// One profile took in another; each had a slot of a shard, the other its list of ids.
    case merged(
        survivor: UInt32,
        survivorShard: UInt16,
        survivorSlot: UInt32,
        absorbed: UInt32,
        absorbedShard: UInt16,
        absorbedSlot: UInt32,
        absorbedIDs: UInt32
    )
    /// A profile holds an endpoint it did not hold before: identifier `index` of the event.
    case linked(profile: UInt32, node: UInt32, index: UInt8)
    /// Both sides hold a user id: nothing was joined.
    case conflict(profile: UInt32, holder: UInt32, node: UInt32)
    /// An endpoint's consent changed: its holders must know.
    case consent(node: UInt32)
}

/// Who is who: identifiers as nodes, profiles as what they lead to.
///
/// Think of name tags on strings: each identifier is tied to one person; when one event shows two
/// identifiers together, their strings are tied to one person. Events are resolved one after the
/// other in log order, so "who was it at that moment" has one answer. Only equal values match
/// (deterministic matching). Owned by the resolver's thread; pure.
package struct IdentityGraph: ~Copyable {
    /// The rules.
    package let rules: IdentityRules
    /// What was counted.
    package var counters = IdentityCounters()
    /// What the last calls changed; the owner reads and empties it.
    package var changes = GrowingBuffer<IdentityChange>()

    package internal(set) var nodes: Slab<NodeRecord>
    package internal(set) var profiles: Slab<GraphProfileRecord>
    var links: Slab<LinkRecord>
    // What stands behind the link in each node, by the node's number.
    var chain: Slab<UInt32>
    var handles: Slab<HandleRecord>
    var hashes: Slab<HashRecord>
    var consents: Slab<ConsentRecord>
    var pending: Slab<PendingConsentRecord>
    var nodesMore: Slab<NodeMore>
    var profilesMore: Slab<ProfileMore>
    var table = NumberTable(room: 1 << 16)
    private let profileHash: SipHash
    let shards: Int
    // Slots given back, by shard, and the highest ever given.
    var freeSlots: [[UInt32]]
    var highestSlot: [UInt32]

    /// Makes an empty graph for so many shards.
    package init(rules: IdentityRules, hashKey: SipHash, shards: Int) {
        precondition(shards > 0 && shards <= 64)
        self.rules = rules
        profileHash = hashKey
        self.shards = shards
        let many = 1 << 28
        // A node is never given back, so nodes are numbered as the table wants them.
        nodes = Slab(limit: NumberTable.limit)
        profiles = Slab(limit: many)
        links = Slab(limit: many)
        chain = Slab(limit: NumberTable.limit)
        handles = Slab(limit: many)
        hashes = Slab(limit: many)
        consents = Slab(limit: many)
        pending = Slab(limit: many)
        nodesMore = Slab(limit: many)
        profilesMore = Slab(limit: many)
        freeSlots = Array(repeating: [], count: shards)
        highestSlot = Array(repeating: 0, count: shards)
        for shard in 0..<shards { freeSlots[shard].reserveCapacity(4_096) }
    }

    // MARK: Finding

    /// The node of an identifier, or 0.
    package func find(_ hash: Hash128) -> UInt32 {
        table.find(hash.low) { nodes[$0].hash == hash }
    }

    /// Tells the processor that an identifier will be looked for soon.
    package func prefetch(_ hash: Hash128) { table.prefetch(hash.low) }

    /// The same, a little later: its place in the table is near by now, and names its node.
    package func prefetchNode(_ hash: Hash128) {
        nodes.prefetch(table.candidate(hash.low))
    }

    /// The same, just before: its node is near by now, and names its profile.
    package func prefetchProfile(_ hash: Hash128) {
        let node = table.candidate(hash.low)
        if node != 0 { profiles.prefetch(nodes[node].profile) }
    }

    private mutating func findOrMake(
        _ hash: Hash128,
        kind: IdentifierKind,
        at time: EventTime
    ) -> UInt32 {
        let found = find(hash)
        if found != 0 {
            if time < nodes[found].firstTime {
                // Only consent was known of it, so that its kind was but likely.
                if nodes[found].firstTime.milliseconds == .max { nodes[found].kind = kind }
                moveLinkOut(of: found)
                nodes[found].firstTime = time
            }
            return found
        }
        let node = nodes.take(NodeRecord(hash: hash, kind: kind, firstTime: time))
        precondition(node != 0 && chain.take(0) == node, "room for identifiers")
        IdentityGraph.enter(node, of: nodes, into: &table)
        return node
    }

    /// Lets a node be found; all before it are.
    static func enter(
        _ node: UInt32,
        of nodes: borrowing Slab<NodeRecord>,
        into table: inout NumberTable
    ) {
        precondition(Int(node) == table.count + 1, "nodes are entered in their order")
        table.append(nodes[node].hash.low) { nodes[$0].hash.low }
    }

    /// The living profile a handle leads to, shortening the way for the next time; 0 for 0.
    package mutating func live(_ profile: UInt32) -> UInt32 {
        guard profile != 0 else { return 0 }
        var end = profile
        while profiles[end].forward != 0 { end = profiles[end].forward }
        var step = profile
        while step != end {
            let next = profiles[step].forward
            profiles[step].forward = end
            step = next
        }
        return end
    }

    /// The living profile of an identifier, or 0.
    package mutating func profile(of hash: Hash128) -> UInt32 {
        let node = find(hash)
        return node == 0 ? 0 : live(nodes[node].profile)
    }

    /// A profile's id, derived from its root.
    package func id(of profile: UInt32) -> Hash128 {
        let record = profiles[profile]
        var state = profileHash.begin(kind: HashKind.profile)
        state.append(nodes[record.root].hash)
        if record.isAmbiguous {
            // An ambiguous device's collections are numbered: an id is never used again.
            state.append(UInt64(more(of: profile).collection))
        }
        return state.finish()
    }

    // MARK: What is said of few

    private func more(of profile: UInt32) -> ProfileMore {
        let more = profiles[profile].more
        return more == 0 ? ProfileMore() : profilesMore[more]
    }

    /// The record of a profile of which there is more to say.
    private mutating func makeMore(of profile: UInt32) -> UInt32 {
        if profiles[profile].more == 0 {
            profiles[profile].more = profilesMore.take(ProfileMore())
        }
        return profiles[profile].more
    }

    private func more(ofNode node: UInt32) -> NodeMore {
        nodes[node].hasMore ? nodesMore[nodes[node].more] : NodeMore()
    }

    /// The record of a node of which there is more to say.
    private mutating func makeMore(ofNode node: UInt32) -> UInt32 {
        if !nodes[node].hasMore {
            var record = NodeMore()
            let user = nodes[node].more
            if user != 0 {
                record.users = handles.take(HandleRecord(handle: user, next: 0))
                record.userCount = 1
            }
            nodes[node].more = nodesMore.take(record)
            nodes[node].hasMore = true
        }
        return nodes[node].more
    }

    // MARK: Resolving one event

    /// Whom an event belongs to; joins its identifiers on the way (ID-4).
    ///
    /// 0 if it names nobody.
    ///
    /// Identifiers are joined strongest first, each if the union stays within the limits and does
    /// not hold two user ids.
    package mutating func resolve(_ event: CustomerEvent, in block: EventBlock) -> UInt32 {
        let count = Int(event.identifierCount)
        let first = Int(event.identifiers)
        let time = event.time
        var profile: UInt32 = 0
        var user: UInt32 = 0
        // Found by a quarantined value, the profile is joined with nothing (ID-11).
        var isBarred = false
        var namesPrevious = false
        for index in 0..<count where block[identifier: first + index].role == .previous {
            namesPrevious = true
        }
        for index in 0..<count {
            let identifier = block[identifier: first + index]
            let node = findOrMake(identifier.hash, kind: identifier.kind, at: time)
            if identifier.kind == .userID, user == 0 { user = node }
            if user != 0 { noteUser(user, node) }
            if nodes[node].isAmbiguous {
                resolveAmbiguous(node, &profile, at: time)
            } else if !isBarred {
                if profile == 0 { isBarred = nodes[node].isQuarantined }
                // Only what an alias names may join two user ids, not what else it carries; a
                // `merge` has no previous id, and names all that it carries.
                let joinsUsers =
                    event.flags.contains(.joinsUsers)
                    && (!namesPrevious || identifier.role == .previous)
                join(node, &profile, at: time, joinsUsers: joinsUsers)
            }
            if identifier.kind.isEndpoint, profile != 0 {
                hold(node, by: profile, at: time, index: UInt8(index))
            }
        }
        return profile
    }

    private mutating func resolveAmbiguous(
        _ node: UInt32,
        _ profile: inout UInt32,
        at time: EventTime
    ) {
        let own = live(nodes[node].profile)
        if profile == 0 {
            if own != 0 {
                profile = own
            } else {
                profile = make(at: node, isAmbiguous: true)
                nodes[node].profile = profile
            }
        } else if rules.sessionAttribution, own != 0, profiles[profile].hasUserID,
            !profiles[profile].isAmbiguous
        {
            // What the device collected since its last log-in goes to who logs in now; the next
            // anonymous event begins a new collection.
            absorb(own, into: profile)
            nodes[node].profile = 0
        }
    }

    private mutating func join(
        _ node: UInt32,
        _ profile: inout UInt32,
        at time: EventTime,
        joinsUsers: Bool
    ) {
        let other = live(nodes[node].profile)
        if profile == 0 {
            if other != 0 {
                profile = other
            } else {
                profile = make(at: node, isAmbiguous: false)
                nodes[node].profile = profile
                addLink(node, to: profile, at: time, isIdentifier: true)
            }
            return
        }
        if other == profile || profiles[profile].isAmbiguous || nodes[node].isQuarantined {
            return
        }
        if other == 0 {
            let kind = nodes[node].kind
            let isAnotherUser = kind == .userID && profiles[profile].hasUserID && !joinsUsers
            guard !isAnotherUser,
                Int(profiles[profile].linkCount) < rules.mappingsMax,
                kind == .userID && joinsUsers || fits(kind, 1, profile, 0, at: time)
            else {
                counters.limited += 1
                return
            }
            nodes[node].profile = profile
            addLink(node, to: profile, at: time, isIdentifier: true)
            if kind == .userID { profiles[profile].hasUserID = true }
            return
        }
        if profiles[other].isAmbiguous { return }
        if profiles[profile].hasUserID, profiles[other].hasUserID, !joinsUsers {
            counters.conflicts += 1
            let kind = nodes[node].kind
            if kind == .anonymousID || kind == .deviceID {
                moveLinkOut(of: node)
                nodes[node].isAmbiguous = true
                nodes[node].profile = 0
                counters.ambiguous += 1
            }
            if kind == .anonymousID || kind == .deviceID || !holds(profile, node) {
                changes.append(.conflict(profile: profile, holder: other, node: node))
            }
            return
        }
        guard unionFits(profile, other, at: time) else {
            counters.limited += 1
            return
        }
        if outranks(profile, other) {
            absorb(other, into: profile)
        } else {
            absorb(profile, into: other)
            profile = other
        }
    }

    /// ID-5: kind priority, then older first event, then smaller hash.
    private func outranks(_ left: UInt32, _ right: UInt32) -> Bool {
        let a = nodes[profiles[left].root]
        let b = nodes[profiles[right].root]
        if a.kind.rank != b.kind.rank { return a.kind.rank < b.kind.rank }
        if a.firstTime != b.firstTime { return a.firstTime < b.firstTime }
        return a.hash < b.hash
    }

    // MARK: Limits

    /// Whether `added` more identifiers of a kind fit, counting those of one or two profiles.
    private func fits(
        _ kind: IdentifierKind,
        _ added: Int,
        _ one: UInt32,
        _ two: UInt32,
        at time: EventTime
    ) -> Bool {
        let limit = rules[kind]
        let begin = time - limit.span
        var count = added
        for profile in [one, two] where profile != 0 {
            var link = profiles[profile].links
            while link != 0 {
                if isIdentifier(link), self.time(ofLink: link) > begin,
                    nodes[node(ofLink: link)].kind == kind
                {
                    count += 1
                }
                link = next(ofLink: link)
            }
        }
        return count <= limit.count
    }

    /// Whether the union of two profiles stays within the limits.
    ///
    /// User ids are not counted: that two of them meet by alias only is settled before, and an
    /// alias must not bar what comes after it.
    private func unionFits(_ one: UInt32, _ two: UInt32, at time: EventTime) -> Bool {
        let merges = Int(more(of: one).mergeCount) + Int(more(of: two).mergeCount) + 1
        let mappings = Int(profiles[one].linkCount) + Int(profiles[two].linkCount)
        guard merges <= rules.mergesMax, mappings <= rules.mappingsMax else { return false }
        // All kinds in one walk.
        var counts = InlineArray<16, Int32>(repeating: 0)
        count(identifiersOf: one, in: &counts, at: time)
        count(identifiersOf: two, in: &counts, at: time)
        for number in 2..<16 where counts[number] != 0 {
            guard let kind = IdentifierKind(rawValue: UInt8(number)) else { continue }
            if Int(counts[number]) > rules[kind].count { return false }
        }
        return true
    }

    private func count(
        identifiersOf profile: UInt32,
        in counts: inout InlineArray<16, Int32>,
        at time: EventTime
    ) {
        var link = profiles[profile].links
        while link != 0 {
            if isIdentifier(link) {
                let kind = nodes[node(ofLink: link)].kind
                if self.time(ofLink: link) > time - rules[kind].span {
                    counts[Int(kind.rawValue)] += 1
                }
            }
            link = next(ofLink: link)
        }
    }

    /// Remembers which user ids were seen with a value, and quarantines it past the limit (ID-11).
    private mutating func noteUser(_ user: UInt32, _ node: UInt32) {
        let kind = nodes[node].kind
        guard kind == .email || kind == .phone || kind == .deviceID, !nodes[node].isQuarantined
        else { return }
        var count = 1
        if !nodes[node].hasMore, nodes[node].more == 0 {
            nodes[node].more = user
        } else {
            if !nodes[node].hasMore, nodes[node].more == user { return }
            let more = makeMore(ofNode: node)
            var entry = nodesMore[more].users
            while entry != 0 {
                if handles[entry].handle == user { return }
                entry = handles[entry].next
            }
            nodesMore[more].users = handles.take(
                HandleRecord(handle: user, next: nodesMore[more].users)
            )
            nodesMore[more].userCount += 1
            count = Int(nodesMore[more].userCount)
        }
        if count > rules.userIDsPerValueMax {
            nodes[node].isQuarantined = true
            counters.quarantined += 1
        }
    }

    // MARK: Profiles

    private mutating func make(at root: UInt32, isAmbiguous: Bool) -> UInt32 {
        var record = GraphProfileRecord(
            root: root,
            slot: 0,
            shard: 0,
            hasUserID: nodes[root].kind == .userID,
            isAmbiguous: isAmbiguous
        )
        if isAmbiguous {
            let more = makeMore(ofNode: root)
            nodesMore[more].collections &+= 1
            var own = ProfileMore()
            own.collection = nodesMore[more].collections
            record.more = profilesMore.take(own)
        }
        let profile = profiles.take(record)
        precondition(profile != 0, "room for profiles")
        let shard = Int(id(of: profile).low % UInt64(shards))
        let slot: UInt32
        if let free = freeSlots[shard].popLast() {
            slot = free
        } else {
            highestSlot[shard] += 1
            slot = highestSlot[shard]
        }
        profiles[profile].place = slot
        profiles[profile].shardNumber = UInt8(shard)
        changes.append(.created(profile: profile, shard: UInt16(shard), slot: slot))
        return profile
    }

    private mutating func absorb(_ absorbed: UInt32, into survivor: UInt32) {
        let old = profiles[absorbed]
        let oldMore = more(of: absorbed)
        let oldID = id(of: absorbed)
        profiles[absorbed].forward = survivor
        profiles[absorbed].links = 0
        if old.more != 0 {
            profilesMore[old.more].absorbed = 0
            profilesMore[old.more].pending = 0
        }
        // Links: those of the absorbed behind those of the survivor, oldest first.
        if old.links != 0 { append(links: old.links, to: survivor) }
        profiles[survivor].linkCount += old.linkCount
        let more = makeMore(of: survivor)
        profilesMore[more].mergeCount += oldMore.mergeCount + 1
        profiles[survivor].hasUserID = profiles[survivor].hasUserID || old.hasUserID
        // Absorbed ids: the new one first, then what it had absorbed itself.
        var list = hashes.take(HashRecord(hash: oldID, next: oldMore.absorbed))
        let begin = list
        while hashes[list].next != 0 { list = hashes[list].next }
        hashes[list].next = profilesMore[more].absorbed
        profilesMore[more].absorbed = begin
        var waiting = oldMore.pending
        while waiting != 0 {
            let record = pending[waiting]
            pending.give(back: waiting)
            keepPending(record, for: survivor)
            waiting = record.next
        }
        counters.merges += 1
        changes.append(
            .merged(
                survivor: survivor,
                survivorShard: profiles[survivor].shard,
                survivorSlot: profiles[survivor].slot,
                absorbed: absorbed,
                absorbedShard: old.shard,
                absorbedSlot: old.slot,
                absorbedIDs: begin
            )
        )
        freeSlots[Int(old.shard)].append(old.slot)
        settlePending(of: survivor)
    }

    /// Calls the closure with the ids that one merge brought: that of the absorbed profile, then
    /// those it had absorbed before.
    ///
    /// `ids` is where its change says that they begin.
    package func eachAbsorbed(
        _ absorbed: UInt32,
        from ids: UInt32,
        _ body: (Hash128) -> Void
    ) {
        var entry = ids
        var left = Int(more(of: absorbed).mergeCount) + 1
        while entry != 0, left > 0 {
            body(hashes[entry].hash)
            entry = hashes[entry].next
            left -= 1
        }
    }

    // MARK: Endpoints and consent

    private mutating func holds(_ profile: UInt32, _ node: UInt32) -> Bool {
        if nodes[node].isHeldByOwn, live(nodes[node].profile) == profile { return true }
        var entry = more(ofNode: node).holders
        while entry != 0 {
            let record = handles[entry]
            let holder = live(record.handle)
            if holder != record.handle { handles[entry].handle = holder }
            if holder == profile { return true }
            entry = record.next
        }
        return false
    }

    private mutating func hold(
        _ node: UInt32,
        by profile: UInt32,
        at time: EventTime,
        index: UInt8
    ) {
        guard !profiles[profile].isAmbiguous, !holds(profile, node) else { return }
        let others = more(ofNode: node)
        let isHeldByOwn = nodes[node].isHeldByOwn
        guard Int(others.holderCount) + (isHeldByOwn ? 1 : 0) < rules.holdersMax else {
            counters.holdersRefused += 1
            return
        }
        let isOwn = live(nodes[node].profile) == profile
        if isOwn, !isHeldByOwn, others.holders == 0 {
            nodes[node].isHeldByOwn = true
        } else {
            let more = makeMore(ofNode: node)
            nodesMore[more].holders = handles.take(
                HandleRecord(handle: profile, next: nodesMore[more].holders)
            )
            nodesMore[more].holderCount += 1
        }
        if !isOwn { addLink(node, to: profile, at: time, isIdentifier: false) }
        changes.append(.linked(profile: profile, node: node, index: index))
        settlePending(of: profile)
    }

    /// Whether an endpoint of a kind serves a channel.
    package static func serves(_ kind: IdentifierKind, _ channel: Channel) -> Bool {
        switch (kind, channel) {
        case (.email, .email), (.phone, .sms), (.phone, .whatsApp), (.phone, .viber),
            (.whatsAppID, .whatsApp), (.telegramChatID, .telegram), (.webPushToken, .webPush),
            (.pushToken, .mobilePush):
            true
        default: false
        }
    }

    /// The likely kind of an endpoint of which only the channel is known.
    private static func kind(for channel: Channel) -> IdentifierKind {
        switch channel {
        case .email, .inApp, .appInbox: .email
        case .sms, .viber: .phone
        case .whatsApp: .whatsAppID
        case .telegram: .telegramChatID
        case .webPush: .webPushToken
        case .mobilePush: .pushToken
        }
    }

    /// The consent states of an endpoint.
    package func consentStates(of node: UInt32) -> InlineArray<9, ConsentState> {
        var states = InlineArray<9, ConsentState>(repeating: .none)
        var entry = more(ofNode: node).consent
        while entry != 0 {
            let record = consents[entry]
            states[Int(record.channel.rawValue)] = record.state
            entry = record.next
        }
        return states
    }

    /// What was said of an endpoint on a channel; made where nothing was said yet.
    private mutating func consentRecord(of node: UInt32, _ channel: Channel) -> UInt32 {
        let more = makeMore(ofNode: node)
        let first = nodesMore[more].consent
        var entry = first
        while entry != 0 {
            if consents[entry].channel == channel { return entry }
            entry = consents[entry].next
        }
        nodesMore[more].consent = consents.take(ConsentRecord(channel: channel, next: first))
        return nodesMore[more].consent
    }

    /// Changes what was said of an endpoint on a channel, and notes it if another state holds then.
    private mutating func changeConsent(
        of node: UInt32,
        _ channel: Channel,
        _ change: (inout ConsentRecord) -> Void
    ) {
        let record = consentRecord(of: node, channel)
        let old = consents[record].state
        change(&consents[record])
        if consents[record].state != old { changes.append(.consent(node: node)) }
    }

    /// Sets the consent of an endpoint: the latest event time wins, on a tie the more restrictive
    /// state (CO-2).
    private mutating func set(
        _ state: ConsentState,
        _ channel: Channel,
        of node: UInt32,
        at time: EventTime
    ) {
        changeConsent(of: node, channel) { $0.set(state, at: time) }
    }

    private mutating func stop(_ channel: Channel, of node: UInt32, at time: EventTime) {
        changeConsent(of: node, channel) { $0.stop = max($0.stop, time) }
    }

    private mutating func start(_ channel: Channel, of node: UInt32, at time: EventTime) {
        changeConsent(of: node, channel) { $0.start = max($0.start, time) }
    }

    /// `Consent Updated`: of the named endpoint, else of all the profile has on the channel, else
    /// of the first one it will have.
    package mutating func updateConsent(
        _ state: ConsentState,
        _ channel: Channel,
        of profile: UInt32,
        endpoint: Hash128,
        at time: EventTime
    ) {
        if endpoint.isSet {
            // Consent is the endpoint's (CO-1), also before anybody was seen with it.
            let kind = IdentityGraph.kind(for: channel)
            let node = findOrMake(endpoint, kind: kind, at: EventTime(milliseconds: .max))
            set(state, channel, of: node, at: time)
            return
        }
        guard profile != 0 else { return }
        var found = false
        var link = profiles[profile].links
        while link != 0 {
            let node = node(ofLink: link)
            if IdentityGraph.serves(nodes[node].kind, channel), holds(profile, node) {
                found = true
                set(state, channel, of: node, at: time)
            }
            link = next(ofLink: link)
        }
        if !found {
            keepPending(
                PendingConsentRecord(channel: channel, state: state, time: time),
                for: profile
            )
        }
    }

    /// Lets what was said of either of two endpoints that are one number hold for both.
    package mutating func shareConsent(_ channel: Channel, _ one: Hash128, _ other: Hash128) {
        let (left, right) = (find(one), find(other))
        guard left != 0, right != 0, left != right else { return }
        for (node, source) in [(right, left), (left, right)] {
            let other = consents[consentRecord(of: source, channel)]
            changeConsent(of: node, channel) {
                $0.set(other.latest, at: other.time)
                $0.stop = max($0.stop, other.stop)
                $0.start = max($0.start, other.start)
            }
        }
    }

    /// STOP, STOPALL or START from an endpoint (CO-3, CO-5).
    package mutating func applyKeyword(
        _ keyword: InboundKeyword,
        _ channel: Channel,
        from endpoint: Hash128,
        at time: EventTime
    ) {
        let node = find(endpoint)
        guard node != 0 else { return }
        switch keyword {
        case .other:
            return
        case .stop:
            stop(channel, of: node, at: time)
        case .stopAll:
            var entry = more(ofNode: node).holders
            while entry != 0 {
                stopAll(live(handles[entry].handle), at: time)
                entry = handles[entry].next
            }
            if nodes[node].isHeldByOwn { stopAll(live(nodes[node].profile), at: time) }
        case .start:
            start(channel, of: node, at: time)
        }
    }

    private mutating func stopAll(_ profile: UInt32, at time: EventTime) {
        var link = profiles[profile].links
        while link != 0 {
            let node = node(ofLink: link)
            for channel in Channel.allCases
            where IdentityGraph.serves(nodes[node].kind, channel) {
                stop(channel, of: node, at: time)
            }
            link = next(ofLink: link)
        }
    }

    /// Calls the closure with every living holder of an endpoint.
    package mutating func eachHolder(of node: UInt32, _ body: (GraphProfileRecord) -> Void) {
        var entry = more(ofNode: node).holders
        while entry != 0 {
            body(profiles[live(handles[entry].handle)])
            entry = handles[entry].next
        }
        if nodes[node].isHeldByOwn { body(profiles[live(nodes[node].profile)]) }
    }

    private mutating func keepPending(_ record: PendingConsentRecord, for profile: UInt32) {
        let more = makeMore(of: profile)
        var entry = profilesMore[more].pending
        while entry != 0 {
            let old = pending[entry]
            if old.channel == record.channel {
                if record.time > old.time || record.time == old.time && record.state > old.state {
                    pending[entry].state = record.state
                    pending[entry].time = record.time
                }
                return
            }
            entry = old.next
        }
        var added = record
        added.next = profilesMore[more].pending
        profilesMore[more].pending = pending.take(added)
    }

    /// Gives waiting consents to endpoints that have come since.
    private mutating func settlePending(of profile: UInt32) {
        let more = profiles[profile].more
        guard more != 0 else { return }
        var entry = profilesMore[more].pending
        var previous: UInt32 = 0
        while entry != 0 {
            let record = pending[entry]
            var found = false
            var link = profiles[profile].links
            while link != 0 {
                let node = node(ofLink: link)
                if IdentityGraph.serves(nodes[node].kind, record.channel), holds(profile, node) {
                    found = true
                    set(record.state, record.channel, of: node, at: record.time)
                }
                link = next(ofLink: link)
            }
            if found {
                if previous == 0 {
                    profilesMore[more].pending = record.next
                } else {
                    pending[previous].next = record.next
                }
                pending.give(back: entry)
            } else {
                previous = entry
            }
            entry = record.next
        }
    }
}
