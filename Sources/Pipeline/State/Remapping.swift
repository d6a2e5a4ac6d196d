import Events
import Memory
import Profiles

// A profile that was saved under other settings, brought to those of today.

extension ShardPipeline {
    /// Moves what an open profile was read with to its places of today; what has none is dropped
    /// and counted.
    mutating func remap(
        _ slot: UInt32,
        _ tables: StateTables,
        _ losses: inout StateLosses
    ) throws(StateError) {
        let profile = store.profiles[slot]
        store.profiles[slot].traitZone = try zone(profile.traitZone, tables, &losses)
        store.profiles[slot].contextZone = try zone(profile.contextZone, tables, &losses)
        var cart = profile.carts
        while cart != 0 {
            if store.carts[cart].currency == 0 {
                store.carts[cart].currency = tables.formerCurrency
            }
            cart = store.carts[cart].next
        }
        try remapEnrollments(slot, tables, &losses)
        try remapTraits(slot, tables, &losses)
    }

    private func zone(
        _ saved: UInt16,
        _ tables: StateTables,
        _ losses: inout StateLosses
    ) throws(StateError) -> UInt16 {
        guard Int(saved) < tables.zones.count else { throw .damaged("a zone without a name") }
        let zone = tables.zones[Int(saved)]
        if zone == 0, saved != 0 { losses.zones += 1 }
        return zone
    }

    private mutating func remapEnrollments(
        _ slot: UInt32,
        _ tables: StateTables,
        _ losses: inout StateLosses
    ) throws(StateError) {
        var handle = store.profiles[slot].enrollments
        while handle != 0 {
            let saved = store.enrollments[handle]
            guard Int(saved.flowIndex) < tables.flows.count else {
                throw .damaged("an enrollment without a flow")
            }
            if var record = moved(saved, tables.flows[Int(saved.flowIndex)]) {
                if record.lines != 0, record.currency == 0 {
                    record.currency = tables.formerCurrency
                }
                store.enrollments[handle] = record
            } else {
                store.freeEnrollment(handle, of: slot)
                losses.enrollments += 1
            }
            handle = saved.next
        }
    }

    /// An enrollment in the flow as it is today; nil if the flow or its next step is gone.
    private func moved(_ saved: EnrollmentRecord, _ flow: StateTables.Flow) -> EnrollmentRecord? {
        guard let index = flow.index else { return nil }
        var record = saved
        record.flowIndex = UInt16(index)
        guard let steps = flow.steps else { return record }
        guard Int(saved.step) < steps.count, steps[Int(saved.step)] >= 0 else { return nil }
        record.step = UInt8(steps[Int(saved.step)])
        record.anchors = .init(repeating: .none)
        for (old, new) in steps.enumerated() where new >= 0 && old < saved.anchors.count {
            record.anchors[new] = saved.anchors[old]
        }
        return record
    }

    private mutating func remapTraits(
        _ slot: UInt32,
        _ tables: StateTables,
        _ losses: inout StateLosses
    ) throws(StateError) {
        var previous: UInt32 = 0
        var handle = store.profiles[slot].traits
        while handle != 0 {
            let trait = store.traits[handle]
            guard Int(trait.value.index) < tables.attributes.count else {
                throw .damaged("a trait without a name")
            }
            if let index = tables.attributes[Int(trait.value.index)] {
                store.traits[handle].value.index = index
                previous = handle
            } else {
                if previous == 0 {
                    store.profiles[slot].traits = trait.next
                } else {
                    store.traits[previous].next = trait.next
                }
                store.texts.give(back: trait.message)
                store.traits.give(back: handle)
                losses.traits += 1
            }
            handle = trait.next
        }
    }
}
