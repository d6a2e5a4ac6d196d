/// Every kind of mapping in a configuration, with its place in the JSON Schemas of `config/schemas`.
///
/// The schemas serve editors; a test holds them against this list, so that they say what the
/// loader reads.
package enum ConfigFormat {
    /// A kind and where the schemas describe it.
    package struct Entry: Sendable {
        /// The schema's file, without `.schema.json`.
        package var schema: String
        /// Its name under `$defs`; nil is the file itself.
        package var definition: String?
        /// What the loader reads.
        package var kind: MappingKind
    }

    /// All kinds.
    package static let entries: [Entry] = [
        Entry(schema: "collie", kind: CollieFile.kind),
        Entry(schema: "collie", definition: "shop", kind: CollieFile.shopKind),
        Entry(schema: "collie", definition: "identity", kind: IdentitySection.kind),
        Entry(schema: "collie", definition: "limits", kind: IdentitySection.limitsKind),
        Entry(schema: "collie", definition: "limit", kind: IdentitySection.limitKind),
        Entry(schema: "collie", definition: "time", kind: CollieFile.timeKind),
        Entry(schema: "collie", definition: "kafka", kind: KafkaSection.kind),
        Entry(schema: "collie", definition: "output", kind: KafkaSection.outputKind),
        Entry(schema: "collie", definition: "engine", kind: EngineSection.kind),
        Entry(schema: "collie", definition: "epoch", kind: EngineSection.epochKind),
        Entry(schema: "collie", definition: "profile_limits", kind: EngineSection.limitsKind),
        Entry(schema: "collie", definition: "snapshots", kind: CollieFile.snapshotsKind),
        Entry(schema: "collie", definition: "health", kind: CollieFile.healthKind),
        Entry(schema: "collie", definition: "shutdown", kind: CollieFile.shutdownKind),
        Entry(schema: "policies", kind: PoliciesFile.kind),
        Entry(schema: "policies", definition: "cap", kind: PoliciesFile.capKind),
        Entry(schema: "policies", definition: "gap", kind: PoliciesFile.gapKind),
        Entry(schema: "policies", definition: "quiet", kind: PoliciesFile.quietKind),
        Entry(schema: "policies", definition: "implied", kind: PoliciesFile.impliedKind),
        Entry(schema: "tracking-plan", kind: TrackingPlanFile.kind),
        Entry(schema: "tracking-plan", definition: "email", kind: TrackingPlanFile.emailKind),
        Entry(schema: "tracking-plan", definition: "keywords", kind: TrackingPlanFile.keywordsKind),
        Entry(schema: "tracking-plan", definition: "limits", kind: TrackingPlanFile.limitsKind),
        Entry(schema: "tracking-plan", definition: "event", kind: TrackingPlanFile.eventKind),
        Entry(schema: "tracking-plan", definition: "fields", kind: TrackingPlanFile.fieldsKind),
        Entry(schema: "tracking-plan", definition: "product", kind: TrackingPlanFile.productKind),
        Entry(schema: "flow", kind: FlowFile.kind),
        Entry(schema: "flow", definition: "trigger", kind: TriggerKind.mapping),
        Entry(schema: "flow", definition: "match", kind: FlowContext.matchKind),
        Entry(schema: "flow", definition: "re_entry", kind: FlowFile.reEntryKind),
        Entry(schema: "flow", definition: "on_cap", kind: FlowFile.onCapKind),
        Entry(schema: "flow", definition: "defer", kind: FlowFile.deferKind),
        Entry(schema: "flow", definition: "step", kind: StepKind.mapping),
        Entry(schema: "flow", definition: "send", kind: StepKind.sendKind),
    ]

    /// What a condition may ask, by its key.
    package static let operators = ConditionReader.operators

    /// What a condition may ask about; a name that ends in `…` goes on freely.
    package static let subjects = ConditionSubject.names
}
