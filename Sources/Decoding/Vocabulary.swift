import Events

// Words of events for values that Collie knows.

extension Channel {
    /// The channel of a word, whatever its case and however its parts are joined; some go by more
    /// than one.
    init?(word: RawSpan) {
        if word.isWord("email") {
            self = .email
        } else if word.isWord("sms") || word.isWord("text") {
            self = .sms
        } else if word.isWord("whatsapp") {
            self = .whatsApp
        } else if word.isWord("viber") {
            self = .viber
        } else if word.isWord("telegram") {
            self = .telegram
        } else if word.isWord("web_push") || word.isWord("webpush") || word.isWord("web-push") {
            self = .webPush
        } else if word.isWord("mobile_push") || word.isWord("push") || word.isWord("mobilepush") {
            self = .mobilePush
        } else if word.isWord("in_app") || word.isWord("inapp") || word.isWord("in-app") {
            self = .inApp
        } else if word.isWord("app_inbox") || word.isWord("appinbox") {
            self = .appInbox
        } else {
            return nil
        }
    }

    /// What an address on the channel can be, the likeliest first.
    ///
    /// WhatsApp reaches people by its own id, which is digits alone, or by a phone number.
    func endpointKinds(of text: RawSpan) -> EndpointKinds {
        switch self {
        case .email: EndpointKinds(.email)
        case .sms: EndpointKinds(.phone)
        case .whatsApp:
            text.byteCount > 0 && text.byte(0) == UInt8(ascii: "+")
                ? EndpointKinds(.phone, .whatsAppID) : EndpointKinds(.whatsAppID)
        case .viber: EndpointKinds(.phone, .viberID)
        case .telegram: EndpointKinds(.telegramChatID)
        case .webPush: EndpointKinds(.webPushToken)
        case .mobilePush: EndpointKinds(.pushToken)
        case .inApp, .appInbox: EndpointKinds()
        }
    }
}

extension ConsentState {
    /// The state of a word, whatever its case.
    init?(word: RawSpan) {
        if word.isWord("subscribed") || word.isWord("opted_in") {
            self = .subscribed
        } else if word.isWord("unsubscribed") || word.isWord("opted_out") {
            self = .unsubscribed
        } else if word.isWord("pending") {
            self = .pending
        } else if word.isWord("did_not_subscribe") {
            self = .didNotSubscribe
        } else if word.isWord("suppressed") {
            self = .suppressed
        } else if word.isWord("none") {
            self = .none
        } else {
            return nil
        }
    }
}

/// Up to two kinds of identifier, in order.
struct EndpointKinds: Sequence, IteratorProtocol {
    private var first: IdentifierKind?
    private var second: IdentifierKind?

    init(_ first: IdentifierKind? = nil, _ second: IdentifierKind? = nil) {
        self.first = first
        self.second = second
    }

    mutating func next() -> IdentifierKind? {
        defer {
            first = second
            second = nil
        }
        return first
    }
}
