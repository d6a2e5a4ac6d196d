import Decoding
import Events
import Normalisation

/// Reads `tracking-plan.yaml`: what events are called and where their values stand.
struct TrackingPlanFile {
    static let kind = MappingKind(
        "tracking-plan.yaml",
        keys: [
            "default_country", "email", "blocked_values", "blocked_endpoints", "keywords",
            "limits", "events", "fields", "product",
        ],
        required: ["events"]
    )
    static let emailKind = MappingKind("email", keys: ["ignore_dots", "ignore_plus_tags"])
    static let keywordsKind = MappingKind("keywords", keys: ["stop", "stop_all", "start"])
    static let limitsKind = MappingKind(
        "the limits of events",
        keys: ["future_tolerance", "body_bytes", "traits", "message_id_bytes"]
    )
    static let eventKind = MappingKind("an event", keys: ["means", "aliases", "channel"])
    static let fieldsKind = MappingKind(
        "the fields",
        keys: TrackingPlan.Field.allCases.map(\.rawValue)
    )
    static let productKind = MappingKind(
        "the product",
        keys: TrackingPlan.ProductField.allCases.map(\.rawValue)
    )

    /// More paths of one field are not looked for.
    static let pathsMax = 16

    let fields: Fields
    private let mistakes: Mistakes

    init?(_ tree: ConfigTrees.Tree, _ mistakes: Mistakes) {
        guard let fields = tree.fields(as: TrackingPlanFile.kind, mistakes) else { return nil }
        self.fields = fields
        self.mistakes = mistakes
    }

    func plan(shopCountry: UInt16) -> TrackingPlan {
        var plan = TrackingPlan()
        plan.defaultCountry =
            fields["default_country"]?.readCountry("`default_country`", mistakes) ?? shopCountry
        if let email = fields.section("email", as: TrackingPlanFile.emailKind) {
            if email.truth("ignore_dots", default: false) {
                plan.emailOptions.insert(.ignoreDots)
            }
            if email.truth("ignore_plus_tags", default: false) {
                plan.emailOptions.insert(.ignorePlusTags)
            }
        }
        plan.blockedValues.formUnion(fields.texts("blocked_values").map { $0.lowercased() })
        plan.blockedEndpoints.formUnion(fields.texts("blocked_endpoints").map { $0.lowercased() })
        readKeywords(into: &plan)
        readLimits(into: &plan)
        plan.events = events()
        readPaths(into: &plan)
        return plan
    }

    // The shop's words come on top of the standard ones.
    private func readKeywords(into plan: inout TrackingPlan) {
        guard let words = fields.section("keywords", as: TrackingPlanFile.keywordsKind) else {
            return
        }
        let meanings: [(String, InboundKeyword)] = [
            ("stop", .stop), ("stop_all", .stopAll), ("start", .start),
        ]
        for (key, keyword) in meanings {
            for node in words.list(key) {
                guard let text = node.readText("`\(key)`", mistakes)?.lowercased() else { continue }
                if let other = plan.keywords[text], other != keyword {
                    mistakes.add("`\(text)` has another meaning already", at: node.mark)
                }
                plan.keywords[text] = keyword
            }
        }
    }

    private func readLimits(into plan: inout TrackingPlan) {
        guard let limits = fields.section("limits", as: TrackingPlanFile.limitsKind) else { return }
        plan.futureTolerance = limits.span(
            "future_tolerance",
            in: .zero ... .hours(24),
            default: plan.futureTolerance
        )
        plan.bodyMax = limits.integer("body_bytes", in: 256...1_000_000, default: plan.bodyMax)
        plan.traitsMax = limits.integer("traits", in: 1...10_000, default: plan.traitsMax)
        plan.messageIDMax = limits.integer(
            "message_id_bytes",
            in: 16...1_000,
            default: plan.messageIDMax
        )
    }

    private func events() -> [TrackingPlan.EventName] {
        let meanings = EventMeaning.allCases.map(\.name)
        var owners: [String: String] = [:]
        return fields.entries("events").compactMap { entry in
            guard let fields = Fields(entry.value, as: TrackingPlanFile.eventKind, mistakes) else {
                return nil
            }
            var event = TrackingPlan.EventName(name: entry.key, meaning: .other)
            event.aliases = fields.texts("aliases")
            if let node = fields["means"], let text = node.readText("`means`", mistakes) {
                if let meaning = EventMeaning.allCases.first(where: { $0.name == text }) {
                    event.meaning = meaning
                } else {
                    let remedy = Suggestion.remedy(for: text, among: meanings)
                    mistakes.add("`means` cannot be `\(text)`\(remedy)", at: node.mark)
                }
            }
            event.channel = fields["channel"]?.readChannel("`channel`", mistakes)
            for name in [event.name] + event.aliases {
                // Names are compared without case.
                if let owner = owners.updateValue(event.name, forKey: name.lowercased()) {
                    mistakes.add("`\(name)` is a name of `\(owner)` already", at: entry.mark)
                }
            }
            return event
        }
    }

    private func readPaths(into plan: inout TrackingPlan) {
        if let fields = fields.fields("fields", as: TrackingPlanFile.fieldsKind) {
            for field in TrackingPlan.Field.allCases where fields.has(field.rawValue) {
                plan.paths[field] = paths(field.rawValue, of: fields, fromRoot: true)
            }
        }
        if let fields = fields.fields("product", as: TrackingPlanFile.productKind) {
            for field in TrackingPlan.ProductField.allCases where fields.has(field.rawValue) {
                plan.productPaths[field] = paths(field.rawValue, of: fields, fromRoot: false)
            }
        }
    }

    // Parts of an event in which values may stand.
    private static let roots = ["properties", "traits", "context", "integrations"]

    private func paths(_ key: String, of fields: Fields, fromRoot: Bool) -> [String] {
        let nodes = fields.list(key)
        if nodes.count > TrackingPlanFile.pathsMax {
            fields.reject(key, "has more than \(TrackingPlanFile.pathsMax) paths")
        }
        return nodes.prefix(TrackingPlanFile.pathsMax).compactMap { node in
            guard let path = node.readText("`\(key)`", mistakes) else { return nil }
            let parts = path.split(separator: ".", omittingEmptySubsequences: false)
            guard !parts.contains(""), parts.count <= 8 else {
                mistakes.add(
                    "`\(path)` is no path: names with dots between them, at most 8",
                    at: node.mark
                )
                return nil
            }
            if fromRoot, let root = parts.first.map(String.init), parts.count > 1,
                !TrackingPlanFile.roots.contains(root)
            {
                let remedy = Suggestion.remedy(for: root, among: TrackingPlanFile.roots)
                mistakes.add("a path cannot begin with `\(root)`\(remedy)", at: node.mark)
                return nil
            }
            return path
        }
    }
}

extension YAMLNode {
    /// A channel.
    func readChannel(_ what: String, _ mistakes: Mistakes) -> Channel? {
        guard let text, let channel = Channel(name: text) else {
            let names = Channel.allCases.map(\.name)
            let remedy = Suggestion.remedy(for: text ?? "", among: names)
            mistakes.add("\(what) cannot be \(kindName)\(remedy)", at: mark)
            return nil
        }
        return channel
    }
}
