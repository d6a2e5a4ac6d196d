import Engine
import Foundation
import Pipeline
import Settings

/// The option that names the config folder.
let configOption = Option(
    name: "config",
    value: "FOLDER",
    help: "The config folder (default config)."
)

/// The option that lets windows be as short as in the demo.
let shortWindowsOption = Option(
    name: "short-windows",
    help: "Allows flows that begin after seconds, to try things out."
)

/// A config with mistakes: they are printed, the exit code is 3.
struct ConfigError: Error {
    var mistakes: [Mistake]
}

/// Reads the config that the command line names.
func loadSettings(_ arguments: Arguments) throws -> Settings {
    let options = SettingsOptions(allowShortWindows: arguments.has(shortWindowsOption.name))
    do {
        return try Settings.load(folder: arguments.last("config") ?? "config", options: options)
    } catch {
        throw ConfigError(mistakes: error.mistakes)
    }
}

extension Engine.Configuration {
    /// The engine's part of the settings, with a number of threads from the command line.
    init(_ settings: EngineSettings, shards: Int?, decoders: Int?) {
        self.init()
        let processors = max(1, ProcessInfo.processInfo.activeProcessorCount)
        self.shards = shards ?? settings.shards ?? max(1, processors / 2)
        self.decoders = decoders ?? settings.ingestThreads ?? max(1, processors / 2)
        epochEvents = settings.fileEpochEvents
        epochEventsMax = settings.epochEventsMax
        limits = settings.limits
    }
}
