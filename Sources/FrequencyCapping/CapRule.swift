package import Events
package import Windows

/// A set of channels, one bit each.
package struct ChannelSet: OptionSet, BitwiseCopyable, Hashable, Sendable {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    /// The set of one channel.
    package init(_ channel: Channel) { rawValue = 1 << UInt16(channel.rawValue) }

    /// Every channel.
    package static let all = ChannelSet(rawValue: (1 << UInt16(Channel.count)) - 1)

    /// Every channel that counts in outbound caps (FC-6).
    package static let outbound = ChannelSet(
        rawValue: all.rawValue & ~(1 << UInt16(Channel.inApp.rawValue))
            & ~(1 << UInt16(Channel.appInbox.rawValue))
    )
}

/// A set of message classes, one bit each.
package struct ClassSet: OptionSet, BitwiseCopyable, Hashable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The set of one class.
    package init(_ messageClass: MessageClass) { rawValue = 1 << messageClass.rawValue }

    /// Every class.
    package static let all = ClassSet(rawValue: 7)
    /// Marketing alone.
    package static let marketing = ClassSet(.marketing)
}

/// At most so many messages in a window (FC-1, FC-2, FC-5).
package struct CapRule: Sendable, Equatable {
    /// The time over which messages are counted.
    package enum Window: Sendable, Equatable {
        /// The last so much time: `(t - span, …)`.
        case sliding(TimeSpan)
        /// A local calendar interval, in the recipient's zone unless a zone is given.
        case calendar(CalendarUnit, zone: ZoneIndex?)
    }

    /// Name, written into decisions.
    package var id: String
    /// Which channels count, together.
    package var channels: ChannelSet
    /// Which classes it holds back; what counts is the flow's `countsTowardCaps`.
    package var classes: ClassSet
    /// The flows it concerns, as indices; empty is all.
    package var flows: [Int]
    /// The flows it does not hold back (their messages still count).
    package var exemptFlows: [Int]
    /// How many messages.
    package var limit: Int
    /// In how much time.
    package var window: Window

    /// Makes a rule for all marketing.
    package init(id: String, channels: ChannelSet, limit: Int, window: Window) {
        self.id = id
        self.channels = channels
        classes = .marketing
        flows = []
        exemptFlows = []
        self.limit = limit
        self.window = window
    }
}

/// A message not earlier than so much after the last one (FC-3).
package struct GapRule: Sendable, Equatable {
    /// Name, written into decisions.
    package var id: String
    /// The channels among which the gap is kept.
    package var channels: ChannelSet
    /// Which classes it holds back.
    package var classes: ClassSet
    /// How long the gap is.
    package var span: TimeSpan

    /// Makes a rule for all marketing.
    package init(id: String, channels: ChannelSet, span: TimeSpan) {
        self.id = id
        self.channels = channels
        classes = .marketing
        self.span = span
    }
}

/// Hours in which people are not written to (QH-1).
package struct QuietRule: Sendable, Equatable {
    /// Name, written into decisions.
    package var id: String
    /// The channels it silences.
    package var channels: ChannelSet
    /// The classes it silences.
    package var classes: ClassSet
    /// The countries it holds for, as packed letters; empty is all.
    package var countries: [UInt16]
    /// The hours, in the recipient's zone.
    package var window: QuietWindow

    /// Makes a rule for all marketing everywhere.
    package init(id: String, channels: ChannelSet, window: QuietWindow) {
        self.id = id
        self.channels = channels
        classes = .marketing
        countries = []
        self.window = window
    }
}

/// Where marketing may go to people who were never asked (CO-1: `none` where law allows).
package struct ImpliedConsentRule: Sendable, Equatable {
    /// The country, as packed letters; 0 is every country.
    package var country: UInt16
    /// The channels.
    package var channels: ChannelSet

    /// Makes a rule.
    package init(country: UInt16, channels: ChannelSet) {
        self.country = country
        self.channels = channels
    }
}
