import Events
package import Settings

/// Reads scenario files: every mistake is noted with its place, and nothing is guessed.
package struct ScenarioReader {
    static let keys = [
        "scenario", "config", "override", "start", "profiles", "events", "also", "run_until",
        "down", "expect",
    ]
    static let fileKind = MappingKind(
        "a scenario file",
        keys: keys + ["variants"],
        required: ["scenario"]
    )
    static let variantKind = MappingKind(
        "a variant",
        keys: ["variant"] + keys.filter { $0 != "scenario" && $0 != "config" },
        required: ["variant"]
    )
    static let outageKind = MappingKind(
        "an outage",
        keys: ["from", "to"],
        required: ["from", "to"]
    )
    static let expectKind = MappingKind(
        "`expect`",
        keys: [
            "commands", "decisions", "no_decisions", "identity", "reviews", "dead_letters",
            "persons", "profiles", "counters",
        ]
    )
    /// More records than a scenario can need.
    static let recordsMax = 100_000

    private let mistakes: Mistakes

    /// Makes a reader that notes mistakes there.
    package init(_ mistakes: Mistakes) { self.mistakes = mistakes }

    /// The scenarios of a file: the one it tells, and one for each variant.
    ///
    /// A file with variants need not have an end of its own.
    package func scenarios(of root: YAMLNode) -> [Scenario] {
        guard let fields = Fields(root, as: ScenarioReader.fileKind, mistakes) else { return [] }
        var scenarios: [Scenario] = []
        let title = fields.text("scenario") ?? ""
        var base = root.entries ?? []
        base.removeAll { $0.key == "variants" }
        let variants = fields.list("variants")
        if variants.isEmpty || fields["expect"] != nil {
            if let scenario = scenario(of: YAMLNode(.mapping(base), at: root.mark), title) {
                scenarios.append(scenario)
            }
        }
        for variant in variants {
            guard let own = Fields(variant, as: ScenarioReader.variantKind, mistakes) else {
                continue
            }
            let name = own.text("variant") ?? ""
            let merged = merge(own.node.entries ?? [], into: base)
            let node = YAMLNode(.mapping(merged), at: variant.mark)
            if let scenario = scenario(of: node, "\(title): \(name)") {
                scenarios.append(scenario)
            }
        }
        return scenarios
    }

    /// A variant replaces what it names; settings, profiles and later events are added.
    private func merge(
        _ variant: [YAMLNode.Entry],
        into base: [YAMLNode.Entry]
    ) -> [YAMLNode.Entry] {
        var entries = base
        for entry in variant where entry.key != "variant" {
            guard let index = entries.firstIndex(where: { $0.key == entry.key }) else {
                entries.append(entry)
                continue
            }
            switch entry.key {
            case "override", "profiles":
                entries[index].value = combine(entries[index].value, entry.value)
            case "also":
                let both =
                    (entries[index].value.elements ?? []) + (entry.value.elements ?? [entry.value])
                entries[index].value.content = .sequence(both)
            default:
                entries[index] = entry
            }
        }
        return entries
    }

    private func combine(_ old: YAMLNode, _ new: YAMLNode) -> YAMLNode {
        guard let changes = new.entries else { return new }
        if var elements = old.elements {
            // Elements of a list are named by their ids, as everywhere in overrides.
            for change in changes {
                let index = elements.firstIndex { $0["id"]?.text == change.key }
                guard let index else { return new }
                elements[index] = combine(elements[index], change.value)
            }
            return YAMLNode(.sequence(elements), at: new.mark)
        }
        guard var entries = old.entries else { return new }
        for change in changes {
            if let index = entries.firstIndex(where: { $0.key == change.key }) {
                entries[index].value = combine(entries[index].value, change.value)
            } else {
                entries.append(change)
            }
        }
        return YAMLNode(.mapping(entries), at: new.mark)
    }

    // MARK: One scenario

    private func scenario(of node: YAMLNode, _ title: String) -> Scenario? {
        guard let fields = Fields(node, as: ScenarioReader.fileKind, mistakes) else { return nil }
        guard let start = fields["start"].flatMap({ instant($0, "`start`", nil) }) else {
            if fields["start"] == nil {
                mistakes.add(
                    "the scenario needs `start`, the instant at which its clock begins, such as "
                        + "2026-05-04T00:00:00Z",
                    at: node.mark
                )
            }
            return nil
        }
        let writer = RecordWriter(start: start, mistakes: mistakes)
        var records = writer.records(ofProfiles: fields.entries("profiles"))
        records += writer.records(of: fields.list("events") + fields.list("also"))
        if records.count > ScenarioReader.recordsMax {
            mistakes.add("more than \(ScenarioReader.recordsMax) records", at: node.mark)
            return nil
        }
        // What arrives at one instant arrives in the order of the file.
        let order = records.indices.sorted {
            (records[$0].received, $0) < (records[$1].received, $1)
        }
        records = order.map { records[$0] }
        if let early = records.first, early.received < start {
            mistakes.add(
                "an event arrives at \(ScenarioTime.show(early.received)), before `start`",
                at: node.mark
            )
        }
        let last = max(records.last?.received ?? start, start)
        let end = fields["run_until"].flatMap { instant($0, "`run_until`", start) } ?? last
        if end < last {
            fields.reject(
                "run_until",
                "is earlier than the last arrival at \(ScenarioTime.show(last))"
            )
        }
        if end - start > .days(1_500) {
            fields.reject("run_until", "is more than 1500 days after `start`")
            return nil
        }
        guard let expect = fields.fields("expect", as: ScenarioReader.expectKind) else {
            if fields["expect"] == nil {
                mistakes.add("the scenario needs `expect`: what must come out", at: node.mark)
            }
            return nil
        }
        return Scenario(
            title: title,
            mark: node.mark,
            config: fields.text("config"),
            overrides: fields["override"],
            start: start,
            end: end,
            outages: outages(fields, start),
            records: records,
            expectation: ExpectationReader(start: start, mistakes: mistakes).read(expect)
        )
    }

    private func outages(_ fields: Fields, _ start: EventTime) -> [Outage] {
        let outages = fields.list("down").compactMap { node -> Outage? in
            guard let fields = Fields(node, as: ScenarioReader.outageKind, mistakes),
                let from = fields["from"].flatMap({ instant($0, "`from`", start) }),
                let to = fields["to"].flatMap({ instant($0, "`to`", start) })
            else { return nil }
            if to <= from { fields.reject("to", "must be later than `from`") }
            return Outage(from: from, to: to)
        }
        return outages.sorted { $0.from < $1.from }
    }

    private func instant(_ node: YAMLNode, _ what: String, _ start: EventTime?) -> EventTime? {
        node.readInstant(what, start: start, mistakes)
    }
}

extension YAMLNode {
    /// An instant of a scenario.
    func readInstant(_ what: String, start: EventTime?, _ mistakes: Mistakes) -> EventTime? {
        if let time = text.flatMap({ ScenarioTime.read($0, start: start) }) { return time }
        let short = start == nil ? "" : ", 05-04 06:00, 06:00 or +1h30m"
        reject(what, expected: "an instant such as 2026-05-04T06:00:00Z\(short)", mistakes)
        return nil
    }
}
