package import Events

/// Hours of the local day in which people are not written to: `[start, end)`, may wrap midnight.
package struct QuietWindow: Sendable, Equatable {
    /// Minute of the day at which it begins, 0…1439.
    package var start: Int
    /// Minute of the day at which it ends, 0…1440; equal to `start` is the whole day.
    package var end: Int
    /// The local weekdays on which it begins, bit 0 is Monday.
    package var weekdays: UInt8

    /// Makes a window that begins on the given weekdays, every day unless said otherwise.
    package init(start: Int, end: Int, weekdays: UInt8 = 0x7f) {
        self.start = start
        self.end = end
        self.weekdays = weekdays
    }

    /// How long it lasts, in minutes.
    package var length: Int { end > start ? end - start : end + 1_440 - start }

    /// The end of the occurrence that holds an instant, or nil if the instant is not quiet (QH-1).
    ///
    /// Edges are local wall-clock times: a night lasts an hour less or more when clocks change
    /// (QH-5).
    package func end(holding time: EventTime, in zone: ZoneIndex, of zones: ZoneTable) -> EventTime?
    {
        let local = zones.local(time, in: zone)
        let day = floorDivide(local, 86_400)
        // It may have begun today or yesterday.
        for daysAgo in Int64(0)...1 {
            let candidate = day - daysAgo
            guard begins(on: candidate) else { continue }
            let begin = zones.instant(
                ofLocal: candidate * 86_400 + Int64(start) * 60,
                in: zone
            )
            let finish = zones.instant(
                ofLocal: candidate * 86_400 + Int64(start + length) * 60,
                in: zone
            )
            if begin <= time, time < finish { return finish }
        }
        return nil
    }

    /// The first instant at or after the given one at which it begins.
    package func nextStart(
        from time: EventTime,
        in zone: ZoneIndex,
        of zones: ZoneTable
    ) -> EventTime? {
        let day = floorDivide(zones.local(time, in: zone), 86_400)
        for candidate in day - 1...day + 8 where begins(on: candidate) {
            let begin = zones.instant(
                ofLocal: candidate * 86_400 + Int64(start) * 60,
                in: zone
            )
            if begin >= time { return begin }
        }
        return nil
    }

    private func begins(on day: Int64) -> Bool {
        // 1970-01-01 was a Thursday.
        let weekday = ((day + 3) % 7 + 7) % 7
        return weekdays & (1 << UInt8(weekday)) != 0
    }
}
