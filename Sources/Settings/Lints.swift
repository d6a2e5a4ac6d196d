import Events
import Flows
import FrequencyCapping
import Pipeline
import Windows

/// Finds what is allowed and hardly meant; each finding is a warning.
struct Lints {
    let rules: Rules
    /// The trees of the flows, in the order of `rules.flows`, for places.
    let nodes: [YAMLNode]
    let mistakes: Mistakes

    /// Looks at everything.
    func run() {
        for (index, flow) in rules.flows.enumerated() {
            checkDeferral(flow, nodes[index])
            checkCaps(flow, index, nodes[index])
            checkFallbacks(flow, nodes[index])
            checkLateness(flow, nodes[index])
        }
    }

    private func place(_ key: String, in node: YAMLNode) -> Mark { node[key]?.mark ?? node.mark }

    private func channels(of flow: FlowDefinition) -> [Channel] {
        var channels: [Channel] = []
        for step in flow.steps {
            guard case .send(let message) = step.action else { continue }
            for channel in message.channels + message.fallback where !channels.contains(channel) {
                channels.append(channel)
            }
        }
        return channels
    }

    // MARK: QH-3

    // Whatever is due early in a night that is longer than the flow may wait silently dies.
    private func checkDeferral(_ flow: FlowDefinition, _ node: YAMLNode) {
        guard flow.obeysQuietHours, flow.onQuiet == .deferral else { return }
        for channel in channels(of: flow) {
            let quiet = longestQuiet(channel, flow.messageClass)
            guard quiet.span > flow.maxDeferral else { continue }
            let nights =
                quiet.span >= Lints.week
                ? "it is always quiet" : "it is quiet for up to \(quiet.span.text)"
            mistakes.warn(
                "`max_deferral` of \(flow.maxDeferral.text) is too short for \(channel.name), "
                    + "where \(nights) (\(quiet.rules.joined(separator: ", "))): what is due early "
                    + "in that time is dropped as `expired`",
                at: place("max_deferral", in: node)
            )
        }
    }

    private static let week = TimeSpan.days(7)

    // The longest time without a pause, over all countries, on a week's clock of minutes.
    private func longestQuiet(
        _ channel: Channel,
        _ messageClass: MessageClass
    ) -> (span: TimeSpan, rules: [String]) {
        let matching = rules.quiet.filter {
            $0.channels.contains(ChannelSet(channel))
                && $0.classes.contains(ClassSet(messageClass))
        }
        let countries = Set(matching.flatMap(\.countries)).sorted()
        var longest = (span: TimeSpan.zero, rules: [String]())
        // 0 stands for a country that no rule names.
        for country in [0] + countries {
            let holding = matching.filter {
                $0.countries.isEmpty || $0.countries.contains(country)
            }
            let span = longestRun(of: holding.map(\.window))
            if span > longest.span { longest = (span, holding.map(\.id)) }
        }
        return longest
    }

    private func longestRun(of windows: [QuietWindow]) -> TimeSpan {
        let minutes = 7 * 1_440
        var isQuiet = [Bool](repeating: false, count: minutes)
        for window in windows {
            for day in 0..<7 where window.weekdays & (1 << UInt8(day)) != 0 {
                let begin = day * 1_440 + window.start
                for minute in begin..<begin + window.length { isQuiet[minute % minutes] = true }
            }
        }
        guard let pause = isQuiet.firstIndex(of: false) else { return Lints.week }
        var longest = 0
        var run = 0
        for offset in 1...minutes {
            run = isQuiet[(pause + offset) % minutes] ? run + 1 : 0
            longest = max(longest, run)
        }
        return .minutes(Int64(longest))
    }

    // MARK: Lateness

    // Every step is decided `disorder` after it was due.
    private func checkLateness(_ flow: FlowDefinition, _ node: YAMLNode) {
        guard flow.maxLateness <= rules.disorder else { return }
        mistakes.warn(
            "`max_lateness` of \(flow.maxLateness.text) is not longer than the disorder of "
                + "\(rules.disorder.text) (`time` in collie.yaml): every step comes `stale`",
            at: place("max_lateness", in: node)
        )
    }

    // MARK: Caps

    private func checkCaps(_ flow: FlowDefinition, _ index: Int, _ node: YAMLNode) {
        guard flow.obeysCaps else { return }
        for channel in channels(of: flow) where !channel.isOnSite {
            let isCapped = rules.caps.contains { cap in
                cap.channels.contains(ChannelSet(channel))
                    && cap.classes.contains(ClassSet(flow.messageClass))
                    && (cap.flows.isEmpty || cap.flows.contains(index))
                    && !cap.exemptFlows.contains(index)
            }
            if !isCapped {
                mistakes.warn(
                    "no cap holds \(channel.name) of the flow `\(flow.id)`; add one to "
                        + "policies.yaml, or say `obeys_caps: false`",
                    at: place("steps", in: node)
                )
            }
        }
    }

    // MARK: Fallbacks

    private func checkFallbacks(_ flow: FlowDefinition, _ node: YAMLNode) {
        let asks = flow.onCap == .nextChannel || flow.onQuiet == .nextChannel
        let steps = node["steps"]?.elements ?? []
        var hasAny = false
        for (index, step) in flow.steps.enumerated() {
            guard case .send(let message) = step.action, !message.fallback.isEmpty else { continue }
            hasAny = true
            guard !asks, index < steps.count, let send = steps[index]["send"] else { continue }
            mistakes.warn(
                "`fallback` is never used: neither `on_cap` nor `on_quiet` is `next_channel`",
                at: place("fallback", in: send)
            )
        }
        guard asks, !hasAny else { return }
        mistakes.warn(
            "`next_channel` without a step that has a `fallback`: nothing is tried",
            at: place(flow.onCap == .nextChannel ? "on_cap" : "on_quiet", in: node)
        )
    }
}
