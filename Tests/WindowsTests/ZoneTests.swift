import Events
import Foundation
import Testing
import TimeZones
import Windows

private let zones = SystemZones.load()

private func instant(_ text: String) -> EventTime {
    let formatter = ISO8601DateFormatter()
    return EventTime(second: Int64(formatter.date(from: text)!.timeIntervalSince1970))
}

@Suite("Zones and quiet hours")
struct ZoneTests {
    let warsaw = zones.index(of: "Europe/Warsaw")
    let kolkata = zones.index(of: "Asia/Kolkata")

    @Test func `names are found whatever their case, and unknown ones are not`() {
        #expect(warsaw != 0)
        #expect(zones.index(of: "europe/warsaw") == warsaw)
        #expect(zones.index(of: "Europe/Nowhere") == 0)
        #expect(zones.zoneCount(ofCountry: PackedLetters.country("IN")!) == 1)
        #expect(zones.zoneCount(ofCountry: PackedLetters.country("US")!) > 5)
    }

    @Test func `a night in Warsaw follows the clocks`() {
        let night = QuietWindow(start: 22 * 60, end: 8 * 60)
        let spring = night.end(
            holding: instant("2026-03-28T21:30:00Z"),
            in: warsaw,
            of: zones
        )
        #expect(spring == instant("2026-03-29T06:00:00Z"))
        let autumn = night.end(
            holding: instant("2026-10-24T20:30:00Z"),
            in: warsaw,
            of: zones
        )
        #expect(autumn == instant("2026-10-25T07:00:00Z"))
    }

    @Test func `a window that ends at a time that does not exist ends behind the gap`() {
        let window = QuietWindow(start: 22 * 60, end: 2 * 60 + 30)
        let end = window.end(holding: instant("2026-03-28T23:00:00Z"), in: warsaw, of: zones)
        #expect(end == instant("2026-03-29T01:00:00Z"))
    }

    @Test func `the start of a window is quiet and its end is not`() {
        let night = QuietWindow(start: 21 * 60, end: 10 * 60)
        func end(_ text: String) -> EventTime? {
            night.end(holding: instant(text), in: kolkata, of: zones)
        }
        #expect(end("2026-05-04T15:29:59Z") == nil)
        #expect(end("2026-05-04T15:30:00Z") == instant("2026-05-05T04:30:00Z"))
        #expect(end("2026-05-05T04:29:59Z") == instant("2026-05-05T04:30:00Z"))
        #expect(end("2026-05-05T04:30:00Z") == nil)
        let next = night.nextStart(
            from: instant("2026-05-05T04:30:00Z"),
            in: kolkata,
            of: zones
        )
        #expect(next == instant("2026-05-05T15:30:00Z"))
    }

    @Test func `days last 23 and 25 hours when clocks change`() {
        func hours(_ text: String) -> Int64 {
            let day = zones.interval(.day, holding: instant(text), in: warsaw, firstWeekday: 1)
            return (day.end - day.start).milliseconds / 3_600_000
        }
        #expect(hours("2026-03-29T12:00:00Z") == 23)
        #expect(hours("2026-10-25T12:00:00Z") == 25)
        #expect(hours("2026-06-01T12:00:00Z") == 24)
    }

    @Test func `calendar intervals agree with Foundation`() {
        var random: UInt64 = 7
        for _ in 0..<400 {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let second = 1_500_000_000 + Int64(random >> 33) % 500_000_000
            let name = ["Europe/Warsaw", "Asia/Kolkata", "America/New_York", "Asia/Dhaka"][
                Int(random >> 40) % 4
            ]
            var calendar = Calendar(identifier: .gregorian)
            calendar.timeZone = TimeZone(identifier: name)!
            calendar.firstWeekday = 2
            calendar.minimumDaysInFirstWeek = 4
            let date = Date(timeIntervalSince1970: Double(second))
            let units: [(CalendarUnit, Calendar.Component)] = [
                (.day, .day), (.week, .weekOfYear), (.month, .month),
            ]
            for (unit, component) in units {
                let expected = calendar.dateInterval(of: component, for: date)!
                let actual = zones.interval(
                    unit,
                    holding: EventTime(second: second),
                    in: zones.index(of: name),
                    firstWeekday: 1
                )
                #expect(Double(actual.start.second) == expected.start.timeIntervalSince1970)
                #expect(Double(actual.end.second) == expected.end.timeIntervalSince1970)
            }
        }
    }

    @Test func `offsets agree with the published list of transitions`() throws {
        let path = SharedData.path("data/normalisation/tz_transitions_2018_2030.csv")
        guard let path, let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            print("skipped: ../shared/data/normalisation is absent")
            return
        }
        var rows = 0
        for line in text.split(whereSeparator: \.isNewline).dropFirst() {
            let columns = line.split(separator: ",", omittingEmptySubsequences: false).map(
                String.init
            )
            let zone = zones.index(of: columns[0])
            #expect(zone != 0, "\(columns[0])")
            let time = instant(columns[1])
            #expect(zones.offset(of: zone, at: time) == Int64(columns[3])!)
            #expect(
                zones.offset(of: zone, at: time - .seconds(1)) == Int64(columns[2])!,
                "\(line)"
            )
            rows += 1
        }
        #expect(rows > 100)
    }
}

enum SharedData {
    static func path(_ name: String) -> String? {
        var folder = URL(fileURLWithPath: #filePath)
        for _ in 0..<6 {
            folder.deleteLastPathComponent()
            let candidate = folder.appendingPathComponent("shared/" + name).path
            if FileManager.default.fileExists(atPath: candidate) { return candidate }
        }
        return nil
    }
}
