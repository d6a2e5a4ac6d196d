package import Events

/// How many identifiers of each kind one person may have, and when to stop merging.
package struct IdentityRules: Sendable, Equatable {
    /// At most so many identifiers of a kind in so much event time (ID-1).
    package struct Limit: Sendable, Equatable {
        /// How many.
        package var count: Int
        /// Within how much time; `unlimited` is ever.
        package var span: TimeSpan

        /// Makes a limit.
        package init(count: Int, span: TimeSpan) {
            self.count = count
            self.span = span
        }
    }

    /// The limits, by `IdentifierKind.rawValue`.
    package var limits: [Limit]
    /// More distinct user ids than this on one value quarantine it (ID-11).
    package var userIDsPerValueMax = 5
    /// Identifiers a profile may have before it stops merging (ID-12).
    package var mappingsMax = 1_000
    /// Merges a profile may have before it stops merging (ID-12).
    package var mergesMax = 100
    /// Profiles that may hold one endpoint.
    package var holdersMax = 100
    /// What an ambiguous device collected goes to the next user who logs in (ID-10's option).
    package var sessionAttribution = false

    /// The defaults of ID-1.
    package init() {
        limits = Array(
            repeating: Limit(count: 3, span: .unlimited),
            count: IdentifierKind.allCases.count + 1
        )
        self[.userID] = Limit(count: 1, span: .unlimited)
        self[.email] = Limit(count: 5, span: .days(365))
        self[.phone] = Limit(count: 3, span: .days(365))
        self[.whatsAppID] = Limit(count: 3, span: .unlimited)
        self[.viberID] = Limit(count: 3, span: .unlimited)
        self[.telegramChatID] = Limit(count: 3, span: .unlimited)
        self[.pushToken] = Limit(count: 10, span: .unlimited)
        self[.webPushToken] = Limit(count: 10, span: .unlimited)
        self[.anonymousID] = Limit(count: 20, span: .days(30))
        self[.deviceID] = Limit(count: 10, span: .days(365))
    }

    /// The limit of a kind.
    package subscript(kind: IdentifierKind) -> Limit {
        get { limits[Int(kind.rawValue)] }
        set { limits[Int(kind.rawValue)] = newValue }
    }
}
