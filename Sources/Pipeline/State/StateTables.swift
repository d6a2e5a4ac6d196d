import Events
import Flows
import Memory
import Windows

/// What saved state could not keep under the rules of today.
package struct StateLosses: Sendable, Equatable {
    /// Enrollments whose flow or step is gone.
    package var enrollments = 0
    /// Values of traits that no flow asks for any more.
    package var traits = 0
    /// Zones of profiles that the time zone database does not know any more.
    package var zones = 0

    /// Nothing was lost.
    package init() {}

    /// Whether anything was lost.
    package var isEmpty: Bool { self == StateLosses() }

    /// Adds up.
    package static func += (left: inout StateLosses, right: StateLosses) {
        left.enrollments += right.enrollments
        left.traits += right.traits
        left.zones += right.zones
    }
}

/// What the numbers in saved records meant when they were written, and what they are today.
///
/// Records hold positions: of a flow, a step, a trait, a zone. Names are saved beside them, so that
/// flows may be added, moved and taken away between two runs.
struct StateTables {
    /// A saved flow's place today.
    struct Flow {
        /// Its position; nil if it is gone.
        var index: Int?
        /// Each saved step's position, -1 if it is gone; nil if all steps are where they were.
        var steps: [Int]?
    }

    private(set) var flows: [Flow] = []
    private(set) var attributes: [UInt16?] = []
    private(set) var zones: [ZoneIndex] = []
    /// What an amount without currency was in, where that is another one today.
    private(set) var formerCurrency: UInt32 = 0
    /// Everything means what it meant: profiles need no change.
    private(set) var isSame = true

    // What is hashed to tell whether two keys are one.
    private static func proof(_ rules: Rules) -> Hash128 {
        rules.hashKey.hash(kind: HashKind.profile, "snapshot")
    }

    static func save(_ compiled: CompiledRules, _ layouts: StateLayouts) -> StateBuffer {
        let rules = compiled.rules
        var buffer = StateBuffer()
        buffer.put(layouts.number)
        let proof = proof(rules)
        buffer.put(proof.high)
        buffer.put(proof.low)
        buffer.put(rules.shopCurrency)
        buffer.put(UInt32(rules.zones.names.count))
        for name in rules.zones.names { buffer.put(text: name) }
        buffer.put(UInt32(rules.flows.count))
        for (index, flow) in rules.flows.enumerated() {
            buffer.put(compiled.flowHashes[index])
            buffer.put(UInt32(flow.steps.count))
            for step in flow.steps { buffer.put(text: step.id) }
        }
        buffer.put(UInt32(rules.attributeNames.count))
        for (index, name) in rules.attributeNames.enumerated() {
            buffer.put(text: name)
            buffer.put(UInt8(rules.isTrait(UInt16(index)) ? 1 : 0))
        }
        return buffer
    }

    /// Reads the tables and compares them with the rules of today.
    init(
        _ reader: inout StateReader,
        _ compiled: CompiledRules,
        _ layouts: StateLayouts
    ) throws(StateError) {
        let rules = compiled.rules
        guard try reader.get(UInt64.self) == layouts.number else {
            throw .foreign("it was written by another version of Collie")
        }
        let proof = Hash128(
            high: try reader.get(UInt64.self),
            low: try reader.get(UInt64.self)
        )
        guard proof == StateTables.proof(rules) else {
            throw .foreign(
                "it was written under another hash_key, with which every person has another id"
            )
        }
        let currency = try reader.get(UInt32.self)
        if currency != rules.shopCurrency { formerCurrency = currency }
        for _ in 0..<(try reader.get(UInt32.self)) {
            zones.append(rules.zones.index(of: try reader.text()))
        }
        for _ in 0..<(try reader.get(UInt32.self)) {
            let hash = try reader.get(UInt64.self)
            var steps: [String] = []
            for _ in 0..<(try reader.get(UInt32.self)) { steps.append(try reader.text()) }
            flows.append(StateTables.flow(hash, steps, compiled))
        }
        for _ in 0..<(try reader.get(UInt32.self)) {
            let name = try reader.text()
            let index = rules.attributeNames.firstIndex(of: name).map(UInt16.init)
            let today = index.flatMap { rules.isTrait($0) ? $0 : nil }
            let wasTrait = try reader.get(UInt8.self) != 0
            if wasTrait, today != UInt16(attributes.count) { isSame = false }
            attributes.append(today)
        }
        if formerCurrency != 0 { isSame = false }
        for (saved, zone) in zones.enumerated() where Int(zone) != saved { isSame = false }
        for (saved, flow) in flows.enumerated() where flow.index != saved || flow.steps != nil {
            isSame = false
        }
    }

    private static func flow(_ hash: UInt64, _ steps: [String], _ compiled: CompiledRules) -> Flow {
        guard let index = compiled.flowHashes.firstIndex(of: hash) else {
            return Flow(index: nil, steps: nil)
        }
        let today = compiled.rules.flows[index].steps.map(\.id)
        if today.starts(with: steps) { return Flow(index: index, steps: nil) }
        return Flow(index: index, steps: steps.map { today.firstIndex(of: $0) ?? -1 })
    }
}
