package import Events

/// What a decoder counts.
package struct DecodingCounters: Sendable, Equatable {
    /// Records seen.
    package var records = 0
    /// Records that are events, tombstones among them.
    package var events = 0
    /// Records without a value that a CloudEvents producer sent on purpose (EV-6).
    package var tombstones = 0
    /// Identifiers that identify nobody (ID-3).
    package var blockedIdentifiers = 0
    /// Values of a type or form that their field cannot have.
    package var ignoredFields = 0
    /// Products beyond what an event may have.
    package var droppedProducts = 0
    /// Identifiers beyond what an event may have.
    package var droppedIdentifiers = 0
    /// Dead letters by reason, in the order of `DeadLetterReason`.
    package private(set) var deadLetters = [Int](
        repeating: 0,
        count: DeadLetterReason.allCases.count
    )

    /// Nothing counted.
    package init() {}

    /// Records that are no events, for a reason.
    package subscript(reason: DeadLetterReason) -> Int {
        get { deadLetters[Int(reason.rawValue)] }
        set { deadLetters[Int(reason.rawValue)] = newValue }
    }

    /// Adds what another decoder counted.
    package static func += (left: inout DecodingCounters, right: DecodingCounters) {
        left.records += right.records
        left.events += right.events
        left.tombstones += right.tombstones
        left.blockedIdentifiers += right.blockedIdentifiers
        left.ignoredFields += right.ignoredFields
        left.droppedProducts += right.droppedProducts
        left.droppedIdentifiers += right.droppedIdentifiers
        for reason in DeadLetterReason.allCases { left[reason] += right[reason] }
    }
}
