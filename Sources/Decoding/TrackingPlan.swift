package import Events
package import Normalisation

/// What the shop's events are called and where their values stand.
///
/// Read from `config/tracking-plan.yaml` by `Settings`, compiled by the decoder. Names are compared
/// without case; paths are dotted, from the event's root, and the first that has a value wins.
package struct TrackingPlan: Sendable, Equatable {
    /// An event by name.
    package struct EventName: Sendable, Equatable {
        /// The name that flows use; other spellings are aliases.
        package var name: String
        /// Other names of the same event (v1 of the specification, other products).
        package var aliases: [String]
        /// What it means.
        package var meaning: EventMeaning
        /// The channel it is about where the event itself does not say (the e-mail spec).
        package var channel: Channel?

        /// Makes a name.
        package init(
            name: String,
            aliases: [String] = [],
            meaning: EventMeaning,
            channel: Channel? = nil
        ) {
            self.name = name
            self.aliases = aliases
            self.meaning = meaning
            self.channel = channel
        }
    }

    /// A value that Collie reads out of an event.
    package enum Field: String, Sendable, Hashable, CaseIterable {
        case cartID = "cart_id"
        case checkoutID = "checkout_id"
        case orderID = "order_id"
        case currency
        /// The list of products.
        case products
        case shippingCountry = "shipping_country"
        case email
        case phone
        case whatsAppID = "wa_id"
        case viberID = "viber_id"
        case telegramChatID = "telegram_chat_id"
        case pushToken = "push_token"
        case webPushToken = "web_push_token"
        case deviceID = "device_id"
        case timeZoneTrait = "time_zone_trait"
        case timeZoneContext = "time_zone_context"
        case locale
        case traceparent
        case channel
        case state
        case purpose
        case endpoint
        case from
        case text
        case cartAction = "cart_action"
    }

    /// A value of one product, looked for in each element of the list, and under `properties` for
    /// events that are about one product.
    package enum ProductField: String, Sendable, Hashable, CaseIterable {
        case id
        case name
        case price
        case quantity
        case url
        case imageURL = "image_url"
        case stock
    }

    /// The known events; all others mean `EventMeaning.other`.
    package var events: [EventName] = []
    /// Where each field stands.
    package var paths: [Field: [String]] = [:]
    /// Where each field of a product stands, relative to the product.
    package var productPaths: [ProductField: [String]] = [:]
    /// What conditions ask for, by `Attribute.index`: `properties.plan`, `traits.tier`.
    package var attributes: [String] = []
    /// Whose national phone numbers are read, as packed letters; 0 is nobody's.
    package var defaultCountry: UInt16 = 0
    /// What else is taken for the same mailbox.
    package var emailOptions: EmailNormaliser.Options = []
    /// Identifier values that identify nobody (ID-3), in lower case; compared without case.
    package var blockedValues: Set<String> = TrackingPlan.standardBlockedValues
    /// Phone numbers in E.164 and e-mail addresses that identify nobody, the shop's own.
    package var blockedEndpoints: Set<String> = []
    /// Inbound words and what they ask for, in lower case without punctuation (CO-5).
    package var keywords: [String: InboundKeyword] = TrackingPlan.standardKeywords
    /// Event times later than `receivedAt` by more than this become `receivedAt` (TM-1).
    package var futureTolerance: TimeSpan = .minutes(5)
    /// Longer bodies are dead letters, in bytes (EV-5).
    package var bodyMax = 32_768
    /// More traits make an event a dead letter (EV-5).
    package var traitsMax = 300
    /// Longer messageIds make an event a dead letter, in bytes (EV-5).
    package var messageIDMax = 100

    /// A plan that knows no events.
    package init() {}

    /// ID-3's list; what matches `^[0-]*$` and blank values are blocked besides.
    package static let standardBlockedValues: Set<String> = [
        "-1", "null", "none", "nan", "undefined", "[object object]", "true", "false", "anonymous",
        "guest", "id", "email", "not_authenticated", "distinct_id", "unknown", "test",
    ]

    /// CO-5's keywords.
    package static let standardKeywords: [String: InboundKeyword] = [
        "stop": .stop, "unsubscribe": .stop, "cancel": .stop, "end": .stop, "quit": .stop,
        "optout": .stop, "revoke": .stop, "stopall": .stopAll, "stop all": .stopAll,
        "start": .start, "yes": .start, "unstop": .start,
    ]
}
