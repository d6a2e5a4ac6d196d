/// The trees of all files, before anything in them is understood.
struct ConfigTrees {
    /// A flow's tree with the file it stands in.
    struct Flow {
        var name: String
        var node: YAMLNode
    }

    /// A file's tree.
    struct Tree {
        var node: YAMLNode
        /// The file is missing or no YAML: what follows from that is not said again.
        var isBroken = false

        /// Begins reading; of a broken file nothing is asked.
        func fields(as kind: MappingKind, _ mistakes: Mistakes) -> Fields? {
            var kind = kind
            if isBroken { kind.required = [] }
            return Fields(node, as: kind, mistakes)
        }
    }

    private(set) var collie: Tree
    private(set) var trackingPlan: Tree
    private(set) var policies: Tree
    private(set) var flows: [Flow] = []
    /// Whether a flow's file is no YAML.
    private(set) var hasBrokenFlow = false
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
            if let node {
                flows.append(Flow(name: file.name, node: node))
            } else {
                hasBrokenFlow = true
            }
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
    ) -> Tree {
        let mark = Mark(file: source.path(of: name), line: 1, column: 1)
        let empty = YAMLNode(.mapping([]), at: mark)
        guard let file = source.files.first(where: { $0.name == name }) else {
            if isRequired {
                mistakes.add("the file is missing", at: mark)
            } else {
                mistakes.warn("the file is missing: nothing is capped, no hour is quiet", at: mark)
            }
            return Tree(node: empty, isBroken: true)
        }
        guard
            let node = YAMLNode.parse(bytes: file.bytes, file: file.path, mistakes: mistakes)
        else { return Tree(node: empty, isBroken: true) }
        return Tree(node: node)
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
                let root = wrapped(trackingPlan.node, as: "tracking_plan")
                if let node = merger.merge(single, into: root)["tracking_plan"] {
                    trackingPlan.node = node
                }
            case let key where ConfigTrees.policyKeys.contains(key):
                policies.node = merger.merge(single, into: policies.node)
            case let key where CollieFile.kind.keys.contains(key):
                collie.node = merger.merge(single, into: collie.node)
            default:
                let known =
                    CollieFile.kind.keys + ConfigTrees.policyKeys + ["flows", "tracking_plan"]
                let remedy = Suggestion.remedy(for: String(head), among: known)
                mistakes.add("there is no setting `\(head)`\(remedy)", at: entry.mark)
            }
        }
    }

    private func wrapped(_ node: YAMLNode, as key: String) -> YAMLNode {
        YAMLNode(
            .mapping([YAMLNode.Entry(key: key, mark: node.mark, value: node)]),
            at: node.mark
        )
    }

    // The flows as one list, whose elements are named by their ids.
    private mutating func applyToFlows(_ changes: YAMLNode, _ merger: Overrides) {
        let list = YAMLNode(.sequence(flows.map(\.node)), at: changes.mark)
        let root = wrapped(list, as: "flows")
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
        collie.node = interpolation(collie.node)
        trackingPlan.node = interpolation(trackingPlan.node)
        policies.node = interpolation(policies.node)
        for index in flows.indices { flows[index].node = interpolation(flows[index].node) }
    }
}
