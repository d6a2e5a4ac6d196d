import Decoding
import Events
import Flows
import FrequencyCapping
import Identity
import Pipeline
import Profiles
import TimeZones
import Windows

/// Reads all files of a configuration, one after the other, and joins them.
struct ConfigReader {
    let source: ConfigSource
    let options: SettingsOptions
    let mistakes: Mistakes
    private(set) var effective = ""

    // Reading the machine's zones takes a while and gives the same each time.
    private static let zones = SystemZones.load()

    init(source: ConfigSource, options: SettingsOptions, mistakes: Mistakes) {
        self.source = source
        self.options = options
        self.mistakes = mistakes
    }

    mutating func read(overrides: YAMLNode?) -> Settings? {
        guard source.hasFolder else {
            mistakes.add(
                "the file is missing: there is no such folder",
                at: Mark(file: source.path(of: "collie.yaml"), line: 1, column: 1)
            )
            return nil
        }
        var trees = ConfigTrees(source: source, mistakes: mistakes)
        if let overrides { trees.apply(overrides) }
        trees.interpolate()

        let zones = ConfigReader.zones
        guard let collie = CollieFile(trees.collie, zones: zones, mistakes) else { return nil }
        let shop = collie.shop()
        let identity = collie.fields.fields("identity", as: IdentitySection.kind).map {
            IdentitySection(fields: $0)
        }
        // A stand-in for a missing key, so that the flows are checked all the same.
        let hashKey = identity?.hashKey() ?? SipHash(key0: 0, key1: 0)
        let identityRules = identity?.rules() ?? IdentityRules()
        let times = collie.times()
        let kafka = collie.fields.section("kafka", as: KafkaSection.kind).map {
            KafkaSection(fields: $0).settings()
        }
        let engine = collie.fields.section("engine", as: EngineSection.kind).map {
            EngineSection(fields: $0).settings()
        }
        let snapshots = collie.snapshots()
        let health = collie.health()
        let deadline = collie.shutdownDeadline()
        note("collie.yaml", collie.fields)

        let planFile = TrackingPlanFile(trees.trackingPlan, mistakes)
        var plan = planFile?.plan(shopCountry: shop.country) ?? TrackingPlan()
        if let planFile { note("tracking-plan.yaml", planFile.fields, masksKeys: false) }

        let attributes = AttributeTable()
        let context = FlowContext(
            hashKey: hashKey,
            plan: plan,
            isPlanBroken: trees.trackingPlan.isBroken,
            conditions: ConditionReader(
                hashKey: hashKey,
                attributes: attributes,
                mistakes: mistakes
            ),
            options: options,
            mistakes: mistakes
        )
        let flows = readFlows(trees, context)

        let engineSettings = engine ?? EngineSettings()
        var rules = Rules(
            hashKey: hashKey,
            zones: zones,
            shopZone: shop.zone,
            shopCountry: shop.country,
            shopCurrency: shop.currency
        )
        rules.source = shop.source
        rules.disorder = times.disorder
        rules.maxAge = times.maxAge
        rules.dedupeSpan = times.dedupeSpan
        rules.dedupeMax = times.dedupeMax
        rules.identity = identityRules
        rules.flows = flows.map(\.flow)
        rules.attributeNames = attributes.paths
        rules.attributeIsTrait = attributes.isTrait
        plan.attributes = attributes.paths
        if let fields = trees.policies.fields(as: PoliciesFile.kind, mistakes) {
            let policies = PoliciesFile(
                fields: fields,
                flows: rules.flows,
                brokenFlows: brokenFlows(trees, flows),
                zones: zones,
                sendsMax: engineSettings.limits.sendsMax,
                sendSpan: engineSettings.limits.sendSpan
            )
            rules.firstWeekday = policies.firstWeekday()
            rules.caps = policies.caps()
            rules.gaps = policies.gaps()
            rules.quiet = policies.quietRules()
            rules.impliedConsent = policies.impliedConsent()
            policies.checkIDs()
            note("policies.yaml", fields)
        }
        for flow in flows { note(flow.name, flow.fields) }
        // Lints judge a configuration that can be understood; errors come first.
        if !mistakes.hasErrors {
            Lints(rules: rules, nodes: flows.map(\.node), mistakes: mistakes).run()
        }
        return Settings(
            rules: rules,
            plan: plan,
            kafka: kafka ?? KafkaOptions(),
            kafkaPlaces: KafkaPlaces(collie.fields.node),
            engine: engineSettings,
            snapshots: snapshots,
            health: health,
            shutdownDeadline: deadline,
            effective: "",
            warnings: []
        )
    }

    private mutating func note(_ name: String, _ fields: Fields, masksKeys: Bool = true) {
        if !effective.isEmpty { effective += "\n" }
        effective += "# \(name)\n" + fields.outline.node.yaml(masksKeys: masksKeys)
    }

    /// A flow with where it came from.
    private struct ReadFlow {
        var name: String
        var node: YAMLNode
        var fields: Fields
        var flow: FlowDefinition
    }

    // All flows by id; a second one with the same id or stage is an error.
    private func readFlows(_ trees: ConfigTrees, _ context: FlowContext) -> [ReadFlow] {
        var flows: [ReadFlow] = []
        for tree in trees.flows {
            guard let file = FlowFile(tree.node, context), let flow = file.flow() else { continue }
            let mark = tree.node["id"]?.mark ?? tree.node.mark
            if let other = flows.first(where: { $0.flow.id == flow.id }) {
                let place = other.node["id"]?.mark ?? other.node.mark
                mistakes.add("the flow id `\(flow.id)` is used in \(place) already", at: mark)
                continue
            }
            if let stage = stage(flow),
                let other = flows.first(where: { self.stage($0.flow) == stage })
            {
                mistakes.add(
                    "the flow `\(other.flow.id)` has the trigger `abandoned: \(stage)` already; "
                        + "there can be one",
                    at: tree.node["trigger"]?.mark ?? mark
                )
            }
            flows.append(
                ReadFlow(name: tree.name, node: tree.node, fields: file.fields, flow: flow)
            )
        }
        if let flow = flows.dropFirst(FlowFile.flowsMax).first {
            mistakes.add("more than \(FlowFile.flowsMax) flows", at: flow.node.mark)
        }
        return flows.sorted { $0.flow.id < $1.flow.id }
    }

    // What flows call themselves whose files have mistakes: rules may name them all the same.
    private func brokenFlows(_ trees: ConfigTrees, _ flows: [ReadFlow]) -> Set<String>? {
        if trees.hasBrokenFlow { return nil }
        var names = Set<String>()
        for tree in trees.flows where !flows.contains(where: { $0.name == tree.name }) {
            guard let id = tree.node["id"]?.text else { return nil }
            names.insert(id)
            names.formUnion(tree.node["tags"]?.elements?.compactMap(\.text) ?? [])
        }
        return names
    }

    private func stage(_ flow: FlowDefinition) -> String? {
        switch flow.trigger {
        case .abandonedView: "view"
        case .abandonedCart: "cart"
        case .abandonedCheckout: "checkout"
        case .event: nil
        }
    }
}
