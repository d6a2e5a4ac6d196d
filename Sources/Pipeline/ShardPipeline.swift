import Abandonment
package import Encoding
package import Events
import Flows
import FrequencyCapping
import Memory
package import Profiles
import Windows

/// What a shard counts.
package struct ShardCounters: Sendable, Equatable {
    /// Events applied.
    package var events = 0
    /// Commands decided.
    package var commands = 0
    /// Decisions, by `Outcome.rawValue`.
    package var decisions: InlineArray<32, Int> = .init(repeating: 0)
    /// Timers that fired.
    package var timers = 0
    /// Profiles taken over.
    package var merges = 0

    package init() {}

    package static func == (left: ShardCounters, right: ShardCounters) -> Bool {
        for index in 0..<32 where left.decisions[index] != right.decisions[index] { return false }
        return left.events == right.events && left.commands == right.commands
            && left.timers == right.timers && left.merges == right.merges
    }
}

/// What an enrollment's key is made of, and the key.
private struct KeyedEnrollment: BitwiseCopyable {
    // No enrollment is of this flow and time.
    var flow: UInt64 = 0
    var entity: UInt64 = 0
    var firstTime = EventTime.none
    var firstIdentifier = Hash128.none
    var key = Hash128.none
}

/// One shard's whole decision: events in, commands and decisions out, as a pure state machine.
///
/// Two verbs: an event is applied, time passes. What a profile holds is told by the events applied
/// to it and by nothing else, so it does not matter which shard holds it. Owned by the shard's
/// thread. Bounded by `ProfileLimits`; allocates only while it warms up.
package struct ShardPipeline: ~Copyable {
    /// The rules.
    package let compiled: CompiledRules
    /// The profiles.
    package var store: ProfileStore
    /// The outputs of the epoch; the engine takes them and puts an empty one.
    package var output = OutputBuffer()
    /// What was counted.
    package var counters = ShardCounters()

    let texts: OutputTexts
    var wheel: TimerWheel
    var packer: ProfilePacker
    var fold = CartFold()
    var catalog = Catalog()
    var readings = GrowingBuffer<RuleReading>(room: 16)
    var ladder = GrowingBuffer<UInt32>(room: 32)
    // The enrollment whose key was asked for last.
    private var keyed = KeyedEnrollment()
    // Before every second, and so far from the ends of its type that sums do not overflow.
    private static let timeBegin = Int64.min / 4
    /// The present, as the resolver told it last.
    var now = EventTime.none
    /// Where the next output stands.
    var order = OutputOrder(second: .min, sequence: 0, profile: .none, ordinal: 0)

    /// Makes an empty shard.
    package init(rules: CompiledRules, limits: ProfileLimits = ProfileLimits()) {
        compiled = rules
        texts = OutputTexts(rules.rules)
        store = ProfileStore(limits: limits)
        packer = ProfilePacker(hashKey: rules.rules.hashKey)
        wheel = TimerWheel(limit: limits.profilesMax, passed: ShardPipeline.timeBegin)
    }

    /// Begins behind a second that had passed when the state was saved; no timer is armed yet.
    mutating func setTime(passed second: Int64) {
        wheel = TimerWheel(
            limit: store.limits.profilesMax,
            passed: max(second, ShardPipeline.timeBegin)
        )
    }

    /// Makes room for so many profiles.
    mutating func reserve(_ profiles: Int) {
        store.profiles.reserve(profiles)
        wheel.reserve(profiles, timers: 0)
    }

    /// Timers armed.
    package var timerCount: Int { wheel.count }

    /// The earliest second at which a timer may be due.
    package var earliestTimer: Int64? { wheel.earliest() }

    /// How many messages before their turn heads, lists and texts are to be fetched.
    package static var distances: (heads: Int, lists: Int, records: Int) { (18, 12, 6) }

    // A person's records and an event's texts lie all over a memory that is far away, and each
    // names the next.

    /// Tells the processor where a message begins that comes in a while.
    package func prefetchHeads(_ message: ShardMessage, in block: EventBlock) {
        store.profiles.prefetch(message.slot)
        wheel.prefetch(message.slot)
        if message.verb == .event { Memory.prefetch(block.memory(ofEvent: Int(message.index))) }
    }

    /// Tells the processor where the row of a message's profile lies, and what its event names.
    package func prefetchLists(_ message: ShardMessage, in block: EventBlock) {
        prefetchRow(of: message.slot)
        if message.verb == .event { prefetchLists(ofEvent: Int(message.index), block) }
    }

    /// Tells the processor what comes next on the lists of a message, which are near by now.
    package func prefetchRecords(_ message: ShardMessage) {
        prefetchLists(of: message.slot)
    }

    // Where the profile is is near by now.
    private func prefetchRow(of slot: UInt32) {
        guard slot != 0 else { return }
        store.profiles.prefetchRow(slot)
        wheel.prefetchNode(slot)
    }

    // What hangs on an open profile, whose row is near by now.
    private func prefetchLists(of slot: UInt32) {
        if store.profiles.isOpen(slot) { store.prefetchLists(of: slot) }
    }

    private func prefetchLists(ofEvent event: Int, _ block: EventBlock) {
        if block[event: event].productCount > 0 {
            Memory.prefetch(block.memory(ofProduct: Int(block[event: event].products)))
        }
        if block[event: event].identifierCount > 0 {
            Memory.prefetch(block.memory(ofIdentifier: Int(block[event: event].identifiers)))
        }
        let messageID = block[event: event].messageID
        if !messageID.isEmpty { Memory.prefetch(block.bytes(of: messageID)) }
    }

    /// Takes one message of the resolver.
    ///
    /// Hand-overs are the engine's: it carries the parcel.
    package mutating func apply(_ message: ShardMessage, block: EventBlock?) {
        if let block { apply(message, in: block) } else { apply(message) }
    }

    /// Takes one message of the resolver that may speak of an event.
    package mutating func apply(_ message: ShardMessage, in block: EventBlock) {
        switch message.verb {
        case .event:
            now = message.now
            begin(message)
            store.open(message.slot, with: &packer)
            apply(block[event: Int(message.index)], in: block, to: message.slot)
            counters.events += 1
        case .everybody:
            catalog.apply(block[event: Int(message.index)], in: block)
        case .link:
            store.open(message.slot, with: &packer)
            link(message, in: block)
        default:
            apply(message)
        }
    }

    // Takes one that speaks of no event.
    private mutating func apply(_ message: ShardMessage) {
        switch message.verb {
        case .create:
            store.create(message.slot, id: message.hash, with: &packer)
            store.profiles[message.slot].isAmbiguous = message.value & 1 != 0
            store.profiles[message.slot].isKnown = message.value & 2 != 0
        case .advance:
            advance(through: message.value, clock: message.now)
        case .consent:
            store.open(message.slot, with: &packer)
            let endpoint = store.endpoint(of: message.slot, hash: message.hash)
            if endpoint != 0 {
                store.endpoints[endpoint].consent = ShardMessage.unpack(message.value)
            }
        case .event, .everybody, .link, .handOver, .takeOver, .release, .epochEnd:
            return
        }
    }

    /// Opens the profile of a slot, for who looks at its records.
    package mutating func open(_ slot: UInt32) { store.open(slot, with: &packer) }

    /// Sets the place of outputs that a message causes.
    mutating func begin(_ message: ShardMessage) {
        order = OutputOrder(
            second: wheel.passed,
            sequence: message.sequence,
            profile: .none,
            ordinal: 0x8000_0000 + UInt32(message.step) << 16
        )
    }

    private mutating func link(_ message: ShardMessage, in block: EventBlock) {
        let identifier = block[identifier: Int(message.index)]
        let record = EndpointRecord(
            hash: identifier.hash,
            kind: identifier.kind,
            address: store.texts.keep(block.bytes(of: identifier.text)),
            country: identifier.country,
            lastSeen: EventTime(milliseconds: Int64(bitPattern: message.sequence)),
            consent: ShardMessage.unpack(message.value)
        )
        store.addEndpoint(record, to: message.slot)
    }

    // MARK: Time

    /// Lets event time pass through a second; what is due fires in order of seconds.
    mutating func advance(through second: Int64, clock: EventTime) {
        while let slot = wheel.next(through: second) {
            let current = wheel.passed + 1
            now = clock.isSet ? clock : EventTime(second: current) + compiled.rules.disorder
            store.open(slot, with: &packer)
            order = OutputOrder(
                second: current,
                sequence: 0,
                profile: store.profiles[slot].id,
                ordinal: 0
            )
            counters.timers += 1
            prefetchTimers()
            fire(slot, second: current)
            arm(slot)
        }
    }

    /// Tells the processor whose timers come next, in as many steps as for messages.
    private func prefetchTimers() {
        let soon = wheel.soon
        store.profiles.prefetch(soon[7])
        prefetchRow(of: soon[5])
        prefetchLists(of: soon[3])
        if store.profiles.isOpen(soon[1]) { store.prefetchSecond(of: soon[1]) }
        if store.profiles.isOpen(soon[0]) { store.prefetchThird(of: soon[0]) }
    }

    /// Arms the profile's timer for the earliest of what it waits for.
    mutating func arm(_ slot: UInt32) {
        let earliest = store.earliestDue(of: slot)
        if earliest.milliseconds == .max {
            wheel.disarm(slot)
        } else if let armed = wheel.due(slot), armed <= earliest.second, armed > wheel.passed {
            // Lazily: the timer fires earlier, finds nothing due, and is armed again.
            return
        } else {
            wheel.arm(slot, at: earliest.second)
        }
    }

    /// Decides everything of a profile that is due in a second or earlier (FC-10).
    private mutating func fire(_ slot: UInt32, second: Int64) {
        // A step may follow another at the same instant; the number of rounds is bounded by the
        // steps of all enrollments.
        for _ in 0..<store.limits.enrollmentsMax * FlowDefinition.stepsMax * 2 {
            collectDue(slot, second: second)
            if ladder.isEmpty { return }
            sortLadder()
            let handle = ladder[0]
            takeStep(handle, of: slot)
        }
    }

    private mutating func collectDue(_ slot: UInt32, second: Int64) {
        ladder.removeAll()
        var handle = store.profiles[slot].enrollments
        while handle != 0 {
            if store.enrollments[handle].due.second <= second { ladder.append(handle) }
            handle = store.enrollments[handle].next
        }
    }

    /// Puts the most urgent candidate first: class, priority, due, flow, enrollment key.
    private mutating func sortLadder() {
        var best = 0
        for index in 1..<max(1, ladder.count) where isMoreUrgent(ladder[index], ladder[best]) {
            best = index
        }
        if best != 0 {
            let first = ladder[0]
            ladder[0] = ladder[best]
            ladder[best] = first
        }
    }

    private mutating func isMoreUrgent(_ left: UInt32, _ right: UInt32) -> Bool {
        let a = store.enrollments[left]
        let b = store.enrollments[right]
        let flowA = Int(a.flowIndex)
        let flowB = Int(b.flowIndex)
        let classA = compiled.timings[flowA].messageClass
        let classB = compiled.timings[flowB].messageClass
        if classA != classB { return classA.rawValue < classB.rawValue }
        let priorityA = compiled.timings[flowA].priority
        let priorityB = compiled.timings[flowB].priority
        if priorityA != priorityB { return priorityA > priorityB }
        if a.due != b.due { return a.due < b.due }
        if flowA != flowB { return compiled.rules.flows[flowA].id < compiled.rules.flows[flowB].id }
        return key(of: a) < key(of: b)
    }

    /// The enrollment's key (section 9): flow, cart or order, first event's identifier and time.
    ///
    /// One decision asks for it again and again.
    mutating func key(of record: EnrollmentRecord) -> Hash128 {
        if record.flow == keyed.flow, record.entity == keyed.entity,
            record.firstTime == keyed.firstTime, record.firstIdentifier == keyed.firstIdentifier
        {
            return keyed.key
        }
        var state = compiled.rules.hashKey.begin(kind: HashKind.enrollment)
        state.append(record.flow)
        state.append(record.entity)
        state.append(record.firstIdentifier)
        state.append(UInt64(bitPattern: record.firstTime.milliseconds))
        keyed = KeyedEnrollment(
            flow: record.flow,
            entity: record.entity,
            firstTime: record.firstTime,
            firstIdentifier: record.firstIdentifier,
            key: state.finish()
        )
        return keyed.key
    }
}
