import Events
import Flows
import FrequencyCapping
import Pipeline
import Windows

/// What must hold of every run, whatever the rules and the story: counted over the written
/// commands alone, by brute force.
enum Invariants {
    /// What is broken, in words; nil if nothing is.
    static func broken(_ written: [Written], _ rules: Rules) -> String? {
        var ids: Set<String> = []
        var sent: [String: [Written.Command]] = [:]
        for one in written {
            switch one {
            case .merge(let survivor, let absorbed):
                sent[survivor, default: []] += sent.removeValue(forKey: absorbed) ?? []
            case .command(let command):
                guard ids.insert(command.id).inserted else {
                    return "send id \(command.id) was written twice"
                }
                let before = sent[command.profile] ?? []
                if let cap = exceeded(command, before, rules) {
                    return "\(cap) is exceeded by \(command)"
                }
                sent[command.profile, default: []].append(command)
            }
        }
        return nil
    }

    private static func exceeded(
        _ command: Written.Command,
        _ before: [Written.Command],
        _ rules: Rules
    ) -> String? {
        guard let index = rules.flows.firstIndex(where: { $0.id == command.flow }) else {
            return "no flow"
        }
        let flow = rules.flows[index]
        guard flow.obeysCaps, !command.channel.isOnSite else { return nil }
        for cap in rules.caps
        where cap.channels.contains(ChannelSet(command.channel))
            && cap.classes.contains(ClassSet(flow.messageClass))
            && (cap.flows.isEmpty || cap.flows.contains(index))
            && !cap.exemptFlows.contains(index)
        {
            let counted = before.filter { other in
                guard let position = rules.flows.firstIndex(where: { $0.id == other.flow }),
                    rules.flows[position].countsTowardCaps, !other.channel.isOnSite,
                    cap.channels.contains(ChannelSet(other.channel)),
                    cap.flows.isEmpty || cap.flows.contains(position)
                else { return false }
                switch cap.window {
                case .sliding(let span): return other.time > command.time - span.milliseconds
                case .calendar(let unit, let zone):
                    let zone = zone ?? rules.zones.index(of: command.zone)
                    return name(unit, other.time, zone, rules)
                        == name(unit, command.time, zone, rules)
                }
            }
            // A step on several channels takes one slot.
            let steps = Set(counted.map { "\($0.enrollment)/\($0.step)" })
            let own = "\(command.enrollment)/\(command.step)"
            if steps.count >= cap.limit, !steps.contains(own) { return cap.id }
        }
        return nil
    }

    /// What a local day, week or month is called.
    private static func name(
        _ unit: CalendarUnit,
        _ time: Int64,
        _ zone: ZoneIndex,
        _ rules: Rules
    ) -> Int64 {
        let local = rules.zones.local(EventTime(milliseconds: time), in: zone)
        let day = floorDivide(local, 86_400)
        switch unit {
        case .day: return day
        // 1970-01-01 was a Thursday.
        case .week: return floorDivide(day + 4 - Int64(rules.firstWeekday), 7)
        case .month:
            let date = CivilDate(day: day)
            return date.year * 12 + date.month
        }
    }
}
