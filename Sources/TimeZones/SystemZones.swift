import Foundation
package import Windows

/// Reads the machine's tz database into a `ZoneTable`, once, at start.
///
/// Foundation knows the rules; what is built here is only the list of its answers for 2000–2045.
package enum SystemZones {
    /// The instants for which transitions are listed.
    private static let span = (from: 946_684_800.0, to: 2_366_841_600.0)

    /// Zones of countries, from the tz database's own list; empty where it is not installed.
    package static func countries(root: String = "/usr/share/zoneinfo") -> [String: [String]] {
        guard let text = try? String(contentsOfFile: root + "/zone1970.tab", encoding: .utf8)
        else { return [:] }
        var countries: [String: [String]] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let columns = line.split(separator: "\t")
            guard columns.count >= 3 else { continue }
            for code in columns[0].split(separator: ",") {
                countries[String(code), default: []].append(String(columns[2]))
            }
        }
        return countries
    }

    /// The version of the tz database, such as `2024a`.
    package static var version: String { TimeZone.timeZoneDataVersion }

    /// All zones that the machine knows.
    package static func load() -> ZoneTable {
        var names = Set(TimeZone.knownTimeZoneIdentifiers)
        // Names that phones still send and the list of known ones leaves out.
        names.formUnion([
            "UTC", "GMT", "Etc/UTC", "Asia/Calcutta", "Asia/Katmandu", "Asia/Dacca",
            "Asia/Rangoon", "Asia/Saigon", "Europe/Kiev", "Europe/Kyiv", "Asia/Kolkata",
            "Asia/Kathmandu", "Asia/Yangon", "Asia/Ho_Chi_Minh",
        ])
        for zones in countries().values { names.formUnion(zones) }
        names.formUnion((-14...12).map { $0 == 0 ? "Etc/GMT" : "Etc/GMT\($0 < 0 ? "" : "+")\($0)" })
        let zones = names.sorted().compactMap(zone)
        return ZoneTable(zones, countries: countries())
    }

    /// One zone, or nil if the machine does not know it.
    package static func zone(_ name: String) -> ZoneTable.Zone? {
        guard let zone = TimeZone(identifier: name) else { return nil }
        var date = Date(timeIntervalSince1970: span.from)
        let end = Date(timeIntervalSince1970: span.to)
        let initial = zone.secondsFromGMT(for: date)
        var offset = initial
        var transitions: [(Int64, Int)] = []
        while let next = zone.nextDaylightSavingTimeTransition(after: date), next < end,
            next > date
        {
            let after = zone.secondsFromGMT(for: next)
            if after != offset {
                transitions.append((Int64(next.timeIntervalSince1970.rounded()), after))
                offset = after
            }
            date = next
        }
        return ZoneTable.Zone(name: name, initialOffset: initial, transitions: transitions)
    }
}
