package import Events
package import Windows

/// The zones a person may be in: one, or all of a country with several (QH-2).
package struct PersonZones: BitwiseCopyable {
    /// The zone that is assumed for calendar days.
    package var zone: ZoneIndex
    /// The country whose zones must all agree, as packed letters; 0 if `zone` is certain.
    package var country: UInt16

    package init(zone: ZoneIndex, country: UInt16 = 0) {
        self.zone = zone
        self.country = country
    }
}

/// Hours in which a person is not written to, over all rules and zones that hold.
package struct QuietHours: Sendable {
    /// The rules.
    package let rules: [QuietRule]

    /// Makes quiet hours of rules.
    package init(rules: [QuietRule]) { self.rules = rules }

    private func holds(
        _ index: Int,
        _ channel: Channel,
        _ messageClass: MessageClass,
        _ country: UInt16
    ) -> Bool {
        rules[index].channels.contains(ChannelSet(channel))
            && rules[index].classes.contains(ClassSet(messageClass))
            && (rules[index].countries.isEmpty || rules[index].countries.contains(country))
    }

    /// When the quiet that holds an instant ends, or nil if it is not quiet (QH-1).
    ///
    /// With several zones it is quiet while it is quiet in any of them. Windows that follow each
    /// other without a pause are one; the search is bounded.
    package func end(
        holding time: EventTime,
        channel: Channel,
        messageClass: MessageClass,
        country: UInt16,
        person: PersonZones,
        zones: ZoneTable,
        rule: inout Int
    ) -> EventTime? {
        var end: EventTime?
        for _ in 0..<64 {
            let asked = end ?? time
            guard
                let next = singleEnd(
                    asked,
                    channel,
                    messageClass,
                    country,
                    person,
                    zones,
                    &rule
                )
            else { return end }
            end = next
        }
        return end
    }

    private func singleEnd(
        _ time: EventTime,
        _ channel: Channel,
        _ messageClass: MessageClass,
        _ country: UInt16,
        _ person: PersonZones,
        _ zones: ZoneTable,
        _ rule: inout Int
    ) -> EventTime? {
        for index in rules.indices where holds(index, channel, messageClass, country) {
            let count = person.country == 0 ? 1 : zones.zoneCount(ofCountry: person.country)
            for number in 0..<count {
                let zone =
                    person.country == 0
                    ? person.zone : zones.zone(number, ofCountry: person.country)
                if let end = rules[index].window.end(holding: time, in: zone, of: zones) {
                    rule = index
                    return end
                }
            }
        }
        return nil
    }

    /// When it is quiet next, from an instant that is not: a command must not arrive then (QH-6).
    package func nextStart(
        from time: EventTime,
        channel: Channel,
        messageClass: MessageClass,
        country: UInt16,
        person: PersonZones,
        zones: ZoneTable
    ) -> EventTime? {
        var earliest: EventTime?
        for index in rules.indices where holds(index, channel, messageClass, country) {
            let count = person.country == 0 ? 1 : zones.zoneCount(ofCountry: person.country)
            for number in 0..<count {
                let zone =
                    person.country == 0
                    ? person.zone : zones.zone(number, ofCountry: person.country)
                if let start = rules[index].window.nextStart(from: time, in: zone, of: zones),
                    earliest == nil || start < earliest!
                {
                    earliest = start
                }
            }
        }
        return earliest
    }
}
