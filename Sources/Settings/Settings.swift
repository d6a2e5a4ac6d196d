package import Decoding
package import Events
package import Pipeline

/// A configuration, read and checked.
package struct Settings: Sendable {
    /// What the pipeline decides by.
    package var rules: Rules
    /// What events mean.
    package var plan: TrackingPlan
    /// Kafka.
    package var kafka: KafkaOptions
    /// Where that stands.
    package var kafkaPlaces: KafkaPlaces
    /// Threads and bounds.
    package var engine: EngineSettings
    /// Where and when all state is saved.
    package var snapshots: SnapshotSettings
    /// Where an orchestrator may ask how an instance is.
    package var health: HealthSettings
    /// A graceful stop that takes longer is cut off.
    package var shutdownDeadline: TimeSpan
    /// The configuration in force as YAML, defaults included, secrets masked.
    package var effective: String
    /// What is allowed and hardly meant.
    package var warnings: [Mistake]
}

/// How strictly a configuration is read.
package struct SettingsOptions: Sendable, Equatable {
    /// Takes windows of inactivity shorter than five minutes (AB-2); for demonstrations only.
    package var allowShortWindows = false

    /// The defaults: strict.
    package init(allowShortWindows: Bool = false) { self.allowShortWindows = allowShortWindows }
}

/// Why a configuration cannot be used: every mistake in it.
package struct SettingsError: Error, CustomStringConvertible {
    /// The mistakes, and the warnings with them, by file and line.
    package var mistakes: [Mistake]

    package var description: String { mistakes.map(\.description).joined(separator: "\n") }
}

extension Settings {
    /// Reads a folder.
    ///
    /// - Parameter overrides: a mapping of nested or dotted keys that change single settings.
    package static func load(
        folder: String,
        overrides: YAMLNode? = nil,
        options: SettingsOptions = SettingsOptions()
    ) throws(SettingsError) -> Settings {
        try load(ConfigSource(folder: folder), overrides: overrides, options: options)
    }

    /// Reads files that are held in memory, by name.
    package static func load(
        files: [String: String],
        overrides: YAMLNode? = nil,
        environment: [String: String] = [:],
        options: SettingsOptions = SettingsOptions()
    ) throws(SettingsError) -> Settings {
        try load(
            ConfigSource(files: files, environment: environment),
            overrides: overrides,
            options: options
        )
    }

    /// Reads files from anywhere.
    package static func load(
        _ source: ConfigSource,
        overrides: YAMLNode? = nil,
        options: SettingsOptions = SettingsOptions()
    ) throws(SettingsError) -> Settings {
        let report = ConfigReport(source, overrides: overrides, options: options)
        guard let settings = report.settings else {
            throw SettingsError(mistakes: report.mistakes)
        }
        return settings
    }
}
