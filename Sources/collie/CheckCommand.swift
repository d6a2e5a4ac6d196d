import Foundation
import Settings

/// Validates a config.
let checkCommand = Command(
    name: "check",
    summary: "validate a config folder and show what is in force",
    usage: "Usage: collie check [--config FOLDER] [OPTION…]",
    discussion: """
        Prints every mistake with file, line and what would be right, then the config in force with
        defaults filled in and secrets masked.
        """,
    options: [
        configOption,
        Option(name: "quiet", help: "Mistakes and warnings only."),
    ]
) { arguments in
    let report = ConfigReport(ConfigSource(folder: arguments.last("config") ?? "config"))
    if arguments.has("quiet") {
        for mistake in report.mistakes { print(mistake) }
    } else {
        print(report)
    }
    return report.isValid ? ExitCode.success : ExitCode.config
}
