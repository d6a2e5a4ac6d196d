import Events
import Profiles

/// Reads the section `engine` of `collie.yaml`.
struct EngineSection {
    static let kind = MappingKind("engine", keys: ["shards", "ingest_threads", "epoch", "limits"])
    static let epochKind = MappingKind(
        "the epoch",
        keys: ["max_events", "max_interval", "file_events"]
    )
    static let limitsKind = MappingKind(
        "the limits of profiles",
        keys: counts.map(\.key) + spans.map(\.key)
    )

    // Every bound by its key, with the range that still makes sense.
    private struct Count: Sendable {
        var key: String
        var path: any WritableKeyPath<ProfileLimits, Int> & Sendable
        var range: ClosedRange<Int>
    }

    private struct Span: Sendable {
        var key: String
        var path: any WritableKeyPath<ProfileLimits, TimeSpan> & Sendable
    }

    private static let counts: [Count] = [
        Count(key: "profiles_per_shard", path: \.profilesMax, range: 1_000...2_000_000_000),
        Count(key: "carts", path: \.cartsMax, range: 1...64),
        Count(key: "lines", path: \.linesMax, range: 1...1_000),
        Count(key: "operations", path: \.operationsMax, range: 8...1_000),
        Count(key: "sends", path: \.sendsMax, range: 8...1_000),
        Count(key: "orders", path: \.ordersMax, range: 1...1_000),
        Count(key: "bought", path: \.boughtMax, range: 1...1_000),
        Count(key: "endpoints", path: \.endpointsMax, range: 1...64),
        Count(key: "enrollments", path: \.enrollmentsMax, range: 1...64),
        Count(key: "views", path: \.viewsMax, range: 1...256),
        Count(key: "entries", path: \.entriesMax, range: 1...256),
    ]
    private static let spans: [Span] = [
        Span(key: "order_span", path: \.orderSpan),
        Span(key: "bought_span", path: \.boughtSpan),
        Span(key: "send_span", path: \.sendSpan),
    ]

    let fields: Fields

    func settings() -> EngineSettings {
        var settings = EngineSettings()
        settings.shards = count("shards")
        settings.ingestThreads = count("ingest_threads")
        if let epoch = fields.section("epoch", as: EngineSection.epochKind) {
            settings.epochEventsMax = epoch.integer(
                "max_events",
                in: 1...10_000_000,
                default: settings.epochEventsMax
            )
            settings.epochInterval = epoch.span(
                "max_interval",
                in: TimeSpan(milliseconds: 1) ... .seconds(10),
                default: settings.epochInterval
            )
            settings.fileEpochEvents = epoch.integer(
                "file_events",
                in: 1...1_000_000,
                default: settings.fileEpochEvents
            )
        }
        if let limits = fields.section("limits", as: EngineSection.limitsKind) {
            for count in EngineSection.counts {
                settings.limits[keyPath: count.path] = limits.integer(
                    count.key,
                    in: count.range,
                    default: settings.limits[keyPath: count.path]
                )
            }
            for span in EngineSection.spans {
                settings.limits[keyPath: span.path] = limits.span(
                    span.key,
                    in: .hours(1) ... .days(4_000),
                    default: settings.limits[keyPath: span.path]
                )
            }
        }
        return settings
    }

    // A number of threads, or `auto`.
    private func count(_ key: String) -> Int? {
        if !fields.has(key) || fields[key]?.text == "auto" {
            _ = fields.text(key, default: "auto")
            return nil
        }
        return fields.integer(key, in: 1...256)
    }
}
