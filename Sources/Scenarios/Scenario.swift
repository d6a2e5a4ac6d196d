package import Events
package import Settings

/// A story about customers, and what Collie must decide in it.
///
/// Read from a file by `ScenarioReader`, acted out by `VirtualRun`, judged by `Judgement`.
package struct Scenario: Sendable {
    /// What it tells, in one line.
    package var title: String
    /// Where it stands.
    package var mark: Mark
    /// The folder of the configuration as the file names it; nil takes the caller's.
    package var config: String?
    /// Single settings that are different here.
    package var overrides: YAMLNode?
    /// When the virtual clock begins.
    package var start: EventTime
    /// The last second of virtual time.
    package var end: EventTime
    /// Times in which nothing is processed and records pile up.
    package var outages: [Outage]
    /// What arrives, in order of arrival.
    package var records: [ScenarioRecord]
    /// What must come out.
    package var expectation: Expectation
}

/// A time in which the engine is down.
package struct Outage: Sendable, Equatable {
    /// The first second it is down.
    package var from: EventTime
    /// The second in which it is up again.
    package var to: EventTime
}

/// A record that arrives.
package struct ScenarioRecord: Sendable, Equatable {
    /// When it arrives: its time in Kafka.
    package var received: EventTime
    /// The value.
    package var value: [UInt8]
}

/// An identifier of a person, as a scenario names them.
package struct PersonName: Sendable, Equatable, Hashable {
    /// What kind it is; nil tries user id, anonymous id, e-mail, phone, device id, in this order.
    package var kind: IdentifierKind?
    /// The value.
    package var value: String
}

/// What must come out of a scenario.
///
/// Lists that are nil are not looked at.
package struct Expectation: Sendable {
    /// All send commands, in the order of their decision times.
    package var commands: [Pattern]?
    /// Decisions that must be among those made.
    package var decisions: [Pattern] = []
    /// Decisions that must not be.
    package var noDecisions: [Pattern] = []
    /// Identity records that must be among those written.
    package var identity: [Pattern] = []
    /// All review records.
    package var reviews: [Pattern]?
    /// All dead letters.
    package var deadLetters: [Pattern]?
    /// Identifiers by the person they belong to in the end.
    package var persons: [[PersonName]] = []
    /// Where the list of persons stands.
    package var personsMark: Mark?
    /// How many profiles there are in the end.
    package var profiles: Int?
    /// Counters by name.
    package var counters: [Counter] = []

    /// A counter and its expected value.
    package struct Counter: Sendable {
        /// Its name.
        package var name: String
        /// The value.
        package var value: Int
        /// Where it stands.
        package var mark: Mark
    }
}

/// Fields that an output must have; those that are not named may be anything.
package struct Pattern: Sendable {
    /// Where it stands.
    package var mark: Mark
    /// Whose it is.
    package var person: PersonName?
    /// Instants by field.
    package var times: [(field: String, time: EventTime)] = []
    /// Other fields, compared as `JSONValue.matches` does.
    package var values: [(field: String, value: YAMLNode)] = []
    /// Product ids that the message must show, in any order.
    package var products: [String]?
    /// Rule readings that must be among those of the decision.
    package var rules: [String] = []
    /// How many outputs match, where it must be an exact number.
    package var count: Int?

    /// The instant of a field.
    func time(_ field: String) -> EventTime? { times.first { $0.field == field }?.time }

    /// The text of a field.
    func text(_ field: String) -> String? { values.first { $0.field == field }?.value.text }
}
