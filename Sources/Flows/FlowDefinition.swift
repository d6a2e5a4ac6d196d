package import Events

/// A declared reaction to behaviour: what starts it, its steps, what ends it.
///
/// Compiled from a flow file at start; nothing in it changes while it is used.
package struct FlowDefinition: Sendable, Equatable {
    /// What a flow is started by.
    package enum Trigger: Sendable, Equatable {
        /// A person viewed products and went quiet for the span (AB-2).
        case abandonedView(inactivity: TimeSpan)
        /// A cart with lines whose owner went quiet.
        case abandonedCart(inactivity: TimeSpan)
        /// A checkout that was started and not finished.
        case abandonedCheckout(inactivity: TimeSpan)
        /// An event.
        case event(EventMatch)

        /// The inactivity an abandonment trigger waits for.
        package var inactivity: TimeSpan? {
            switch self {
            case .abandonedView(let span), .abandonedCart(let span), .abandonedCheckout(let span):
                span
            case .event: nil
            }
        }
    }

    /// An event by name, and what must hold of it.
    package struct EventMatch: Sendable, Equatable {
        /// The low half of the SipHash of the canonical name in lower case (`CustomerEvent.name`).
        package var name: UInt64
        /// What must hold of the event and its profile.
        package var condition: Condition?

        /// Makes a match.
        package init(name: UInt64, condition: Condition? = nil) {
            self.name = name
            self.condition = condition
        }
    }

    /// When a person may enter a flow again (plain flows).
    package enum ReEntry: Sendable, Equatable {
        /// On every trigger.
        case always
        /// Once ever.
        case never
        /// Not earlier than this after the last entry.
        case after(TimeSpan)
    }

    /// What happens to a candidate that a cap or gap refuses (FC-7).
    package enum OnCap: Sendable, Equatable {
        /// The step is dropped and the flow goes on.
        case drop
        /// The step waits for the next slot, at most this long after its due time.
        case deferral(max: TimeSpan)
        /// The next channel of the step's fallback list is tried.
        case nextChannel
    }

    /// What happens to a candidate in quiet hours (QH-3).
    package enum OnQuiet: Sendable, Equatable {
        /// It waits for the end of the quiet window.
        case deferral
        /// The step is dropped.
        case drop
        /// The next channel of the step's fallback list is tried.
        case nextChannel
    }

    /// One thing a flow does.
    package struct Step: Sendable, Equatable {
        /// Name, unique in the flow.
        package var id: String
        /// What it does.
        package var action: Action
        /// The step it is timed from, by index; nil is the step before, or the trigger.
        package var after: Int?
        /// How long after that.
        package var delay: TimeSpan
        /// What must hold, or the step is dropped with `condition_false`.
        package var condition: Condition?

        /// Makes a step.
        package init(
            id: String,
            action: Action,
            after: Int? = nil,
            delay: TimeSpan = .zero,
            condition: Condition? = nil
        ) {
            self.id = id
            self.action = action
            self.after = after
            self.delay = delay
            self.condition = condition
        }
    }

    /// What a step does.
    package enum Action: Sendable, Equatable {
        /// Proposes a message.
        case send(Message)
        /// Lets time pass; later steps are timed from its end.
        case wait
        /// Goes on when the condition holds, else to the step of that index; nil ends the flow.
        case branch(Condition, otherwise: Int?)
    }

    /// A message that a step proposes.
    package struct Message: Sendable, Equatable {
        /// The channels it goes out on together (FC-5); usually one.
        package var channels: [Channel]
        /// The channels tried in order when one is refused by cap or quiet hours.
        package var fallback: [Channel]
        /// The sender's template.
        package var template: String
        /// The command expires this long after its decision; nil leaves it to the rules (QH-6).
        package var expiresAfter: TimeSpan?
        /// The message confirms a subscription: needs `pending` consent, no order (CO-10).
        package var confirmsSubscription: Bool
        /// Passed to the sender as it is, in order of name.
        package var compliance: [Pair]
        /// Passed to the template as it is, in order of name.
        package var variables: [Pair]

        /// Makes a message.
        package init(
            channels: [Channel],
            fallback: [Channel] = [],
            template: String,
            expiresAfter: TimeSpan? = nil,
            confirmsSubscription: Bool = false,
            compliance: [Pair] = [],
            variables: [Pair] = []
        ) {
            self.channels = channels
            self.fallback = fallback
            self.template = template
            self.expiresAfter = expiresAfter
            self.confirmsSubscription = confirmsSubscription
            self.compliance = compliance
            self.variables = variables
        }
    }

    /// A name and a value that are passed through.
    package struct Pair: Sendable, Equatable {
        /// The name.
        package var name: String
        /// The value.
        package var value: String

        /// Makes a pair.
        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// At most this many steps a flow.
    package static let stepsMax = 12

    /// Name, unique in the deployment; part of every send id.
    package var id: String
    /// Version, written into commands.
    package var version: Int
    /// How strictly its messages are held back.
    package var messageClass: MessageClass
    /// Larger is more urgent (FC-10).
    package var priority: Int
    /// Tags that cap rules may name.
    package var tags: [String]
    /// What starts it.
    package var trigger: Trigger
    /// What must hold when it starts (plain flows) or at the first step (abandonment flows).
    package var entry: Condition?
    /// When a person may enter again (plain flows).
    package var reEntry: ReEntry
    /// No first step within this after the flow's last message of another enrollment.
    package var cooldown: TimeSpan
    /// No step within this after an order; zero is no guard.
    package var orderGuard: TimeSpan
    /// A timer later than this is `stale` (TM-4).
    package var maxLateness: TimeSpan
    /// A quiet-hours deferral longer than this is `expired` (QH-3).
    package var maxDeferral: TimeSpan
    /// Deferred messages are spread over this much time behind the quiet window's end.
    package var jitter: TimeSpan
    /// A click delays later steps by this much (AB-9).
    package var clickPause: TimeSpan
    /// What a cap does.
    package var onCap: OnCap
    /// What quiet hours do.
    package var onQuiet: OnQuiet
    /// Whether caps and gaps hold it back.
    package var obeysCaps: Bool
    /// Whether its messages take slots.
    package var countsTowardCaps: Bool
    /// Whether quiet hours hold it back.
    package var obeysQuietHours: Bool
    /// Events that mean success (`goal_met`); abandonment flows also end by purchase.
    package var goals: [EventMatch]
    /// Events that end it (`exited`).
    package var exits: [EventMatch]
    /// What it does, in order.
    package var steps: [Step]

    /// Makes a flow with the defaults of its class; the caller sets what differs.
    package init(id: String, messageClass: MessageClass, trigger: Trigger, steps: [Step]) {
        self.id = id
        version = 1
        self.messageClass = messageClass
        priority = 50
        tags = []
        self.trigger = trigger
        entry = nil
        reEntry = .always
        let isMarketing = messageClass == .marketing
        switch trigger {
        case .abandonedView:
            (cooldown, orderGuard, maxLateness) = (.days(7), .days(10), .hours(6))
        case .abandonedCart:
            (cooldown, orderGuard, maxLateness) = (.days(3), .hours(24), .hours(6))
        case .abandonedCheckout:
            (cooldown, orderGuard, maxLateness) = (.days(1), .hours(24), .hours(2))
        case .event:
            (cooldown, orderGuard, maxLateness) = (.zero, .zero, .hours(24))
        }
        maxDeferral = .hours(14)
        jitter = .minutes(15)
        clickPause = .hours(2)
        onCap = .drop
        onQuiet = .deferral
        obeysCaps = isMarketing
        countsTowardCaps = isMarketing
        obeysQuietHours = isMarketing
        goals = []
        exits = []
        self.steps = steps
    }
}
