/// A range of bytes in an `EventBlock`: how an event holds a string without owning it.
@frozen
@usableFromInline
package struct Text: BitwiseCopyable, Hashable, Sendable {
    /// Where it begins, in bytes from the block's start.
    @usableFromInline package var offset: UInt32
    /// How many bytes it has; 0 is no text.
    @usableFromInline package var length: UInt32

    /// Makes a range.
    @inlinable
    package init(offset: UInt32, length: UInt32) {
        self.offset = offset
        self.length = length
    }

    /// No text.
    @inlinable
    package static var none: Text { Text(offset: 0, length: 0) }

    /// Whether there is no text.
    @inlinable
    package var isEmpty: Bool { length == 0 }
}

/// One identifier of an event: normalised, not blocked, hashed.
@usableFromInline
package struct Identifier: BitwiseCopyable, Sendable {
    /// SipHash of kind and normalised value.
    package var hash: Hash128
    /// The normalised value.
    package var text: Text
    /// What it is.
    package var kind: IdentifierKind
    /// How it came in.
    package var role: Role
    /// The country of a phone as two ASCII letters (high byte first), 0 if unknown.
    package var country: UInt16

    /// How an identifier came in.
    package enum Role: UInt8, BitwiseCopyable, Sendable {
        /// Named by the event as the person's own.
        case own
        /// `previousId` of an alias, in the role that `kind` says.
        case previous
    }

    /// Makes an identifier.
    package init(
        hash: Hash128,
        text: Text,
        kind: IdentifierKind,
        role: Role = .own,
        country: UInt16 = 0
    ) {
        self.hash = hash
        self.text = text
        self.kind = kind
        self.role = role
        self.country = country
    }
}

/// A product of an event.
@usableFromInline
package struct Product: BitwiseCopyable, Sendable {
    /// The low half of the product id's SipHash; 0 for a product of unknown id.
    package var hash: UInt64 = 0
    /// Price of one in millionths of the currency; `unknownPrice` if not given.
    package var price: Int64 = Product.unknownPrice
    /// The product id.
    package var id: Text = .none
    /// Its name.
    package var name: Text = .none
    /// Its page.
    package var url: Text = .none
    /// Its picture.
    package var imageURL: Text = .none
    /// A hash of its four texts, under the deployment's key: products of one hash and content are
    /// called the same; 0 if it was not asked for.
    package var content: UInt64 = 0
    /// How many, or `unknownQuantity` if not given; stock for `Product Stock Changed`.
    package var quantity: Int32 = Product.unknownQuantity

    /// A price that was not given.
    package static var unknownPrice: Int64 { .min }

    /// A quantity that was not given.
    package static var unknownQuantity: Int32 { .min }

    /// A product of which nothing is known.
    package init() {}
}

/// A value of a property or trait that some flow's condition asks for.
@usableFromInline
package struct Attribute: BitwiseCopyable, Hashable, Sendable {
    /// What a value is.
    package enum Form: UInt8, BitwiseCopyable, Hashable, Sendable {
        /// The low half of the text's SipHash (kind `HashKind.attribute`).
        case text
        /// The bits of a `Double`.
        case number
        /// 0 or 1.
        case boolean
    }

    /// The value's bits, as its form says.
    package var bits: UInt64
    /// Which path of the tracking plan's attribute list.
    package var index: UInt16
    /// What the bits are.
    package var form: Form

    /// Makes a value.
    package init(index: UInt16, form: Form, bits: UInt64) {
        self.index = index
        self.form = form
        self.bits = bits
    }
}

/// A key of a cart, checkout or order as an event names it.
package struct EntityKey: BitwiseCopyable, Sendable {
    /// The low half of its SipHash; 0 if the event names none.
    package var hash: UInt64 = 0
    /// The id itself.
    package var text: Text = .none

    /// No key.
    package init() {}

    /// Makes a key.
    package init(hash: UInt64, text: Text) {
        self.hash = hash
        self.text = text
    }

    /// Whether the event names one.
    package var isSet: Bool { hash != 0 }
}

/// A record understood: something a customer did.
///
/// Fixed-size and flat. Its identifiers, products, attributes and texts stand in the `EventBlock`
/// that holds it, and live as long as that.
@usableFromInline
package struct CustomerEvent: BitwiseCopyable, Sendable {
    /// Facts that need no field of their own.
    @frozen
    @usableFromInline
    package struct Flags: OptionSet, BitwiseCopyable, Sendable {
        @usableFromInline package let rawValue: UInt16

        @inlinable
        package init(rawValue: UInt16) { self.rawValue = rawValue }

        /// Whether all facts of another set hold; said here, since the general answer of option
        /// sets is not known to be as simple in other modules.
        @inlinable
        package func contains(_ member: Flags) -> Bool {
            rawValue & member.rawValue == member.rawValue
        }

        /// The record is no event; `reason` says why.
        @inlinable package static var deadLetter: Flags { Flags(rawValue: 1 << 0) }
        /// No usable time: the resolver takes the newest event time before it.
        @inlinable package static var timeMissing: Flags { Flags(rawValue: 1 << 1) }
        /// The record has neither `receivedAt` nor Kafka's time, so its time is unbounded.
        @inlinable package static var timeUnbounded: Flags { Flags(rawValue: 1 << 2) }
        /// Has a `products` list: for `Cart Viewed` and `Checkout Started` it replaces the cart's.
        @inlinable package static var hasProductList: Flags { Flags(rawValue: 1 << 3) }
        /// Counted and processed for nobody: all its identifiers are blocked.
        @inlinable package static var nobody: Flags { Flags(rawValue: 1 << 4) }
        /// Belongs to nobody and holds for every shard (stock and price events).
        @inlinable package static var everybody: Flags { Flags(rawValue: 1 << 5) }
        /// An accepted call that does nothing (`group`).
        @inlinable package static var inert: Flags { Flags(rawValue: 1 << 6) }
        /// The time zone stands in the traits, not only in the context.
        @inlinable package static var zoneIsTrait: Flags { Flags(rawValue: 1 << 7) }
        /// RudderStack `merge` or Segment `alias`: user ids may be joined.
        @inlinable package static var joinsUsers: Flags { Flags(rawValue: 1 << 8) }
    }

    /// When it happened: corrected and clamped (TM-1); `.none` with `timeMissing`.
    package var time: EventTime = .none
    /// `receivedAt`, else Kafka's time, else `.none`: bounds how far the watermark moves.
    package var received: EventTime = .none
    /// Fingerprint of messageId and strongest identifier; 0 without messageId.
    package var fingerprint: UInt64 = 0
    /// The low half of the SipHash of the event's canonical name in lower case.
    package var name: UInt64 = 0
    /// The messageId.
    package var messageID: Text = .none
    /// Its cart.
    package var cart = EntityKey()
    /// Its checkout.
    package var checkout = EntityKey()
    /// Its order.
    package var order = EntityKey()
    /// The endpoint of `Consent Updated`, or the sender of `Message Received`; `.none` otherwise.
    package var endpoint: Hash128 = .none
    /// The text of an inbound message; the field's path of a dead letter.
    package var body: Text = .none
    /// `context.locale`.
    package var locale: Text = .none
    /// The bytes of `locale`, the first the least, if it is at most eight of them and none is zero;
    /// else 0.
    package var localeWord: UInt64 = 0
    /// W3C trace context, when the event carried one.
    package var traceparent: Text = .none
    /// Index of the first identifier in the block.
    package var identifiers: UInt32 = 0
    /// Index of the first product in the block.
    package var products: UInt32 = 0
    /// Index of the first attribute in the block.
    package var attributes: UInt32 = 0
    /// Currency as three ASCII letters (high byte first), 0 if not given.
    package var currency: UInt32 = 0
    /// Time zone, 0 if not given.
    package var zone: UInt16 = 0
    /// Shipping country as two ASCII letters (high byte first), 0 if not given.
    package var country: UInt16 = 0
    /// Facts.
    package var flags: Flags = []
    /// How many identifiers, strongest first.
    package var identifierCount: UInt8 = 0
    /// How many products.
    package var productCount: UInt8 = 0
    /// How many attributes.
    package var attributeCount: UInt8 = 0
    /// Which call brought it.
    package var call: CallType = .track
    /// What it means.
    package var meaning: EventMeaning = .other
    /// Why it is no event (with `deadLetter`).
    package var reason: DeadLetterReason = .invalidJSON
    /// The channel of a consent change or message.
    package var channel: Channel = .email
    /// Whether `channel` was given.
    package var hasChannel: Bool = false
    /// The new state of a consent change.
    package var consent: ConsentState = .none
    /// What an inbound message asks for.
    package var keyword: InboundKeyword = .other

    /// An event of which nothing is known yet.
    package init() {}
}
