package import Events

/// Reads a plan's values out of records and makes nothing of them.
///
/// What simdjson costs alone, as a roof for the decoder; part of no pipeline. Owned by one thread.
package struct PlanScan: ~Copyable {
    private let reader: DocumentReader

    /// Makes a reader of what the plan asks for.
    package init(_ plan: TrackingPlan) {
        var reader = DocumentReader(documentMax: plan.bodyMax)
        _ = CompiledPlan(plan, reader)
        reader.seal()
        self.reader = reader
    }

    /// Reads all records of a block; answers how many are JSON.
    package func read(_ block: EventBlock) -> Int {
        var count = 0
        for index in 0..<block.count where reader.read(block[record: index].value, of: block) {
            count += 1
        }
        return count
    }
}
