package import Events

/// What a flow asks about a person, a cart or the event that triggered it.
///
/// A tree of small questions, compiled from the structured YAML of a flow file. Evaluated only
/// when a candidate is judged or a flow is entered, never for each event.
package indirect enum Condition: Sendable, Equatable {
    /// Every part holds; an empty list holds.
    case all([Condition])
    /// At least one part holds; an empty list does not.
    case any([Condition])
    /// The part does not hold.
    case not(Condition)
    /// The subject passes the test. An unknown subject passes `missing` only.
    case test(Subject, Test)

    /// What is asked about.
    package enum Subject: Sendable, Equatable {
        /// Sum of known price × quantity, in millionths; unknown without a known price.
        case cartValue
        /// Sum of quantities.
        case cartQuantity
        /// Number of lines.
        case cartLines
        /// Currency of the cart, as packed letters.
        case cartCurrency
        /// A trait of the profile, by index into the tracking plan's attributes.
        case profile(attribute: UInt16)
        /// A property of the triggering event, by index; for entry conditions only.
        case event(attribute: UInt16)
        /// Orders of the profile within a span before the decision.
        case orderCount(within: TimeSpan)
        /// Whether the profile holds a user id.
        case isKnown
        /// Whether the profile has an endpoint on a channel.
        case reachable(Channel)
        /// Country of the profile, as packed letters.
        case country
    }

    /// What is asked.
    package enum Test: Sendable, Equatable {
        /// It has a value.
        case exists
        /// It has none.
        case missing
        /// It is one of these.
        case isOneOf([Value])
        /// It has a value, and is none of these.
        case isNoneOf([Value])
        /// It is a number below the bound.
        case isLess(than: Double)
        /// It is a number at most the bound.
        case isAtMost(Double)
        /// It is a number above the bound.
        case isGreater(than: Double)
        /// It is a number at least the bound.
        case isAtLeast(Double)
    }

    /// A value to compare with.
    package enum Value: Sendable, Equatable {
        /// A number; money in units of the currency, not millionths.
        case number(Double)
        /// A text by the low half of its SipHash (kind `HashKind.attribute`); countries and
        /// currencies as packed letters.
        case text(UInt64)
        /// A truth value.
        case boolean(Bool)
    }
}
