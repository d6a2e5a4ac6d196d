/// What a value identifies a person by, strongest first (ID-1).
@frozen
@usableFromInline
package enum IdentifierKind: UInt8, BitwiseCopyable, Hashable, Sendable, CaseIterable {
    case userID = 1
    case email
    case phone
    case whatsAppID
    case viberID
    case telegramChatID
    case pushToken
    case webPushToken
    case anonymousID
    case deviceID

    /// The rank of ID-1: smaller is stronger; kinds of one rank are told apart by age and hash.
    package var rank: UInt8 {
        switch self {
        case .userID: 1
        case .email: 2
        case .phone: 3
        case .whatsAppID, .viberID, .telegramChatID: 4
        case .pushToken, .webPushToken: 5
        case .anonymousID: 6
        case .deviceID: 7
        }
    }

    /// Whether a message can be sent to it.
    package var isEndpoint: Bool {
        switch self {
        case .userID, .anonymousID, .deviceID: false
        default: true
        }
    }

    /// The name used in config and outputs.
    package var name: String {
        switch self {
        case .userID: "user_id"
        case .email: "email"
        case .phone: "phone"
        case .whatsAppID: "wa_id"
        case .viberID: "viber_id"
        case .telegramChatID: "telegram_chat_id"
        case .pushToken: "push_token"
        case .webPushToken: "web_push_token"
        case .anonymousID: "anonymous_id"
        case .deviceID: "device_id"
        }
    }
}

/// A way to reach a person.
@frozen
@usableFromInline
package enum Channel: UInt8, BitwiseCopyable, Hashable, Sendable, CaseIterable {
    case email
    case sms
    case whatsApp
    case viber
    case telegram
    case webPush
    case mobilePush
    case inApp
    case appInbox

    /// The name used in config, topics and outputs.
    package var name: String {
        switch self {
        case .email: "email"
        case .sms: "sms"
        case .whatsApp: "whatsapp"
        case .viber: "viber"
        case .telegram: "telegram"
        case .webPush: "web_push"
        case .mobilePush: "mobile_push"
        case .inApp: "in_app"
        case .appInbox: "app_inbox"
        }
    }

    /// The channel of that name, whatever its case.
    package init?(name: String) {
        let wanted = name.lowercased()
        guard let found = Channel.allCases.first(where: { $0.name == wanted }) else { return nil }
        self = found
    }

    /// Whether the channel shows a message on the shop's own site or app (FC-6): not counted in
    /// outbound caps, open to ambiguous devices (ID-10), and in need of no endpoint.
    package var isOnSite: Bool { self == .inApp || self == .appInbox }

    /// How many channels there are.
    package static var count: Int { 9 }
}

/// How strictly a message is held back: marketing is capped, needs consent and waits for a
/// decent hour; a service message needs an order; a transactional one nothing but an endpoint
/// that is not suppressed.
@frozen
@usableFromInline
package enum MessageClass: UInt8, BitwiseCopyable, Hashable, Sendable, CaseIterable {
    case transactional
    case service
    case marketing

    /// The name used in config and outputs.
    package var name: String {
        switch self {
        case .transactional: "transactional"
        case .service: "service"
        case .marketing: "marketing"
        }
    }
}

/// What a person allowed on one channel of one endpoint (CO-1), least restrictive first.
@frozen
@usableFromInline
package enum ConsentState: UInt8, BitwiseCopyable, Hashable, Comparable, Sendable, CaseIterable {
    case subscribed
    case none
    case pending
    case didNotSubscribe
    case unsubscribed
    case suppressed

    @inlinable
    package static func < (left: ConsentState, right: ConsentState) -> Bool {
        left.rawValue < right.rawValue
    }

    /// The name used in events and config.
    package var name: String {
        switch self {
        case .none: "none"
        case .didNotSubscribe: "did_not_subscribe"
        case .pending: "pending"
        case .subscribed: "subscribed"
        case .unsubscribed: "unsubscribed"
        case .suppressed: "suppressed"
        }
    }
}

/// What an inbound text asks for (CO-5).
@frozen
@usableFromInline
package enum InboundKeyword: UInt8, BitwiseCopyable, Hashable, Sendable {
    /// No keyword: a human must read it.
    case other
    case stop
    case stopAll
    case start
}

/// The call of the event specification that brought an event.
@frozen
@usableFromInline
package enum CallType: UInt8, BitwiseCopyable, Hashable, Sendable {
    case track
    case identify
    case alias
    case page
    case screen
    case group
}

/// What an event means to Collie; the tracking plan maps names to it.
@frozen
@usableFromInline
package enum EventMeaning: UInt8, BitwiseCopyable, Hashable, Sendable, CaseIterable {
    /// History, and a trigger for flows that name it; nothing else.
    case other
    case productViewed
    case productAdded
    case productRemoved
    case cartViewed
    case checkoutStarted
    /// Later checkout steps and payment info: activity on a checkout, else on the open cart.
    case checkoutActivity
    case orderCompleted
    case orderCancelled
    case orderRefunded
    case consentUpdated
    case messageReceived
    /// A click on a message: AB-9's pause counts from it.
    case messageClicked
    case messageOpened
    case unsubscribed
    case markedAsSpam
    case productPriceChanged
    case productStockChanged

    /// The name used in `config/tracking-plan.yaml`.
    package var name: String {
        switch self {
        case .other: "other"
        case .productViewed: "product_viewed"
        case .productAdded: "product_added"
        case .productRemoved: "product_removed"
        case .cartViewed: "cart_viewed"
        case .checkoutStarted: "checkout_started"
        case .checkoutActivity: "checkout_activity"
        case .orderCompleted: "order_completed"
        case .orderCancelled: "order_cancelled"
        case .orderRefunded: "order_refunded"
        case .consentUpdated: "consent_updated"
        case .messageReceived: "message_received"
        case .messageClicked: "message_clicked"
        case .messageOpened: "message_opened"
        case .unsubscribed: "unsubscribed"
        case .markedAsSpam: "marked_as_spam"
        case .productPriceChanged: "product_price_changed"
        case .productStockChanged: "product_stock_changed"
        }
    }
}

/// Why a record is no event.
@frozen
@usableFromInline
package enum DeadLetterReason: UInt8, BitwiseCopyable, Hashable, Sendable, Error, CaseIterable {
    case invalidJSON
    case notAnObject
    case tooLarge
    case missingType
    case unknownType
    case missingIdentity
    case badTimestamp
    case invalidField

    /// The name used in the dead letter's headers.
    package var name: String {
        switch self {
        case .invalidJSON: "invalid_json"
        case .notAnObject: "not_an_object"
        case .tooLarge: "too_large"
        case .missingType: "missing_type"
        case .unknownType: "unknown_type"
        case .missingIdentity: "missing_identity"
        case .badTimestamp: "bad_timestamp"
        case .invalidField: "invalid_field"
        }
    }
}

/// What became of a candidate message.
@frozen
@usableFromInline
package enum Outcome: UInt8, BitwiseCopyable, Hashable, Sendable, CaseIterable {
    case sent
    case ghostHoldout
    case capped
    case cappedReserved
    case gap
    case quietDeferred
    case quietDropped
    case noConsent
    case consentRevoked
    case suppressedEndpoint
    case noEndpoint
    case noEligibleChannel
    case whatsAppWindowClosed
    case templateUnavailable
    case goalMet
    case exited
    case superseded
    case empty
    case cooldown
    case alreadySent
    case outOfStock
    case priceRebounded
    case conditionFalse
    case stale
    case expired
    case flowPaused
    case ambiguousIdentity
    case inheritedEvent
    case merged
    case budgetExhausted
    case lowPropensity
    case contaminated

    /// The reason code of the decision record.
    package var name: String {
        switch self {
        case .sent: "sent"
        case .ghostHoldout: "ghost_holdout"
        case .capped: "capped"
        case .cappedReserved: "capped_reserved"
        case .gap: "gap"
        case .quietDeferred: "quiet_deferred"
        case .quietDropped: "quiet_dropped"
        case .noConsent: "no_consent"
        case .consentRevoked: "consent_revoked"
        case .suppressedEndpoint: "suppressed_endpoint"
        case .noEndpoint: "no_endpoint"
        case .noEligibleChannel: "no_eligible_channel"
        case .whatsAppWindowClosed: "whatsapp_window_closed"
        case .templateUnavailable: "template_unavailable"
        case .goalMet: "goal_met"
        case .exited: "exited"
        case .superseded: "superseded"
        case .empty: "empty"
        case .cooldown: "cooldown"
        case .alreadySent: "already_sent"
        case .outOfStock: "out_of_stock"
        case .priceRebounded: "price_rebounded"
        case .conditionFalse: "condition_false"
        case .stale: "stale"
        case .expired: "expired"
        case .flowPaused: "flow_paused"
        case .ambiguousIdentity: "ambiguous_identity"
        case .inheritedEvent: "inherited_event"
        case .merged: "merged"
        case .budgetExhausted: "budget_exhausted"
        case .lowPropensity: "low_propensity"
        case .contaminated: "contaminated"
        }
    }
}
