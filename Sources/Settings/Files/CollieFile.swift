import Events
import Foundation
import Identity
import Windows

/// Reads `collie.yaml`: the shop, identity, time, Kafka and the engine.
struct CollieFile {
    static let kind = MappingKind(
        "collie.yaml",
        keys: [
            "shop", "identity", "time", "kafka", "engine", "snapshots", "health", "shutdown",
        ],
        required: ["shop", "identity"]
    )
    static let shopKind = MappingKind(
        "the shop",
        keys: ["name", "country", "currency", "time_zone"],
        required: ["country", "currency", "time_zone"]
    )
    static let timeKind = MappingKind(
        "time",
        keys: ["disorder", "max_age", "dedupe_span", "dedupe_max"]
    )
    static let snapshotsKind = MappingKind("snapshots", keys: ["folder", "interval", "kept"])
    static let healthKind = MappingKind("health", keys: ["listen"])
    static let shutdownKind = MappingKind("shutdown", keys: ["deadline"])

    /// What the shop's section says.
    struct Shop {
        var source: String
        var country: UInt16
        var currency: UInt32
        var zone: ZoneIndex
    }

    let fields: Fields
    let zones: ZoneTable

    init?(_ tree: ConfigTrees.Tree, zones: ZoneTable, _ mistakes: Mistakes) {
        guard let fields = tree.fields(as: CollieFile.kind, mistakes) else { return nil }
        self.fields = fields
        self.zones = zones
    }

    func shop() -> Shop {
        var shop = Shop(source: "collie", country: 0, currency: 0, zone: 0)
        guard let fields = fields.fields("shop", as: CollieFile.shopKind) else { return shop }
        shop.source = fields.text("name", default: "collie")
        shop.country = fields["country"]?.readCountry("`country`", fields.mistakes) ?? 0
        shop.currency = fields["currency"]?.readCurrency("`currency`", fields.mistakes) ?? 0
        shop.zone = fields["time_zone"]?.readZone("`time_zone`", of: zones, fields.mistakes) ?? 0
        return shop
    }

    /// How event time is treated.
    struct Times {
        var disorder: TimeSpan
        var maxAge: TimeSpan
        var dedupeSpan: TimeSpan
        var dedupeMax: Int
    }

    func times() -> Times {
        let fields = fields.section("time", as: CollieFile.timeKind)
        return Times(
            disorder: fields?.span("disorder", in: .zero ... .hours(24), default: .minutes(5))
                ?? .minutes(5),
            maxAge: fields?.span("max_age", in: .minutes(1) ... .days(30), default: .hours(72))
                ?? .hours(72),
            dedupeSpan: fields?.span(
                "dedupe_span",
                in: .minutes(1) ... .days(30),
                default: .hours(24)
            ) ?? .hours(24),
            dedupeMax: fields?.integer(
                "dedupe_max",
                in: 1_000...4_000_000_000,
                default: 32_000_000
            ) ?? 32_000_000
        )
    }

    func snapshots() -> SnapshotSettings {
        var settings = SnapshotSettings()
        guard let fields = fields.section("snapshots", as: CollieFile.snapshotsKind) else {
            return settings
        }
        let folder = fields.text("folder", default: "")
        settings.folder = folder.isEmpty ? nil : folder
        settings.interval = fields.span(
            "interval",
            in: .seconds(1) ... .hours(24),
            default: settings.interval
        )
        settings.kept = fields.integer("kept", in: 1...100, default: settings.kept)
        return settings
    }

    func health() -> HealthSettings {
        var settings = HealthSettings()
        guard let fields = fields.section("health", as: CollieFile.healthKind) else {
            return settings
        }
        let text = fields.text("listen", default: "off")
        if text.isEmpty || text == "off" { return settings }
        settings.listen = ListenAddress(text)
        if settings.listen == nil {
            fields["listen"]?.reject(
                "`listen`",
                expected: "address:port, such as 0.0.0.0:8080 or [::]:8080, or off",
                fields.mistakes
            )
        }
        return settings
    }

    func shutdownDeadline() -> TimeSpan {
        let fields = fields.section("shutdown", as: CollieFile.shutdownKind)
        return fields?.span("deadline", in: .seconds(1) ... .hours(1), default: .seconds(25))
            ?? .seconds(25)
    }
}

extension YAMLNode {
    /// A country of two letters.
    func readCountry(_ what: String, _ mistakes: Mistakes) -> UInt16? {
        guard let country = text.flatMap(PackedLetters.country) else {
            reject(what, expected: "a country of two letters, such as IN", mistakes)
            return nil
        }
        return country
    }

    /// A currency of three letters.
    func readCurrency(_ what: String, _ mistakes: Mistakes) -> UInt32? {
        guard let currency = text.flatMap(PackedLetters.currency) else {
            reject(what, expected: "a currency of three letters, such as INR", mistakes)
            return nil
        }
        return currency
    }

    /// A zone of the tz database.
    func readZone(_ what: String, of zones: ZoneTable, _ mistakes: Mistakes) -> ZoneIndex? {
        guard let text, !isNull else {
            reject(what, expected: "a time zone, such as Asia/Kolkata", mistakes)
            return nil
        }
        let zone = zones.index(of: text)
        if zone == 0 {
            let nearest = Suggestion.nearest(to: text, among: zones.names)
            let remedy =
                nearest.map { "; did you mean `\($0)`?" } ?? "; write one such as Asia/Kolkata"
            mistakes.add("\(what): there is no time zone \(kindName)\(remedy)", at: mark)
            return nil
        }
        return zone
    }
}
