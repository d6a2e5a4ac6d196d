/// What `collie check` prints: every mistake and warning, then the configuration in force.
package struct ConfigReport: Sendable, CustomStringConvertible {
    /// Mistakes and warnings, by file and line.
    package private(set) var mistakes: [Mistake]
    /// The configuration; nil if there are errors.
    package private(set) var settings: Settings?
    /// The configuration in force as YAML, as far as it could be read, secrets masked.
    package private(set) var effective: String

    /// Whether Collie starts with it.
    package var isValid: Bool { settings != nil }

    /// Reads and checks a configuration.
    package init(
        _ source: ConfigSource,
        overrides: YAMLNode? = nil,
        options: SettingsOptions = SettingsOptions()
    ) {
        let mistakes = Mistakes()
        var reader = ConfigReader(source: source, options: options, mistakes: mistakes)
        let settings = reader.read(overrides: overrides)
        self.mistakes = mistakes.sorted
        effective = reader.effective
        self.settings = mistakes.hasErrors ? nil : settings
        self.settings?.warnings = self.mistakes
        self.settings?.effective = effective
    }

    /// Adds what others have found; with an error Collie does not start.
    package mutating func add(_ more: [Mistake]) {
        mistakes = (mistakes + more).sorted()
        settings?.warnings = mistakes
        if more.contains(where: { $0.severity == .error }) { settings = nil }
    }

    package var description: String {
        var text = mistakes.map { "\($0)\n" }.joined()
        let errors = mistakes.count { $0.severity == .error }
        let warnings = mistakes.count - errors
        if errors > 0 || warnings > 0 { text += "\n" }
        text += "\(errors) error\(errors == 1 ? "" : "s"), "
        text += "\(warnings) warning\(warnings == 1 ? "" : "s")\n\n" + effective
        return text
    }
}
