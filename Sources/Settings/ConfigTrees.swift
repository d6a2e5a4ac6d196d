/// The trees of all files, before anything in them is understood.
struct ConfigTrees {
    /// A flow's tree with the file it stands in.
    struct Flow {
        var name: String
        var node: YAMLNode
    }

    private(set) var collie: YAMLNode
    private(set) var trackingPlan: YAMLNode
    private(set) var policies: YAMLNode
    private(set) var flows: [Flow] = []
    private let source: ConfigSource
    private let mistakes: Mistakes

    /// Parses every file; what is missing or broken becomes an empty mapping and a mistake.
    init(source: ConfigSource, mistakes: Mistakes) {
        self.source = source
        self.mistakes = mistakes
        collie = ConfigTrees.tree("collie.yaml", of: source, mistakes, isRequired: true)
        trackingPlan = ConfigTrees.tree(
            "tracking-plan.yaml",
            of: source,
            mistakes,
            isRequired: true
        )
        policies = ConfigTrees.tree("policies.yaml", of: source, mistakes, isRequired: false)
        for file in source.files where file.name.hasPrefix("flows/") {
            let node = YAMLNode.parse(bytes: file.bytes, file: file.path, mistakes: mistakes)
            if let node { flows.append(Flow(name: file.name, node: node)) }
        }
        let known = ["collie.yaml", "tracking-plan.yaml", "policies.yaml"]
        for file in source.files where !file.name.hasPrefix("flows/") && !known.contains(file.name)
        {
            mistakes.warn(
                "the file is not read\(Suggestion.remedy(for: file.name, among: known))",
                at: Mark(file: file.path, line: 1, column: 1)
            )
        }
    }

    private static func tree(
        _ name: String,
        of source: ConfigSource,
        _ mistakes: Mistakes,
        isRequired: Bool
    ) -> YAMLNode {
        let mark = Mark(file: source.path(of: name), line: 1, column: 1)
        let empty = YAMLNode(.mapping([]), at: mark)
        guard let file = source.files.first(where: { $0.name == name }) else {
            if isRequired {
                mistakes.add("the file is missing", at: mark)
            } else {
                mistakes.warn("the file is missing: nothing is capped, no hour is quiet", at: mark)
            }
            return empty
        }
        return YAMLNode.parse(bytes: file.bytes, file: file.path, mistakes: mistakes) ?? empty
    }

    private static let policyKeys = PoliciesFile.kind.keys

    /// Merges changes: `flows.<id>…`, `tracking_plan…`, the keys of policies.yaml, and for the
    /// rest those of collie.yaml.
    mutating func apply(_ overrides: YAMLNode) {
        guard let entries = overrides.entries else {
            if !overrides.isNull {
                overrides.reject("overrides", expected: "a mapping of keys and values", mistakes)
            }
            return
        }
        let merger = Overrides(mistakes: mistakes)
        for entry in entries {
            let single = YAMLNode(.mapping([entry]), at: entry.mark)
            let head = entry.key.prefix { $0 != "." }
            switch String(head) {
            case "flows":
                applyToFlows(single, merger)
            case "tracking_plan":
                let root = YAMLNode(
                    .mapping([
                        YAMLNode.Entry(
                            key: "tracking_plan",
                            mark: trackingPlan.mark,
                            value: trackingPlan
                        )
                    ]),
                    at: trackingPlan.mark
                )
                trackingPlan = merger.merge(single, into: root)["tracking_plan"] ?? trackingPlan
            case let key where ConfigTrees.policyKeys.contains(key):
                policies = merger.merge(single, into: policies)
            case let key where CollieFile.kind.keys.contains(key):
                collie = merger.merge(single, into: collie)
            default:
                let known =
                    CollieFile.kind.keys + ConfigTrees.policyKeys + ["flows", "tracking_plan"]
                let remedy = Suggestion.remedy(for: String(head), among: known)
                mistakes.add("there is no setting `\(head)`\(remedy)", at: entry.mark)
            }
        }
    }

    // The flows as one list, whose elements are named by their ids.
    private mutating func applyToFlows(_ changes: YAMLNode, _ merger: Overrides) {
        let list = YAMLNode(.sequence(flows.map(\.node)), at: changes.mark)
        let root = YAMLNode(
            .mapping([YAMLNode.Entry(key: "flows", mark: changes.mark, value: list)]),
            at: changes.mark
        )
        let merged = merger.merge(changes, into: root)["flows"]?.elements ?? []
        var names: [String: String] = [:]
        for flow in flows { names[flow.node["id"]?.text ?? ""] = flow.name }
        flows = merged.map { node in
            let id = node["id"]?.text ?? ""
            return Flow(name: names[id] ?? "flows/\(id).yaml", node: node)
        }
    }

    /// Replaces `${…}` everywhere.
    mutating func interpolate() {
        let interpolation = Interpolation(
            environment: source.environment,
            readFile: source.readSecret,
            mistakes: mistakes
        )
        collie = interpolation(collie)
        trackingPlan = interpolation(trackingPlan)
        policies = interpolation(policies)
        for index in flows.indices { flows[index].node = interpolation(flows[index].node) }
    }
}
