package import Encoding
package import Events
package import Identity
package import Memory

/// What the resolver counts.
package struct ResolverCounters: Sendable, Equatable {
    /// Records seen.
    package var records = 0
    /// Events applied.
    package var events = 0
    /// Repeats of a messageId.
    package var duplicates = 0
    /// Records that were no events.
    package var deadLetters = 0
    /// Events all of whose identifiers are blocked.
    package var nobody = 0

    package init() {}
}

/// The ordered place: gives every event its moment, its person and its shard.
///
/// Think of the desk at which letters are opened one by one before they are carried to the
/// offices: here a letter gets its time of arrival, repeats are thrown away, and it is settled who
/// wrote it. Since this happens in log order on one thread, "who was it, and what time was it" has
/// one answer for any number of shards, also within one second, and shards need no rounds of
/// questions among each other. Everything costly (flows, caps, encoding) happens behind it.
/// Owned by the resolver's thread; pure.
package struct Resolver: ~Copyable {
    /// How far event time has come.
    package struct PartitionState: BitwiseCopyable {
        /// The newest event time that may move the watermark.
        var newest = EventTime.none
        /// Where the wall clock has moved the watermark, for a partition that is caught up.
        var idle: Int64 = .min
    }

    /// What a partition is called outside, where the numbering over all topics means nothing.
    package struct Place {
        /// The topic's name.
        let topic: String
        /// The number within the topic.
        let partition: Int32

        /// Names a partition.
        package init(topic: String, partition: Int32) {
            self.topic = topic
            self.partition = partition
        }
    }

    /// The rules.
    package let compiled: CompiledRules
    private let shardCount: Int
    /// Who is who.
    package var graph: IdentityGraph
    var seen: FingerprintWindow
    var partitions = GrowingBuffer<PartitionState>(room: 16)
    /// The partitions' names, by number; a file has none.
    package var places: [Place] = []
    /// What was counted.
    package var counters = ResolverCounters()
    /// What each shard is to do, in order; the engine carries it over.
    package var outboxes: [Outbox]
    /// Dead letters and identity records.
    package var output = OutputBuffer()
    /// The watermark: event time believed complete, in whole seconds.
    package private(set) var watermark: Int64 = .min
    /// Every timer due in this second or earlier has been told to fire.
    package private(set) var fired: Int64 = .min
    /// Place in the log of the last record.
    package private(set) var sequence: UInt64 = 0
    /// How many steps the event in hand has taken on shards.
    private var step: UInt16 = 0
    /// The present: live the epoch's wall clock; `.none` in a replay, where event time is the
    /// present.
    package var wallClock: EventTime = .none

    /// Messages to one shard.
    package final class Outbox {
        private var messages = GrowingBuffer<ShardMessage>(room: 1_024)
        /// The last second this shard was told of.
        fileprivate var told: Int64 = .min

        /// How many there are.
        package var count: Int { messages.count }

        /// One of them.
        package subscript(index: Int) -> ShardMessage { messages[index] }

        /// Lends them all.
        package func lend<Result>(
            _ body: (borrowing GrowingBuffer<ShardMessage>) -> Result
        ) -> Result {
            body(messages)
        }

        /// Forgets them, and keeps the memory.
        package func removeAll() { messages.removeAll() }

        fileprivate func append(_ message: ShardMessage) { messages.append(message) }
    }

    /// Makes a resolver for so many shards and partitions.
    package init(rules: CompiledRules, shards: Int, partitions count: Int = 1) {
        compiled = rules
        shardCount = shards
        graph = IdentityGraph(
            rules: rules.rules.identity,
            hashKey: rules.rules.hashKey,
            shards: shards
        )
        seen = FingerprintWindow(rules: rules.rules)
        outboxes = (0..<shards).map { _ in Outbox() }
        addPartitions(upTo: count)
    }

    /// Takes the messageIds that came before in the place of those it has.
    package mutating func remember(_ window: consuming FingerprintWindow) { seen = window }

    /// Makes room for partitions that were added.
    package mutating func addPartitions(upTo count: Int) {
        while partitions.count < count { partitions.append(PartitionState()) }
    }

    /// How many profiles there are, those that were absorbed among them.
    package var profileCount: Int { graph.profiles.count }

    /// How many messageIds are remembered.
    package var fingerprints: Int { seen.count }

    // MARK: Time

    /// The second after which an event's partition believes its past complete.
    package func tick(of event: CustomerEvent, partition: Int) -> Int64 {
        var newest = partitions[partition].newest
        if event.time.isSet {
            let bounded = event.received.isSet ? min(event.time, event.received) : event.time
            if bounded > newest { newest = bounded }
        }
        return newest.isSet ? (newest - compiled.rules.disorder).second : .min
    }

    /// The present that an event or a decision sees.
    ///
    /// In a replay of several partitions the newest event stands in for it, as long as one that has
    /// said nothing holds the watermark back.
    package var now: EventTime {
        if wallClock.isSet { return wallClock }
        if watermark != .min { return EventTime(second: watermark) + compiled.rules.disorder }
        var newest = EventTime.none
        for index in 0..<partitions.count { newest = max(newest, partitions[index].newest) }
        return newest
    }

    private mutating func moveWatermark() {
        var least = Int64.max
        for index in 0..<partitions.count {
            let state = partitions[index]
            var tick = state.idle
            if state.newest.isSet {
                tick = max(tick, (state.newest - compiled.rules.disorder).second)
            }
            least = min(least, tick)
        }
        if least > watermark, least != .max { watermark = least }
        // Before the first event that moves the watermark past a second, all timers due in it or
        // earlier fire; live not while the engine is catching up.
        guard watermark != .min else { return }
        if wallClock.isSet {
            let lag = wallClock - EventTime(second: watermark)
            if lag > compiled.rules.disorder + .seconds(30) { return }
        }
        if watermark - 1 > fired { fired = watermark - 1 }
    }

    /// Lets the wall clock move the watermark of a partition that is caught up.
    package mutating func idle(partition: Int, at clock: EventTime) {
        let second = (clock - compiled.rules.disorder).second
        if second > partitions[partition].idle { partitions[partition].idle = second }
    }

    /// Lets the wall clock move the watermark of all partitions.
    package mutating func idleAll(at clock: EventTime) {
        for partition in 0..<partitions.count { idle(partition: partition, at: clock) }
    }

    /// Applies what `idle` moved.
    package mutating func settleIdle() { moveWatermark() }

    /// Goes on where saved state left off: the shards know how far time had come.
    mutating func setTime(_ saved: SavedClock) {
        watermark = saved.watermark
        fired = saved.fired
        sequence = saved.sequence
        wallClock = saved.wallClock
        partitions.removeAll()
        for state in saved.partitions { partitions.append(state) }
        for outbox in outboxes { outbox.told = saved.fired }
    }

    /// Lets event time pass up to a second, for the end of a file (`--until-idle`).
    package mutating func pass(through second: Int64) {
        if second > fired { fired = second }
        if second + 1 > watermark { watermark = second + 1 }
        tellAll()
    }

    // MARK: Records

    /// How many records before its turn a record takes the three steps of `prefetch`.
    package static var distances: InlineArray<3, Int> { [12, 8, 4] }

    /// Tells the processor what a record that comes soon will look at.
    ///
    /// Who is who is written all over a memory that is far away, and each place names the next: a
    /// record takes three steps, 0 to 2, each at its distance.
    package func prefetch(_ index: Int, of block: EventBlock, step: Int) {
        let first = Int(block[event: index].identifiers)
        let end = first + Int(block[event: index].identifierCount)
        switch step {
        case 0:
            seen.prefetch(block[event: index].fingerprint)
            for position in first..<end { graph.prefetch(block[identifier: position].hash) }
        case 1:
            for position in first..<end { graph.prefetchNode(block[identifier: position].hash) }
        default:
            for position in first..<end { graph.prefetchProfile(block[identifier: position].hash) }
        }
    }

    /// Resolves record `index` of a block.
    package mutating func apply(_ index: Int, of block: EventBlock, number: UInt32) {
        sequence += 1
        counters.records += 1
        let entry = block[record: index]
        let partition = Int(entry.partition)
        if block[event: index].flags.contains(.timeMissing) {
            block[event: index].time = partitions[partition].newest
            if !block[event: index].time.isSet { reject(index, of: block, .badTimestamp) }
        }
        if block[event: index].flags.contains(.timeUnbounded),
            partitions[partition].newest.isSet,
            block[event: index].time > partitions[partition].newest + .days(4_000)
        {
            reject(index, of: block, .badTimestamp)
        }
        let event = block[event: index]
        if event.flags.contains(.deadLetter) {
            counters.deadLetters += 1
            writeDeadLetter(event, entry, block)
            return
        }
        let bounded = event.received.isSet ? min(event.time, event.received) : event.time
        if bounded > partitions[partition].newest {
            partitions[partition].newest = bounded
            moveWatermark()
        }
        if event.fingerprint != 0, !seen.insert(event.fingerprint, at: now) {
            counters.duplicates += 1
            return
        }
        counters.events += 1
        if event.flags.contains(.inert) { return }
        if event.flags.contains(.everybody) {
            var message = ShardMessage(.everybody)
            message.block = number
            message.index = UInt32(index)
            message.sequence = sequence
            message.now = now
            for shard in 0..<shardCount { send(message, to: shard) }
            return
        }
        if event.flags.contains(.nobody) {
            counters.nobody += 1
            return
        }
        resolve(event, index, block, number)
    }

    private func reject(_ index: Int, of block: EventBlock, _ reason: DeadLetterReason) {
        block[event: index].flags.insert(.deadLetter)
        block[event: index].reason = reason
    }

    private mutating func resolve(
        _ event: CustomerEvent,
        _ index: Int,
        _ block: EventBlock,
        _ number: UInt32
    ) {
        step = 0
        let profile = graph.resolve(event, in: block)
        guard profile != 0 else { return }
        carryOver(event, index, block, number)
        applyConsent(event, profile, block)
        carryOver(event, index, block, number)
        let record = graph.profiles[profile]
        var message = ShardMessage(.event)
        message.slot = record.slot
        message.block = number
        message.index = UInt32(index)
        message.sequence = sequence
        message.now = now
        message.step = step
        send(message, to: Int(record.shard))
    }

    private mutating func applyConsent(
        _ event: CustomerEvent,
        _ profile: UInt32,
        _ block: EventBlock
    ) {
        switch event.meaning {
        case .consentUpdated:
            guard event.hasChannel else { return }
            graph.updateConsent(
                event.consent,
                event.channel,
                of: profile,
                endpoint: event.endpoint,
                at: event.time
            )
        case .unsubscribed, .markedAsSpam:
            graph.updateConsent(
                event.meaning == .unsubscribed ? .unsubscribed : .suppressed,
                event.hasChannel ? event.channel : .email,
                of: profile,
                endpoint: event.endpoint,
                at: event.time
            )
        case .messageReceived:
            guard event.hasChannel else { return }
            let phone = phone(ofSender: event, in: block)
            if phone.isSet {
                graph.shareConsent(event.channel, event.endpoint, phone)
                graph.applyKeyword(event.keyword, event.channel, from: phone, at: event.time)
            }
            graph.applyKeyword(event.keyword, event.channel, from: event.endpoint, at: event.time)
        default:
            return
        }
    }

    /// The phone whose digits are the WhatsApp id that a message came from, if the event names it:
    /// both are one number, so its holders are all who hold either.
    private func phone(ofSender event: CustomerEvent, in block: EventBlock) -> Hash128 {
        var digits = Text.none
        for index in 0..<Int(event.identifierCount) {
            let identifier = block[identifier: Int(event.identifiers) + index]
            if identifier.kind == .whatsAppID, identifier.hash == event.endpoint {
                digits = identifier.text
            }
        }
        guard !digits.isEmpty else { return .none }
        for index in 0..<Int(event.identifierCount) {
            let identifier = block[identifier: Int(event.identifiers) + index]
            guard identifier.kind == .phone, identifier.text.length == digits.length + 1 else {
                continue
            }
            // A phone is written as a plus sign and its digits.
            let number = Text(offset: identifier.text.offset + 1, length: digits.length)
            if block.holdsSameBytes(number, digits) { return identifier.hash }
        }
        return .none
    }

    /// Carries what identity resolution changed to the shards.
    private mutating func carryOver(
        _ event: CustomerEvent,
        _ index: Int,
        _ block: EventBlock,
        _ number: UInt32
    ) {
        var position = 0
        while position < graph.changes.count {
            let change = graph.changes[position]
            position += 1
            switch change {
            case .created(let profile, let shard, let slot):
                let record = graph.profiles[profile]
                var message = ShardMessage(.create)
                message.slot = slot
                message.hash = graph.id(of: profile)
                message.value =
                    (record.isAmbiguous ? 1 : 0) | (record.hasUserID ? 2 : 0)
                send(message, to: Int(shard))
            case .merged(
                let survivor,
                let intoShard,
                let intoSlot,
                let absorbed,
                let shard,
                let slot,
                let ids
            ):
                merge(intoShard, intoSlot, shard, slot, event)
                writeMerge(survivor, absorbed, ids, event, block)
            case .linked(let profile, let node, let identifier):
                // The profile may have been absorbed later in the same event.
                let record = graph.profiles[graph.live(profile)]
                var message = ShardMessage(.link)
                message.slot = record.slot
                message.block = number
                message.index = event.identifiers + UInt32(identifier)
                message.sequence = UInt64(bitPattern: event.time.milliseconds)
                message.value = ShardMessage.pack(graph.consentStates(of: node))
                send(message, to: Int(record.shard))
            case .conflict(let profile, let holder, let node):
                writeConflict(profile, holder, node, event, block)
            case .consent(let node):
                tellHolders(of: node)
            }
        }
        graph.changes.removeAll()
    }

    private mutating func tellHolders(of node: UInt32) {
        var message = ShardMessage(.consent)
        message.hash = graph.nodes[node].hash
        message.value = ShardMessage.pack(graph.consentStates(of: node))
        var holders = InlineArray<128, UInt64>(repeating: 0)
        var count = 0
        graph.eachHolder(of: node) { profile in
            if count < 128 {
                holders[count] = UInt64(profile.shard) << 32 | UInt64(profile.slot)
                count += 1
            }
        }
        for index in 0..<count {
            message.slot = UInt32(truncatingIfNeeded: holders[index])
            send(message, to: Int(holders[index] >> 32))
        }
    }

    private mutating func merge(
        _ shard: UInt16,
        _ slot: UInt32,
        _ absorbedShard: UInt16,
        _ absorbedSlot: UInt32,
        _ event: CustomerEvent
    ) {
        var over = ShardMessage(.handOver)
        over.slot = absorbedSlot
        over.peer = shard
        over.sequence = sequence
        send(over, to: Int(absorbedShard))
        var take = ShardMessage(.takeOver)
        take.slot = slot
        take.peer = absorbedShard
        take.sequence = sequence
        take.value = event.time.milliseconds
        take.now = now
        take.step = step
        step += 1
        send(take, to: Int(shard))
    }

    // MARK: Sending

    private func send(_ message: ShardMessage, to shard: Int) {
        tell(shard)
        outboxes[shard].append(message)
    }

    /// Tells a shard how far event time has come, if it does not know.
    private func tell(_ shard: Int) {
        guard fired > outboxes[shard].told else { return }
        outboxes[shard].told = fired
        var message = ShardMessage(.advance)
        message.value = fired
        message.now = wallClock
        outboxes[shard].append(message)
    }

    private func tellAll() {
        for shard in 0..<shardCount { tell(shard) }
    }

    /// Says that a block is not needed any more.
    package func release(block number: UInt32) {
        var message = ShardMessage(.release)
        message.block = number
        for shard in 0..<shardCount { outboxes[shard].append(message) }
    }

    /// Ends an epoch: every shard learns how far time has come and hands in its outputs.
    package func endEpoch(_ epoch: UInt64) {
        tellAll()
        var message = ShardMessage(.epochEnd)
        message.value = Int64(epoch)
        for shard in 0..<shardCount { outboxes[shard].append(message) }
    }

    // MARK: Records written here

    private var order: OutputOrder {
        OutputOrder(
            second: fired,
            sequence: sequence,
            profile: .none,
            ordinal: UInt32(truncatingIfNeeded: output.records.count)
        )
    }

    private func writeDeadLetter(
        _ event: CustomerEvent,
        _ entry: RecordEntry,
        _ block: EventBlock
    ) {
        output.begin(.deadLetters, order: order)
        if entry.hasKey { output.put(block.bytes(of: entry.key)) } else { output.withoutKey() }
        output.endKey()
        output.put(block.bytes(of: entry.headers))
        header("collie_reason") { $0.put(text: event.reason.name) }
        if !event.body.isEmpty { header("collie_field") { $0.put(block.bytes(of: event.body)) } }
        writePlace(Int(entry.partition))
        header("collie_offset") { $0.put(number: entry.offset) }
        output.endHeaders()
        if entry.hasValue {
            output.put(block.bytes(of: entry.value))
        } else {
            output.withoutValue()
        }
        output.end()
    }

    private func writePlace(_ number: Int) {
        guard number < places.count else {
            return header("collie_partition") { $0.put(number: Int64(number)) }
        }
        header("collie_topic") { $0.put(text: places[number].topic) }
        header("collie_partition") { $0.put(number: Int64(places[number].partition)) }
    }

    private func header(_ name: StaticString, _ body: (OutputBuffer) -> Void) {
        let begin = output.beginHeader(name)
        body(output)
        output.endHeader(begin)
    }

    private func beginIdentity(_ type: StaticString, _ profile: Hash128, _ time: EventTime) {
        output.begin(.identity, order: order)
        output.put(profile)
        output.endKey()
        header("ce_specversion") { $0.put("1.0") }
        header("ce_type") { $0.put(type) }
        header("ce_source") { $0.put(text: compiled.rules.source) }
        header("ce_time") { $0.put(time) }
        header("ce_subject") { $0.put(profile) }
        header("content-type") { $0.put("application/json") }
        output.endHeaders()
    }

    /// One record for the absorbed profile, and one for each that it had absorbed before.
    private mutating func writeMerge(
        _ survivor: UInt32,
        _ absorbed: UInt32,
        _ ids: UInt32,
        _ event: CustomerEvent,
        _ block: EventBlock
    ) {
        let into = graph.id(of: survivor)
        let output = output
        let compiled = compiled
        let (second, sequence) = (fired, sequence)
        graph.eachAbsorbed(absorbed, from: ids) { id in
            output.begin(
                .identity,
                order: OutputOrder(
                    second: second,
                    sequence: sequence,
                    profile: .none,
                    ordinal: UInt32(truncatingIfNeeded: output.records.count)
                )
            )
            output.put(into)
            output.endKey()
            func header(_ name: StaticString, _ body: (OutputBuffer) -> Void) {
                let begin = output.beginHeader(name)
                body(output)
                output.endHeader(begin)
            }
            header("ce_specversion") { $0.put("1.0") }
            header("ce_type") { $0.put("identity.merged.v1") }
            header("ce_source") { $0.put(text: compiled.rules.source) }
            header("ce_time") { $0.put(event.time) }
            header("ce_subject") { $0.put(into) }
            header("content-type") { $0.put("application/json") }
            output.endHeaders()
            output.put(#"{"survivor":""#)
            output.put(into)
            output.put(#"","absorbed":""#)
            output.put(id)
            output.put(#"","at":""#)
            output.put(event.time)
            output.put(#"","cause":"#)
            output.putJSON(block.bytes(of: event.messageID))
            output.put("}")
            output.end()
        }
    }

    private mutating func writeConflict(
        _ profile: UInt32,
        _ holder: UInt32,
        _ node: UInt32,
        _ event: CustomerEvent,
        _ block: EventBlock
    ) {
        let one = graph.id(of: graph.live(profile))
        let other = graph.id(of: graph.live(holder))
        beginIdentity("identity.conflict.v1", one, event.time)
        output.put(#"{"profile":""#)
        output.put(one)
        output.put(#"","holder":""#)
        output.put(other)
        output.put(#"","kind":""#)
        output.put(text: graph.nodes[node].kind.name)
        output.put(#"","at":""#)
        output.put(event.time)
        output.put(#"","cause":"#)
        output.putJSON(block.bytes(of: event.messageID))
        output.put("}")
        output.end()
    }
}
