import Encoding
import Events
import Flows
import FrequencyCapping
import Pipeline
import Windows

/// Counts written commands by brute force: no person may get more than a cap allows, also when
/// persons turn out to be one.
struct CapCheck {
    /// A command, as far as caps see it.
    private struct Command {
        var flow: Int
        var step: String
        var channel: Channel
        var time: Int64
        var zone: ZoneIndex
    }

    private let rules: Rules
    private var sent: [String: [Command]] = [:]

    init(_ rules: Rules) { self.rules = rules }

    /// Takes the next output.
    mutating func add(_ topic: OutputTopic, _ headers: [UInt8], _ value: [UInt8])
        throws(Violation)
    {
        let text = String(decoding: value, as: UTF8.self)
        if topic == .identity {
            guard let survivor = CapCheck.field("survivor", text),
                let absorbed = CapCheck.field("absorbed", text)
            else { return }
            sent[survivor, default: []] += sent.removeValue(forKey: absorbed) ?? []
            return
        }
        guard topic.rawValue < OutputTopic.decisions.rawValue,
            let profile = CapCheck.field("profile", text),
            let name = CapCheck.field("flow", text),
            let step = CapCheck.field("step", text),
            let zone = CapCheck.field("time_zone", text),
            let flow = rules.flows.firstIndex(where: { $0.id == name }),
            let channel = Channel(rawValue: topic.rawValue)
        else { return }
        let all = PackedHeaders(headers)
        let command = Command(
            flow: flow,
            step: "\(all["ce_correlationid"] ?? "")/\(step)",
            channel: channel,
            time: CapCheck.milliseconds(all["ce_time"] ?? ""),
            zone: rules.zones.index(of: zone)
        )
        let before = sent[profile] ?? []
        if let cap = exceeded(command, before) {
            throw Violation(
                description: "cap \(cap) is exceeded for \(profile) by \(name)/\(step), "
                    + "\(all["ce_time"] ?? "") on \(channel.name)"
            )
        }
        sent[profile, default: []].append(command)
    }

    private func exceeded(_ command: Command, _ before: [Command]) -> String? {
        let flow = rules.flows[command.flow]
        guard flow.obeysCaps, !command.channel.isOnSite else { return nil }
        for cap in rules.caps where cap.channels.contains(ChannelSet(command.channel)) {
            let counted = before.filter { other in
                guard rules.flows[other.flow].countsTowardCaps, !other.channel.isOnSite,
                    cap.channels.contains(ChannelSet(other.channel))
                else { return false }
                switch cap.window {
                case .sliding(let span): return other.time > command.time - span.milliseconds
                case .calendar(_, let zone):
                    let zone = zone ?? command.zone
                    return day(other.time, zone) == day(command.time, zone)
                }
            }
            let steps = Set(counted.map(\.step))
            if steps.count >= cap.limit, !steps.contains(command.step) { return cap.id }
        }
        return nil
    }

    private func day(_ time: Int64, _ zone: ZoneIndex) -> Int64 {
        floorDivide(rules.zones.local(EventTime(milliseconds: time), in: zone), 86_400)
    }

    /// The first text of that name in one of our own JSON values.
    private static func field(_ name: String, _ text: String) -> String? {
        guard let begin = text.firstRange(of: "\"\(name)\":\"") else { return nil }
        return String(text[begin.upperBound...].prefix { $0 != "\"" })
    }

    /// The instant that `stamp` writes.
    private static func milliseconds(_ text: String) -> Int64 {
        let numbers = text.split { !$0.isNumber }.compactMap { Int64($0) }
        guard numbers.count == 7 else { return 0 }
        let day = CivilDate(year: numbers[0], month: numbers[1], day: numbers[2]).dayNumber
        return (((day * 24 + numbers[3]) * 60 + numbers[4]) * 60 + numbers[5]) * 1_000 + numbers[6]
    }
}
