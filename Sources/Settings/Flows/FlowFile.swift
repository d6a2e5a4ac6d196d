import Events
import Flows

/// Reads `flows/*.yaml`: one flow a file.
struct FlowFile {
    static let kind = MappingKind(
        "a flow",
        keys: [
            "id", "version", "description", "owner", "approver", "hypothesis", "class", "priority",
            "tags", "trigger", "entry", "re_entry", "cooldown", "order_guard", "max_lateness",
            "max_deferral", "jitter", "click_pause", "on_cap", "on_quiet", "obeys_caps",
            "counts_toward_cap", "obeys_quiet_hours", "goals", "exits", "steps",
        ],
        required: ["id", "class", "trigger", "steps"]
    )
    static let reEntryKind = MappingKind("re_entry", keys: ["after"], required: ["after"])
    static let onCapKind = MappingKind("on_cap", keys: ["defer"], required: ["defer"])
    static let deferKind = MappingKind("`defer`", keys: ["max"], required: ["max"])

    /// More flows are refused.
    static let flowsMax = 1_000

    /// Keys for people: the engine ignores them.
    static let notes = ["description", "owner", "approver", "hypothesis"]

    static let classes: KeyValuePairs<String, MessageClass> = [
        "transactional": .transactional, "service": .service, "marketing": .marketing,
    ]

    let fields: Fields
    let context: FlowContext
    private var mistakes: Mistakes { context.mistakes }

    init?(_ node: YAMLNode, _ context: FlowContext) {
        guard let fields = Fields(node, as: FlowFile.kind, context.mistakes) else { return nil }
        self.fields = fields
        self.context = context
    }

    /// The flow, or nil if it is too wrong to be one.
    func flow() -> FlowDefinition? {
        let id = fields["id"]?.readID("`id`", fields.mistakes)
        let version = fields.integer("version", in: 1...1_000_000, default: 1)
        for note in FlowFile.notes { _ = fields.text(note) }
        let messageClass = fields.choice("class", of: FlowFile.classes)
        let trigger = fields.fields("trigger", as: TriggerKind.mapping).flatMap {
            TriggerKind.read($0, context)
        }
        let steps = steps(flow: id ?? "")
        guard let id, let messageClass, let trigger else { return nil }
        var flow = FlowDefinition(
            id: id,
            messageClass: messageClass,
            trigger: trigger,
            steps: steps
        )
        flow.version = version
        flow.priority = fields.integer("priority", in: 0...1_000, default: flow.priority)
        flow.tags = fields.list("tags").compactMap { $0.readID("`tags`", fields.mistakes) }
        readEntry(into: &flow)
        readTimes(into: &flow)
        readPolicies(into: &flow)
        flow.goals = context.matches("goals", of: fields)
        flow.exits = context.matches("exits", of: fields)
        return flow
    }

    private func readEntry(into flow: inout FlowDefinition) {
        let isPlain = flow.trigger.inactivity == nil
        // An abandonment flow's entry is asked at its first step, when no event is at hand.
        flow.entry = context.condition("entry", of: fields, hasEvent: isPlain)
        if fields.has("re_entry"), !isPlain {
            fields.reject("re_entry", "is for flows with an `event`; here `cooldown` decides")
            return
        }
        guard isPlain else { return }
        if fields["re_entry"]?.entries != nil {
            if let span = fields.section("re_entry", as: FlowFile.reEntryKind)?.span("after") {
                flow.reEntry = .after(span)
            }
        } else {
            flow.reEntry = fields.choice(
                "re_entry",
                of: ["always": .always, "never": .never],
                default: .always
            )
        }
    }

    private func readTimes(into flow: inout FlowDefinition) {
        flow.cooldown = fields.span("cooldown", default: flow.cooldown)
        flow.orderGuard = fields.span("order_guard", default: flow.orderGuard)
        flow.maxLateness = fields.span("max_lateness", default: flow.maxLateness)
        flow.maxDeferral = fields.span(
            "max_deferral",
            in: .zero ... .days(7),
            default: flow.maxDeferral
        )
        flow.jitter = fields.span("jitter", in: .zero ... .hours(12), default: flow.jitter)
        flow.clickPause = fields.span(
            "click_pause",
            in: .zero ... .days(7),
            default: flow.clickPause
        )
    }

    private func readPolicies(into flow: inout FlowDefinition) {
        if let node = fields["on_cap"], node.text == "defer" {
            mistakes.add("`on_cap`: how long? write {defer: 4h}", at: node.mark)
        } else if let node = fields["on_cap"], node.entries != nil {
            // `{defer: 4h}` and `{defer: {max: 4h}}` are the same.
            if let onCap = fields.section("on_cap", as: FlowFile.onCapKind) {
                let span =
                    onCap["defer"]?.entries == nil
                    ? onCap.span("defer")
                    : onCap.section("defer", as: FlowFile.deferKind)?.span("max")
                if let span { flow.onCap = .deferral(max: span) }
            }
        } else {
            flow.onCap = fields.choice(
                "on_cap",
                of: ["drop": .drop, "next_channel": .nextChannel],
                default: .drop
            )
        }
        flow.onQuiet = fields.choice(
            "on_quiet",
            of: ["defer": .deferral, "drop": .drop, "next_channel": .nextChannel],
            default: .deferral
        )
        flow.obeysCaps = fields.truth("obeys_caps", default: flow.obeysCaps)
        flow.countsTowardCaps = fields.truth("counts_toward_cap", default: flow.countsTowardCaps)
        flow.obeysQuietHours = fields.truth("obeys_quiet_hours", default: flow.obeysQuietHours)
    }

    private func steps(flow: String) -> [FlowDefinition.Step] {
        let all = fields.children("steps", as: StepKind.mapping)
        let children = all.prefix(FlowDefinition.stepsMax)
        if children.isEmpty, fields.has("steps") { fields.reject("steps", "has none") }
        if all.count > FlowDefinition.stepsMax {
            fields.reject("steps", "are more than \(FlowDefinition.stepsMax)")
        }
        let ids = children.map { $0.node["id"]?.text ?? "" }
        return children.enumerated().compactMap { index, child in
            guard let id = child["id"]?.readID("`id`", child.mistakes) else { return nil }
            if let first = ids.firstIndex(of: id), first < index {
                child.reject("id", "`\(id)` is the id of an earlier step")
            }
            let context = StepContext(
                flowContext: context,
                flow: flow,
                id: id,
                index: index,
                ids: ids
            )
            return step(child, context)
        }
    }

    private func step(_ fields: Fields, _ context: StepContext) -> FlowDefinition.Step? {
        _ = fields.text("description")
        let kind = KindTable.find(
            StepKind.all,
            in: fields,
            key: \.key,
            otherKeys: \.otherKeys
        )
        guard let kind, let action = kind.read(fields, context) else { return nil }
        let delay =
            kind.key == "wait"
            ? fields.span("wait", in: .seconds(1) ... .days(365)) ?? .zero
            : fields.span("delay", in: .zero ... .days(365), default: .zero)
        return FlowDefinition.Step(
            id: context.id,
            action: action,
            after: fields["after"].flatMap { context.earlierStep($0) },
            delay: delay,
            condition: self.context.condition("if", of: fields)
        )
    }
}

extension YAMLNode {
    /// A name that goes into ids and outputs.
    func readID(_ what: String, _ mistakes: Mistakes) -> String? {
        guard let text, !text.isEmpty, text.utf8.count <= 64,
            text.utf8.allSatisfy({ byte in
                (byte >= 97 && byte <= 122) || (byte >= 65 && byte <= 90)
                    || (byte >= 48 && byte <= 57) || byte == UInt8(ascii: "_")
                    || byte == UInt8(ascii: "-")
            })
        else {
            reject(what, expected: "letters, digits, `_` and `-`, at most 64", mistakes)
            return nil
        }
        return text
    }
}
