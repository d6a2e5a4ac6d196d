package import Events

/// A zone of a `ZoneTable`; 0 is none.
package typealias ZoneIndex = UInt16

/// Every time zone's offsets from UTC, as flat rows that are built once at start.
///
/// A decision asks for local times millions of times; the tz database is asked only here. Beyond
/// the last transition the last offset holds. An object, so that who lends it does not count each
/// of its rows.
package final class ZoneTable: Sendable {
    /// One zone as it is handed in.
    package struct Zone: Sendable {
        /// The tz database's name, or an alias of it.
        package var name: String
        /// Seconds east of UTC before the first transition.
        package var initialOffset: Int
        /// When the offset changes, in seconds since 1970, ascending.
        package var transitions: [(second: Int64, offset: Int)]

        /// Makes a zone.
        package init(name: String, initialOffset: Int, transitions: [(Int64, Int)]) {
            self.name = name
            self.initialOffset = initialOffset
            self.transitions = transitions.map { (second: $0.0, offset: $0.1) }
        }
    }

    /// The zones' names; the first, of index 0, is empty.
    package let names: [String]
    private let begin: [Int32]
    private let seconds: [Int64]
    private let offsets: [Int32]
    // Names as sorted hashes with their index, for looking up bytes without making strings.
    private let nameHashes: [UInt64]
    private let nameIndices: [ZoneIndex]
    /// Countries (packed letters, ascending) with the range of their zones in `countryZones`.
    private let countries: [UInt16]
    private let countryBegin: [Int32]
    private let countryZones: [ZoneIndex]

    /// Builds the rows.
    ///
    /// - Parameter countries: the zones of each country by two ASCII letters.
    package init(_ zones: [Zone], countries: [String: [String]] = [:]) {
        var names = [""]
        var begin: [Int32] = [0, 0]
        var seconds: [Int64] = []
        var offsets: [Int32] = []
        begin[1] = 0
        for zone in zones.sorted(by: { $0.name < $1.name }) {
            names.append(zone.name)
            seconds.append(.min)
            offsets.append(Int32(zone.initialOffset))
            for transition in zone.transitions {
                seconds.append(transition.second)
                offsets.append(Int32(transition.offset))
            }
            begin.append(Int32(seconds.count))
        }
        precondition(names.count < Int(ZoneIndex.max))
        self.names = names
        self.begin = begin
        self.seconds = seconds
        self.offsets = offsets
        let hashed = names.indices.dropFirst().map {
            (ZoneTable.hash(names[$0]), ZoneIndex($0))
        }.sorted { $0.0 < $1.0 }
        nameHashes = hashed.map(\.0)
        nameIndices = hashed.map(\.1)
        var countryCodes: [UInt16] = []
        var countryBegin: [Int32] = [0]
        var countryZones: [ZoneIndex] = []
        let listed = countries.compactMap { code, zones -> (UInt16, [ZoneIndex])? in
            guard let packed = PackedLetters.country(code) else { return nil }
            let indices = zones.compactMap { name in
                names.firstIndex(of: name).map(ZoneIndex.init)
            }
            return indices.isEmpty ? nil : (packed, indices.sorted())
        }.sorted { $0.0 < $1.0 }
        for (code, zones) in listed {
            countryCodes.append(code)
            countryZones += zones
            countryBegin.append(Int32(countryZones.count))
        }
        self.countries = countryCodes
        self.countryBegin = countryBegin
        self.countryZones = countryZones
    }

    // FNV-1a over lower-cased ASCII: zone names are compared without case.
    private static func hash(_ name: String) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in name.utf8 { step(&hash, byte) }
        return hash
    }

    private static func step(_ hash: inout UInt64, _ byte: UInt8) {
        let lower = byte >= 65 && byte <= 90 ? byte | 32 : byte
        hash = (hash ^ UInt64(lower)) &* 0x0000_0100_0000_01b3
    }

    /// The zone of a name given as bytes, or 0.
    package func index(of name: RawSpan) -> ZoneIndex {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for offset in 0..<name.byteCount {
            // In bounds by the loop.
            let byte = unsafe name.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
            ZoneTable.step(&hash, byte)
        }
        return index(hash: hash)
    }

    /// The zone of a name, or 0.
    package func index(of name: String) -> ZoneIndex { index(hash: ZoneTable.hash(name)) }

    private func index(hash: UInt64) -> ZoneIndex {
        var low = 0
        var high = nameHashes.count
        while low < high {
            let middle = (low + high) / 2
            if nameHashes[middle] < hash { low = middle + 1 } else { high = middle }
        }
        return low < nameHashes.count && nameHashes[low] == hash ? nameIndices[low] : 0
    }

    /// How many zones a country has; 0 if it is unknown.
    package func zoneCount(ofCountry country: UInt16) -> Int {
        guard let row = row(ofCountry: country) else { return 0 }
        return Int(countryBegin[row + 1] - countryBegin[row])
    }

    /// A zone of a country.
    package func zone(_ index: Int, ofCountry country: UInt16) -> ZoneIndex {
        guard let row = row(ofCountry: country) else { return 0 }
        return countryZones[Int(countryBegin[row]) + index]
    }

    private func row(ofCountry country: UInt16) -> Int? {
        var low = 0
        var high = countries.count
        while low < high {
            let middle = (low + high) / 2
            if countries[middle] < country { low = middle + 1 } else { high = middle }
        }
        return low < countries.count && countries[low] == country ? low : nil
    }

    // MARK: Offsets

    // The row of the offset in force at an instant.
    private func row(_ zone: ZoneIndex, at second: Int64) -> Int {
        var low = Int(begin[Int(zone)])
        var high = Int(begin[Int(zone) + 1])
        precondition(zone != 0 && high > low, "a zone of this table")
        while high - low > 1 {
            let middle = (low + high) / 2
            if seconds[middle] <= second { low = middle } else { high = middle }
        }
        return low
    }

    /// Seconds east of UTC at an instant.
    package func offset(of zone: ZoneIndex, at time: EventTime) -> Int64 {
        Int64(offsets[row(zone, at: time.second)])
    }

    /// The local wall-clock time of an instant, as seconds since 1970-01-01 local.
    package func local(_ time: EventTime, in zone: ZoneIndex) -> Int64 {
        time.second + offset(of: zone, at: time)
    }

    /// The instant of a local wall-clock time: one that does not exist moves forward to the end of
    /// the gap, of two the first is taken (QH-5).
    package func instant(ofLocal local: Int64, in zone: ZoneIndex) -> EventTime {
        // The offsets before and after any transition near the wanted time.
        var index = row(zone, at: local - 86_400)
        let end = Int(begin[Int(zone) + 1])
        while true {
            let candidate = local - Int64(offsets[index])
            let next = index + 1
            if next >= end || candidate < seconds[next] {
                // Valid under this offset, unless it lies in the gap before this row began.
                let start = seconds[index]
                return EventTime(second: max(candidate, start))
            }
            index = next
        }
    }

    // MARK: Calendar

    /// The local day, week or month that holds an instant, as `[start, end)`.
    package func interval(
        _ unit: CalendarUnit,
        holding time: EventTime,
        in zone: ZoneIndex,
        firstWeekday: Int
    ) -> (start: EventTime, end: EventTime) {
        let day = floorDivide(local(time, in: zone), 86_400)
        let firstDay: Int64
        let lastDay: Int64
        switch unit {
        case .day:
            (firstDay, lastDay) = (day, day + 1)
        case .week:
            // 1970-01-01 was a Thursday, the fourth day of a week that begins on Monday.
            let weekday = (day + 3 - Int64(firstWeekday - 1)) % 7
            firstDay = day - (weekday + 7) % 7
            lastDay = firstDay + 7
        case .month:
            let date = CivilDate(day: day)
            firstDay = CivilDate(year: date.year, month: date.month, day: 1).dayNumber
            lastDay =
                date.month == 12
                ? CivilDate(year: date.year + 1, month: 1, day: 1).dayNumber
                : CivilDate(year: date.year, month: date.month + 1, day: 1).dayNumber
        }
        return (
            instant(ofLocal: firstDay * 86_400, in: zone),
            instant(ofLocal: lastDay * 86_400, in: zone)
        )
    }
}

/// A calendar interval that caps count in.
package enum CalendarUnit: Sendable, Equatable {
    case day
    /// Begins on the deployment's first weekday.
    case week
    case month
}
