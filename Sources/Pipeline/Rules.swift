package import Events
package import Flows
package import FrequencyCapping
package import Identity
package import Windows

/// Everything that the shop decided: what the pipeline reads and never changes.
package struct Rules: Sendable {
    /// Keys every hash of an identifier.
    package var hashKey: SipHash
    /// How far behind the newest event others may still come (TM-2).
    package var disorder: TimeSpan = .minutes(5)
    /// Older events arm and start nothing (TM-1).
    package var maxAge: TimeSpan = .hours(72)
    /// How long a messageId is remembered (TM-3).
    package var dedupeSpan: TimeSpan = .hours(24)
    /// How many messageIds are remembered.
    package var dedupeMax: Int = 32_000_000
    /// Joining of identifiers.
    package var identity = IdentityRules()
    /// The flows, in the order of their ids.
    package var flows: [FlowDefinition] = []
    /// The frequency caps.
    package var caps: [CapRule] = []
    /// The gaps.
    package var gaps: [GapRule] = []
    /// The quiet hours.
    package var quiet: [QuietRule] = []
    /// Where marketing needs no subscription.
    package var impliedConsent: [ImpliedConsentRule] = []
    /// The zones.
    package var zones: ZoneTable
    /// The shop's own zone, the last resort of QH-2.
    package var shopZone: ZoneIndex
    /// The shop's country, as packed letters.
    package var shopCountry: UInt16
    /// The shop's currency, as packed letters; what a cart without one is in.
    package var shopCurrency: UInt32
    /// The first day of a calendar week: 1 is Monday, 7 Sunday.
    package var firstWeekday: Int = 1
    /// Texts by attribute index, for the explanation of decisions.
    package var attributeNames: [String] = []
    /// Which attributes are traits of the profile, by index; the others are properties of an event.
    package var attributeIsTrait: [Bool] = []
    /// `ce_source` of every output.
    package var source: String = "collie"

    /// Makes the rules of a shop without flows, caps or quiet hours.
    package init(
        hashKey: SipHash,
        zones: ZoneTable,
        shopZone: ZoneIndex,
        shopCountry: UInt16,
        shopCurrency: UInt32
    ) {
        self.hashKey = hashKey
        self.zones = zones
        self.shopZone = shopZone
        self.shopCountry = shopCountry
        self.shopCurrency = shopCurrency
    }
}

extension Rules {
    /// Whether an attribute is a trait of the profile, and so remembered.
    package func isTrait(_ index: UInt16) -> Bool {
        Int(index) < attributeIsTrait.count && attributeIsTrait[Int(index)]
    }
}
