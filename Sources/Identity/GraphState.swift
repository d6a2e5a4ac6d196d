import Events
package import Memory

/// The parts of a saved identity graph.
package enum GraphSection: UInt8, CaseIterable, Sendable {
    case nodes = 16
    case profiles
    case links
    case handles
    case hashes
    case consents
    case pending
    case nodesMore
    case profilesMore
    case chain
}

/// How the graph's records lie in memory; made once, before anything is saved.
package struct GraphLayouts: Sendable {
    let nodes = FlatLayout(NodeRecord(hash: .none, kind: .email, firstTime: .none))
    // Where a profile's state lives depends on the number of shards, so it is not saved.
    let profiles = FlatLayout(
        GraphProfileRecord(root: 0, slot: 0, shard: 0, hasUserID: false, isAmbiguous: false)
    ).without(\.place).without(\.shardNumber)
    let nodesMore = FlatLayout(NodeMore())
    let profilesMore = FlatLayout(ProfileMore())
    let links = FlatLayout(LinkRecord(node: 0, time: .none, isIdentifier: false))
    let chain = FlatLayout(UInt32(0))
    let handles = FlatLayout(HandleRecord(handle: 0, next: 0))
    let hashes = FlatLayout(HashRecord(hash: .none, next: 0))
    let consents = FlatLayout(ConsentRecord(channel: .email, next: 0))
    let pending = FlatLayout(
        PendingConsentRecord(channel: .email, state: .none, time: .none)
    )

    /// Finds all layouts.
    package init() {}

    /// A number that differs where the layouts of two builds differ.
    package func number(after seed: UInt64) -> UInt64 {
        var number = nodes.number(after: seed)
        number = profiles.number(after: number)
        number = links.number(after: number)
        number = handles.number(after: number)
        number = hashes.number(after: number)
        number = consents.number(after: number)
        number = pending.number(after: number)
        number = nodesMore.number(after: number)
        number = profilesMore.number(after: number)
        return chain.number(after: number)
    }
}

extension IdentityGraph {
    /// Hands the whole graph to a sink, every record under the handle it has; false when the sink
    /// can take no more.
    package func save<Sink: StateSink & ~Copyable>(
        _ layouts: GraphLayouts,
        with buffer: inout StateBuffer,
        to sink: inout Sink
    ) -> Bool {
        let forward = MemoryLayout<GraphProfileRecord>.offset(of: \.place) ?? 0
        // What profiles' ids are made of stands before them.
        let few = GraphSection.profilesMore.rawValue
        guard nodes.save(GraphSection.nodes.rawValue, layouts.nodes, with: &buffer, to: &sink),
            profilesMore.save(few, layouts.profilesMore, with: &buffer, to: &sink),
            profiles.save(
                GraphSection.profiles.rawValue,
                layouts.profiles,
                with: &buffer,
                to: &sink,
                change: { profile, place, buffer in
                    // Of an absorbed one the survivor stands in the place of its slot. Whether the
                    // way to it was shortened says only that somebody asked.
                    let end = end(of: profile)
                    if end != profile { buffer.patch(end, at: place + forward) }
                }
            ),
            links.save(GraphSection.links.rawValue, layouts.links, with: &buffer, to: &sink),
            handles.save(GraphSection.handles.rawValue, layouts.handles, with: &buffer, to: &sink),
            hashes.save(GraphSection.hashes.rawValue, layouts.hashes, with: &buffer, to: &sink)
        else { return false }
        let consent = GraphSection.consents.rawValue
        guard consents.save(consent, layouts.consents, with: &buffer, to: &sink) else {
            return false
        }
        let waiting = GraphSection.pending.rawValue
        guard pending.save(waiting, layouts.pending, with: &buffer, to: &sink) else { return false }
        let behind = GraphSection.chain.rawValue
        guard chain.save(behind, layouts.chain, with: &buffer, to: &sink) else { return false }
        let others = GraphSection.nodesMore.rawValue
        return nodesMore.save(others, layouts.nodesMore, with: &buffer, to: &sink)
    }

    /// Bytes in use, by part.
    package var byteCounts: [(part: String, bytes: Int)] {
        [
            ("identifiers", nodes.byteCount),
            ("where each identifier is", table.byteCount),
            (
                "profiles and their links",
                profiles.byteCount + links.byteCount + chain.byteCount
            ),
            (
                "endpoints and consents",
                handles.byteCount + hashes.byteCount + consents.byteCount + pending.byteCount
                    + nodesMore.byteCount + profilesMore.byteCount
            ),
        ]
    }

    /// The living profile that a handle leads to.
    private func end(of profile: UInt32) -> UInt32 {
        var end = profile
        while profiles[end].forward != 0 { end = profiles[end].forward }
        return end
    }

    /// Takes back a piece of a saved graph; the graph was made empty.
    package mutating func load(
        _ section: GraphSection,
        _ reader: inout StateReader,
        _ numbering: inout SlotNumbering
    ) throws(StateError) {
        switch section {
        case .nodes: try loadNodes(&reader)
        case .profiles: try loadProfiles(&reader, &numbering)
        case .links: _ = try links.load(&reader)
        case .handles: _ = try handles.load(&reader)
        case .hashes: _ = try hashes.load(&reader)
        case .consents: _ = try consents.load(&reader)
        case .pending: _ = try pending.load(&reader)
        case .nodesMore: _ = try nodesMore.load(&reader)
        case .profilesMore: _ = try profilesMore.load(&reader)
        case .chain: _ = try chain.load(&reader)
        }
    }

    private mutating func loadNodes(_ reader: inout StateReader) throws(StateError) {
        if nodes.handleMax == 0 {
            // The second number of a slab's piece is how many records it has in all.
            var ahead = reader
            try ahead.skip(4)
            table = NumberTable(room: Int(try ahead.get(UInt32.self)) + 1_024)
        }
        let loaded = try nodes.load(&reader)
        // Their places in the table are far from each other: fetched some steps ahead.
        for node in loaded {
            if node & 15 == loaded.lowerBound & 15 {
                for next in node...min(loaded.upperBound, node + 15) {
                    table.prefetch(nodes[next].hash.low)
                }
            }
            IdentityGraph.enter(node, of: nodes, into: &table)
        }
    }

    private mutating func loadProfiles(
        _ reader: inout StateReader,
        _ numbering: inout SlotNumbering
    ) throws(StateError) {
        for profile in try profiles.load(&reader) where profiles[profile].forward == 0 {
            let (shard, slot) = numbering.next(id(of: profile).low)
            profiles[profile].shardNumber = UInt8(shard)
            profiles[profile].place = slot
        }
    }

    /// Ends loading: slots go on where the restored profiles' slots end.
    package mutating func finishLoading(_ numbering: SlotNumbering) {
        for shard in 0..<shards {
            highestSlot[shard] = numbering.highest(of: shard)
            freeSlots[shard] = numbering.free(of: shard)
        }
    }
}
