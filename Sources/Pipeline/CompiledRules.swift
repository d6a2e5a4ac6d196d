import Events
import Flows
package import FrequencyCapping

/// A message of a step, by reference: a copy of one counts each of its texts and lists.
final class StepMessage: Sendable {
    let message: FlowDefinition.Message

    init(_ message: FlowDefinition.Message) { self.message = message }
}

/// A flow, by reference for the same reason.
final class CompiledFlow: Sendable {
    let definition: FlowDefinition
    /// The message of each step that is one.
    let messages: [StepMessage?]

    init(_ definition: FlowDefinition) {
        self.definition = definition
        messages = definition.steps.map { step in
            if case .send(let message) = step.action { StepMessage(message) } else { nil }
        }
    }
}

/// What timing asks of a flow, flat: flows themselves are full of texts and lists, and reading one
/// counts references.
struct FlowTiming: BitwiseCopyable, Sendable {
    /// Checkout 3, cart 2, view 1, plain flows 0 (AB-1, FC-12).
    var stage: Int
    /// How long after a click later steps wait.
    var clickPause: TimeSpan
    /// The silence that an abandonment trigger waits for.
    var inactivity: TimeSpan?
    /// How many steps there are.
    var stepCount: Int
    /// The first step that is a message, or the number of steps.
    var firstMessage: Int
    /// The first channel of the next message from each step on.
    var nextChannels = InlineArray<12, Channel?>(repeating: nil)
    /// What the order of candidates goes by.
    var messageClass: MessageClass
    var priority: Int

    init(_ flow: FlowDefinition) {
        stage =
            switch flow.trigger {
            case .abandonedCheckout: 3
            case .abandonedCart: 2
            case .abandonedView: 1
            case .event: 0
            }
        clickPause = flow.clickPause
        inactivity = flow.trigger.inactivity
        precondition(flow.steps.count <= FlowDefinition.stepsMax, "a flow within its bounds")
        stepCount = flow.steps.count
        messageClass = flow.messageClass
        priority = flow.priority
        firstMessage = flow.steps.count
        var channel: Channel?
        for (index, step) in flow.steps.enumerated().reversed() {
            if case .send(let message) = step.action {
                channel = message.channels.first
                firstMessage = index
            }
            nextChannels[index] = channel
        }
    }
}

/// When a step is due.
struct StepTiming: BitwiseCopyable, Sendable {
    /// How long after its anchor.
    var delay = TimeSpan.zero
    /// The step it is timed from, or -1 for the one before it.
    var after = -1
}

/// A few names of events, looked through before anything is asked of the flows.
struct EventNameSet: Sendable {
    // One bit for each of 64 classes of names; the names themselves.
    private let classes: UInt64
    private let names: [UInt64]

    init(_ names: [UInt64]) {
        self.names = Array(Set(names)).sorted()
        classes = names.reduce(0) { $0 | 1 << ($1 & 63) }
    }

    /// Whether an event's name is one of them.
    func contains(_ name: UInt64) -> Bool {
        guard classes & (1 << (name & 63)) != 0 else { return false }
        for index in names.indices where names[index] == name { return true }
        return false
    }
}

/// The rules with what can be known of them before the first event.
package final class CompiledRules: Sendable {
    /// What the shop decided.
    package let rules: Rules
    /// Hash of each flow's name.
    package let flowHashes: [UInt64]
    /// The flow of each abandonment trigger, by position.
    package let viewFlow: Int?
    package let cartFlow: Int?
    package let checkoutFlow: Int?
    /// Caps and gaps.
    package let ledger: CapLedger
    /// Quiet hours.
    package let quietHours: QuietHours
    /// Every channel each flow may use.
    package let flowChannels: [ChannelSet]
    /// Plain flows by the name of their trigger, in order of flows.
    package let triggers: [(name: UInt64, flow: Int)]
    /// The names of all triggers: most events are none.
    let triggerNames: EventNameSet
    /// The names of all goals and exits.
    let endingNames: EventNameSet
    /// The flows, in the order of the rules.
    let flows: [CompiledFlow]
    /// The timing of each flow.
    let timings: [FlowTiming]

    /// The timing of each step of each flow, a row of `FlowDefinition.stepsMax` a flow.
    let stepTimings: [StepTiming]

    /// Compiles rules.
    package init(_ rules: Rules) {
        self.rules = rules
        let hashes = rules.flows.map { rules.hashKey.hash(kind: HashKind.flow, $0.id).low }
        flowHashes = hashes
        func first(where isWanted: (FlowDefinition.Trigger) -> Bool) -> Int? {
            rules.flows.firstIndex { isWanted($0.trigger) }
        }
        viewFlow = first { if case .abandonedView = $0 { true } else { false } }
        cartFlow = first { if case .abandonedCart = $0 { true } else { false } }
        checkoutFlow = first { if case .abandonedCheckout = $0 { true } else { false } }
        ledger = CapLedger(
            caps: rules.caps,
            gaps: rules.gaps,
            firstWeekday: rules.firstWeekday
        ) { hashes[$0] }
        quietHours = QuietHours(rules: rules.quiet)
        flowChannels = rules.flows.map { flow in
            var channels = ChannelSet()
            for step in flow.steps {
                guard case .send(let message) = step.action else { continue }
                for channel in message.channels + message.fallback {
                    channels.insert(ChannelSet(channel))
                }
            }
            return channels
        }
        triggers = rules.flows.enumerated().compactMap { index, flow in
            if case .event(let match) = flow.trigger { (match.name, index) } else { nil }
        }
        flows = rules.flows.map(CompiledFlow.init)
        timings = rules.flows.map(FlowTiming.init)
        stepTimings = rules.flows.flatMap { flow in
            var row = Array(repeating: StepTiming(), count: FlowDefinition.stepsMax)
            for (index, step) in flow.steps.enumerated() {
                row[index] = StepTiming(delay: step.delay, after: step.after ?? -1)
            }
            return row
        }
        triggerNames = EventNameSet(triggers.map(\.name))
        endingNames = EventNameSet(rules.flows.flatMap { ($0.goals + $0.exits).map(\.name) })
    }

    /// The stage of a flow: checkout 3, cart 2, view 1, plain flows 0 (AB-1, FC-12).
    package func stage(ofFlow index: Int) -> Int { timings[index].stage }
}
