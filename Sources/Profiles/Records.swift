package import Events
package import Memory

// What is remembered of a person: one head and runs of small records, each a list by handles.
// All of it is flat; a profile is a row of numbers in its shard's slabs.

/// The head of a profile.
package struct ProfileRecord: BitwiseCopyable {
    /// The canonical id, derived from the ranking identifier.
    package var id: Hash128
    /// Latest click on any message (AB-9).
    package var lastClick: EventTime = .none
    /// When `traitZone` was set.
    package var traitZoneTime: EventTime = .none
    /// When `contextZone` was set.
    package var contextZoneTime: EventTime = .none
    /// When `locale` was set.
    package var localeTime: EventTime = .none
    /// When `country` was set.
    package var countryTime: EventTime = .none
    /// First cart.
    package var carts: UInt32 = 0
    /// First order, latest first.
    package var orders: UInt32 = 0
    /// First send.
    package var sends: UInt32 = 0
    /// First endpoint.
    package var endpoints: UInt32 = 0
    /// First enrollment, oldest first.
    package var enrollments: UInt32 = 0
    /// First viewed product.
    package var views: UInt32 = 0
    /// First trait.
    package var traits: UInt32 = 0
    /// First entry into a plain flow.
    package var entries: UInt32 = 0
    /// `context.locale`.
    package var locale: TextHandle = .none
    /// The zone a trait names.
    package var traitZone: UInt16 = 0
    /// The zone the latest context names.
    package var contextZone: UInt16 = 0
    /// Country of the latest shipping address.
    package var country: UInt16 = 0
    /// A device of several people (ID-10): only on-site channels may reach it.
    package var isAmbiguous = false
    /// Holds a user id.
    package var isKnown = false

    /// An empty profile.
    package init(id: Hash128) { self.id = id }
}

/// A cart, and the checkout it became.
package struct CartRecord: BitwiseCopyable {
    /// Where the cart stands (AB-1).
    package enum Stage: UInt8, BitwiseCopyable {
        case cart
        case checkout
    }

    /// Hash of cart_id (else of checkout_id or order_id for a checkout without a cart); 0 is the
    /// profile's default cart.
    package var key: UInt64
    /// Latest activity that resets the timer.
    package var lastActivity: EventTime = .none
    /// The next cart.
    package var next: UInt32 = 0
    /// First operation, by event time.
    package var operations: UInt32 = 0
    /// Hash of the checkout_id that a checkout brought.
    package var checkout: UInt64 = 0
    /// Hash of the order_id that a checkout brought.
    package var order: UInt64 = 0
    /// The key itself.
    package var keyText: TextHandle = .none
    /// The order_id or checkout_id itself.
    package var orderText: TextHandle = .none
    /// First settled line.
    package var base: UInt32 = 0
    /// Currency as packed letters; 0 is the shop's.
    package var currency: UInt32 = 0
    /// When `currency` was given.
    package var currencyTime: EventTime = .none
    /// How many operations.
    package var operationCount: UInt16 = 0
    /// Cart or checkout.
    package var stage: Stage = .cart
    /// Whether it ever had a line: a later `Cart Viewed` then starts no enrollment.
    package var hadLines = false

    /// A cart of which nothing is known.
    package init(key: UInt64) { self.key = key }
}

/// What happened to a cart's lines.
package struct OperationRecord: BitwiseCopyable {
    /// What it does; the order settles operations of one instant.
    package enum Kind: UInt8, BitwiseCopyable, Comparable {
        /// Replaces all lines.
        case list
        case add
        case remove
        /// Takes away what was bought, or all that a closed cart held.
        case order

        package static func < (left: Kind, right: Kind) -> Bool { left.rawValue < right.rawValue }
    }

    /// When.
    package var time: EventTime
    /// Settles operations of the same kind and instant: the event's own hash.
    package var tie: UInt64
    /// First line.
    package var lines: UInt32 = 0
    /// The next operation.
    package var next: UInt32 = 0
    /// What it does.
    package var kind: Kind
    /// Belongs to a default cart that has ended: it is known, so that a repeat is not taken for
    /// something new, but does nothing any more.
    package var isOver = false

    /// An operation without lines.
    package init(kind: Kind, time: EventTime, tie: UInt64) {
        self.kind = kind
        self.time = time
        self.tie = tie
    }

    /// Whether it comes before another: by time, then kind, then tie.
    package func precedes(_ other: OperationRecord) -> Bool {
        if time != other.time { return time < other.time }
        if kind != other.kind { return kind < other.kind }
        return tie < other.tie
    }
}

/// A product with a quantity: of a cart, an operation, an enrollment or a view.
package struct LineRecord: BitwiseCopyable {
    /// Hash of the product id; 0 is an unknown product.
    package var product: UInt64
    /// Price of one in millionths, or `Product.unknownPrice`.
    package var price: Int64
    /// How many, or `Product.unknownQuantity`.
    package var quantity: Int32
    /// The product id.
    package var id: TextHandle = .none
    /// Its name.
    package var name: TextHandle = .none
    /// Its page.
    package var url: TextHandle = .none
    /// Its picture.
    package var imageURL: TextHandle = .none
    /// The next line.
    package var next: UInt32 = 0

    /// A line without texts.
    package init(product: UInt64, price: Int64, quantity: Int32) {
        self.product = product
        self.price = price
        self.quantity = quantity
    }
}

/// An order of the profile.
package struct OrderRecord: BitwiseCopyable {
    /// When.
    package var time: EventTime
    /// Hash of the order_id; of the event where it has none.
    package var key: UInt64
    /// Hash of the cart_id it names.
    package var cart: UInt64 = 0
    /// Hash of the checkout_id it names.
    package var checkout: UInt64 = 0
    /// First product bought.
    package var products: UInt32 = 0
    /// The next order.
    package var next: UInt32 = 0

    /// An order without products.
    package init(time: EventTime, key: UInt64) {
        self.time = time
        self.key = key
    }
}

/// A product of an order.
package struct BoughtRecord: BitwiseCopyable {
    /// Hash of the product id.
    package var product: UInt64
    /// The next product.
    package var next: UInt32 = 0

    /// A product bought.
    package init(product: UInt64) { self.product = product }
}

/// A message that was decided: what caps, gaps and cooldowns count.
package struct SendRecord: BitwiseCopyable {
    /// The command's id.
    package var id: Hash128
    /// Hash of the step that sent it: enrollment, flow and step, without channel.
    package var step: UInt64
    /// The decision time.
    package var time: EventTime
    /// Hash of the flow's name.
    package var flow: UInt64
    /// Hash of the enrollment key.
    package var enrollment: UInt64
    /// Hash of the cart_id, for the cooldown of a cart flow; 0 without.
    package var cart: UInt64
    /// The next send.
    package var next: UInt32 = 0
    /// On which channel.
    package var channel: Channel
    /// Whether it takes slots.
    package var countsTowardCaps: Bool

    /// A send.
    package init(
        id: Hash128,
        step: UInt64,
        time: EventTime,
        flow: UInt64,
        enrollment: UInt64,
        cart: UInt64,
        channel: Channel,
        countsTowardCaps: Bool
    ) {
        self.id = id
        self.step = step
        self.time = time
        self.flow = flow
        self.enrollment = enrollment
        self.cart = cart
        self.channel = channel
        self.countsTowardCaps = countsTowardCaps
    }
}

/// Consent on every channel an endpoint serves.
package typealias ConsentStates = InlineArray<9, ConsentState>

/// An address of the profile.
///
/// Its consent is the endpoint's own; the resolver keeps it up to date.
package struct EndpointRecord: BitwiseCopyable {
    /// The identifier's hash.
    package var hash: Hash128
    /// When it was last seen with the profile: the latest is written to.
    package var lastSeen: EventTime
    /// The address.
    package var address: TextHandle
    /// The next endpoint.
    package var next: UInt32 = 0
    /// The country of a phone, as packed letters.
    package var country: UInt16
    /// What it is.
    package var kind: IdentifierKind
    /// Consent by `Channel.rawValue`.
    package var consent: ConsentStates

    /// An endpoint nobody was asked about.
    package init(
        hash: Hash128,
        kind: IdentifierKind,
        address: TextHandle,
        country: UInt16,
        lastSeen: EventTime,
        consent: ConsentStates
    ) {
        self.hash = hash
        self.kind = kind
        self.address = address
        self.country = country
        self.lastSeen = lastSeen
        self.consent = consent
    }
}

/// A product the person looked at.
package struct ViewRecord: BitwiseCopyable {
    /// The product, with its latest texts; the quantity is the number of views.
    package var line: LineRecord
    /// Latest view.
    package var time: EventTime
    /// The next product.
    package var next: UInt32 = 0

    /// A product looked at.
    package init(line: LineRecord, time: EventTime) {
        self.line = line
        self.time = time
    }
}

/// A trait that a condition asks for.
package struct TraitRecord: BitwiseCopyable {
    /// Its value.
    package var value: Attribute
    /// When it was set.
    package var time: EventTime
    /// The messageId that set it: of two at one instant the larger wins (ID-6).
    package var message: TextHandle
    /// The next trait.
    package var next: UInt32 = 0

    /// A trait.
    package init(value: Attribute, time: EventTime, message: TextHandle) {
        self.value = value
        self.time = time
        self.message = message
    }
}

/// When the person last entered a plain flow.
package struct EntryRecord: BitwiseCopyable {
    /// Hash of the flow's name.
    package var flow: UInt64
    /// When.
    package var time: EventTime
    /// The next flow.
    package var next: UInt32 = 0

    /// An entry.
    package init(flow: UInt64, time: EventTime) {
        self.flow = flow
        self.time = time
    }
}

/// One profile's run through one flow.
package struct EnrollmentRecord: BitwiseCopyable {
    /// What it waits for.
    package enum State: UInt8, BitwiseCopyable {
        /// For silence; no step was decided yet, its key may still move to an earlier event.
        case armed
        /// For its next step.
        case running
    }

    /// When a step was decided or due, by step; what later steps are timed from.
    package typealias Anchors = InlineArray<12, EventTime>

    // What is looked at on the way along a list stands on the first line of the cache.
    /// The next enrollment.
    package var next: UInt32 = 0
    /// Handle of its cart; 0 without.
    package var cart: UInt32 = 0
    /// When the next step is judged.
    package var due: EventTime = .none
    /// Latest activity on what it watches.
    package var lastActivity: EventTime
    /// When the next step was due before anything deferred it.
    package var nominalDue: EventTime = .none
    /// Position of the flow in the rules.
    package var flowIndex: UInt16
    /// What it waits for.
    package var state: State = .armed
    /// Index of the next step.
    package var step: UInt8 = 0
    /// How many of the step's fallback channels have been passed over.
    package var fallback: UInt8 = 0
    /// The due time was already past when it was set.
    package var wasDueWhenArmed = false
    /// The step was deferred by quiet hours, a cap or a gap.
    package var isDeferred = false
    /// The channels of the step that are decided, one bit each.
    package var channelsDone: UInt16 = 0
    /// The channels that the step has waited for, one bit each: their consent held then.
    package var channelsWaited: UInt16 = 0
    /// Which fallback stands in for each channel of the step: four bits a channel, its number
    /// plus one; 0 is the channel itself.
    package var standIns: UInt64 = 0
    /// Hash of the flow's name.
    package var flow: UInt64
    /// Hash of cart_id or order_id; 0 is "-".
    package var entity: UInt64 = 0
    /// Time of its first event.
    package var firstTime: EventTime
    /// Strongest identifier of its first event.
    package var firstIdentifier: Hash128
    /// messageId of its first event.
    package var cause: TextHandle = .none
    /// Trace context of its first event.
    package var traceparent: TextHandle = .none
    /// cart_id or order_id itself.
    package var entityText: TextHandle = .none
    /// First line of a plain flow's event.
    package var lines: UInt32 = 0
    /// Currency of those lines.
    package var currency: UInt32 = 0
    /// Decision time of the step before.
    package var lastDecision: EventTime = .none
    /// Decision time of the first message sent.
    package var firstSend: EventTime = .none
    /// Anchors of the steps passed.
    package var anchors: Anchors = .init(repeating: .none)

    /// An armed enrollment.
    package init(
        flow: UInt64,
        flowIndex: UInt16,
        firstTime: EventTime,
        firstIdentifier: Hash128
    ) {
        self.flow = flow
        self.flowIndex = flowIndex
        self.firstTime = firstTime
        self.firstIdentifier = firstIdentifier
        lastActivity = firstTime
    }
}
