import Events
import Flows
import FrequencyCapping
import Windows

/// Reads `policies.yaml`: how often, and when, people may be written to.
struct PoliciesFile {
    static let kind = MappingKind(
        "policies.yaml",
        keys: ["week_start", "caps", "gaps", "quiet_hours", "implied_consent"]
    )
    static let capKind = MappingKind(
        "a cap",
        keys: [
            "id", "description", "channels", "classes", "flows", "tags", "scope", "limit",
            "window", "calendar", "zone", "exempt_from",
        ],
        required: ["id", "limit"]
    )
    static let gapKind = MappingKind(
        "a gap",
        keys: ["id", "description", "channels", "classes", "min"],
        required: ["id", "min"]
    )
    static let quietKind = MappingKind(
        "quiet hours",
        keys: [
            "id", "description", "channels", "classes", "countries", "weekdays", "from", "to",
        ],
        required: ["id", "from", "to"]
    )
    static let impliedKind = MappingKind(
        "implied consent",
        keys: ["description", "countries", "channels"],
        required: ["countries", "channels"]
    )

    static let weekdays: KeyValuePairs<String, Int> = [
        "monday": 1, "tuesday": 2, "wednesday": 3, "thursday": 4, "friday": 5, "saturday": 6,
        "sunday": 7,
    ]

    /// More rules of one kind are refused: each is asked for every message.
    static let rulesMax = 256

    let fields: Fields
    let flows: [FlowDefinition]
    /// Names of flows and tags whose files have mistakes; nil if there is a file without any.
    let brokenFlows: Set<String>?
    let zones: ZoneTable
    /// Sends that a profile remembers: no cap can count further.
    let sendsMax: Int
    let sendSpan: TimeSpan

    /// The first day of a calendar week.
    func firstWeekday() -> Int {
        fields.choice("week_start", of: PoliciesFile.weekdays, default: 1)
    }

    /// The caps, in file order.
    func caps() -> [CapRule] {
        fields.children("caps", as: PoliciesFile.capKind).compactMap { cap in
            let id = cap.text("id")
            _ = cap.text("description")
            let channels = channels(of: cap)
            let classes = classes(of: cap)
            let named = namedFlows(cap)
            let exempt = flows(named: "exempt_from", of: cap, orTags: true)
            _ = cap.choice("scope", of: ["person": true], default: true)
            let limit = cap.integer("limit", in: 1...sendsMax)
            guard let window = window(of: cap), let id, let limit else { return nil }
            var rule = CapRule(id: id, channels: channels, limit: limit, window: window)
            rule.classes = classes
            rule.flows = named
            rule.exemptFlows = exempt
            return rule
        }
    }

    private func window(of cap: Fields) -> CapRule.Window? {
        let span = cap.span("window", in: .minutes(1)...sendSpan)
        let unit =
            cap.choice("calendar", of: ["day": .day, "week": .week, "month": .month])
            as CalendarUnit?
        switch (cap.has("window"), cap.has("calendar")) {
        case (true, true):
            cap.reject("calendar", "and `window` exclude each other")
            return nil
        case (false, false):
            cap.mistakes.add(
                "a cap needs `window` (such as 16h) or `calendar` (day, week or month)",
                at: cap.mark
            )
            return nil
        case (true, false):
            if cap.has("zone") { cap.reject("zone", "is for `calendar` only") }
            return span.map { .sliding($0) }
        case (false, true):
            guard let unit else { return nil }
            if cap.text("zone", default: "recipient") == "recipient" {
                return .calendar(unit, zone: nil)
            }
            return cap["zone"]?.readZone("`zone`", of: zones, cap.mistakes).map {
                .calendar(unit, zone: $0)
            }
        }
    }

    /// The gaps, in file order.
    func gaps() -> [GapRule] {
        fields.children("gaps", as: PoliciesFile.gapKind).compactMap { gap in
            let id = gap.text("id")
            _ = gap.text("description")
            let channels = channels(of: gap)
            let classes = classes(of: gap)
            guard let span = gap.span("min", in: .seconds(1)...sendSpan), let id else {
                return nil
            }
            var rule = GapRule(id: id, channels: channels, span: span)
            rule.classes = classes
            return rule
        }
    }

    /// The quiet hours, in file order.
    func quietRules() -> [QuietRule] {
        fields.children("quiet_hours", as: PoliciesFile.quietKind).compactMap { quiet in
            let id = quiet.text("id")
            _ = quiet.text("description")
            let channels = channels(of: quiet)
            let classes = classes(of: quiet)
            let countries = countries(of: quiet)
            let days = quiet.choices("weekdays", of: PoliciesFile.weekdays)
            let start = quiet["from"]?.readMinute("`from`", in: 0...1_439, quiet.mistakes)
            let end = quiet["to"]?.readMinute("`to`", in: 0...1_440, quiet.mistakes)
            guard let id, let start, let end else { return nil }
            var window = QuietWindow(start: start, end: end)
            if quiet.has("weekdays") {
                window.weekdays = days.reduce(0) { $0 | 1 << UInt8($1 - 1) }
                rejectEmpty("weekdays", of: quiet)
            }
            var rule = QuietRule(id: id, channels: channels, window: window)
            rule.classes = classes
            rule.countries = countries
            return rule
        }
    }

    /// Where marketing needs no subscription, in file order.
    func impliedConsent() -> [ImpliedConsentRule] {
        fields.children("implied_consent", as: PoliciesFile.impliedKind).flatMap { rule in
            _ = rule.text("description")
            let channels = channels(of: rule)
            let countries = countries(of: rule)
            if rule.has("countries"), countries.isEmpty, rule["countries"]?.text != "all" {
                return [ImpliedConsentRule]()
            }
            return (countries.isEmpty ? [0] : countries).map {
                ImpliedConsentRule(country: $0, channels: channels)
            }
        }
    }

    /// Notes ids that are used twice, since decisions name rules by them, and lists too long.
    func checkIDs() {
        var seen: [String: Mark] = [:]
        for key in ["caps", "gaps", "quiet_hours"] {
            if let rules = fields.node[key]?.elements, rules.count > PoliciesFile.rulesMax {
                fields.reject(key, "are more than \(PoliciesFile.rulesMax)")
            }
            for rule in fields.node[key]?.elements ?? [] {
                guard let id = rule["id"], let text = id.text else { continue }
                if let other = seen[text] {
                    fields.mistakes.add("the id `\(text)` is used in \(other) already", at: id.mark)
                } else {
                    seen[text] = id.mark
                }
            }
        }
    }

    // MARK: Parts of rules

    // An empty list would mean "none" to its writer and "all" to the rule.
    private func rejectEmpty(_ key: String, of rule: Fields) {
        guard rule[key]?.elements?.isEmpty == true else { return }
        rule.reject(key, "names none; leave the key out for the default")
    }

    // Without the key: everything that leaves the shop's own pages (FC-6).
    private func channels(of rule: Fields) -> ChannelSet {
        if !rule.has("channels") || rule["channels"]?.text == "all" {
            _ = rule.text("channels", default: "all")
            return .outbound
        }
        var set = ChannelSet()
        for node in rule.list("channels") {
            if let channel = node.readChannel("`channels`", rule.mistakes) {
                set.insert(ChannelSet(channel))
            }
        }
        rejectEmpty("channels", of: rule)
        return set
    }

    private func classes(of rule: Fields) -> ClassSet {
        if !rule.has("classes") {
            _ = rule.text("classes", default: "marketing")
            return .marketing
        }
        rejectEmpty("classes", of: rule)
        return rule.choices("classes", of: FlowFile.classes).reduce(into: ClassSet()) {
            $0.insert(ClassSet($1))
        }
    }

    private func countries(of rule: Fields) -> [UInt16] {
        if !rule.has("countries") || rule["countries"]?.text == "all" {
            _ = rule.text("countries", default: "all")
            return []
        }
        rejectEmpty("countries", of: rule)
        return rule.list("countries").compactMap {
            $0.readCountry("`countries`", rule.mistakes)
        }
    }

    private func namedFlows(_ cap: Fields) -> [Int] {
        let named = flows(named: "flows", of: cap, orTags: false)
        var all = Set(named)
        let tags = flows.flatMap(\.tags)
        rejectEmpty("flows", of: cap)
        rejectEmpty("tags", of: cap)
        for node in cap.list("tags") {
            guard let tag = node.readText("`tags`", cap.mistakes) else { continue }
            let tagged = flows.indices.filter { flows[$0].tags.contains(tag) }
            if tagged.isEmpty, brokenFlows?.contains(tag) == false {
                let remedy = Suggestion.remedy(for: tag, among: Set(tags).sorted())
                cap.mistakes.add("no flow has the tag `\(tag)`\(remedy)", at: node.mark)
            }
            all.formUnion(tagged)
        }
        return all.sorted()
    }

    private func flows(named key: String, of cap: Fields, orTags: Bool) -> [Int] {
        var found = Set<Int>()
        let tags = orTags ? flows.flatMap(\.tags) : []
        for node in cap.list(key) {
            guard let name = node.readText("`\(key)`", cap.mistakes) else { continue }
            let indices = flows.indices.filter {
                flows[$0].id == name || orTags && flows[$0].tags.contains(name)
            }
            if indices.isEmpty, brokenFlows?.contains(name) == false {
                let known = flows.map(\.id) + Set(tags).sorted()
                let what = orTags ? "flow or tag" : "flow"
                let remedy = Suggestion.remedy(for: name, among: known)
                cap.mistakes.add("there is no \(what) `\(name)`\(remedy)", at: node.mark)
            }
            found.formUnion(indices)
        }
        return found.sorted()
    }
}

extension YAMLNode {
    /// A time of day as `21:00`, in minutes.
    func readMinute(_ what: String, in range: ClosedRange<Int>, _ mistakes: Mistakes) -> Int? {
        let parts = text?.split(separator: ":", omittingEmptySubsequences: false) ?? []
        guard parts.count == 2, parts[1].utf8.count == 2, parts[0].utf8.count <= 2,
            let hour = UInt8(parts[0]), let minute = UInt8(parts[1]), minute < 60,
            range.contains(Int(hour) * 60 + Int(minute))
        else {
            reject(what, expected: "a time of day, such as \"21:00\"", mistakes)
            return nil
        }
        return Int(hour) * 60 + Int(minute)
    }
}
