import CPlatform
import Engine
import Foundation
import Kafka
import LoadTesting
import Settings

/// The command: reads its first word and runs what it names.
@main
struct Collie {
    static let commands = [
        demoCommand, runCommand, replayCommand, testCommand, checkCommand, generateCommand,
        captureCommand, loadCommand, auditCommand, simulateCommand,
    ]

    static func main() {
        // A reader that goes away ends the writing, not the process with a signal.
        signal(SIGPIPE, SIG_IGN)
        exit(run(Array(CommandLine.arguments.dropFirst())))
    }

    private static func run(_ words: [String]) -> Int32 {
        guard let first = words.first, first != "--help", first != "-h", first != "help" else {
            if words.isEmpty { complain(help) } else { print(help) }
            return words.isEmpty ? ExitCode.usage : ExitCode.success
        }
        if first == "--version" || first == "version" {
            print("collie 0.1")
            return ExitCode.success
        }
        guard let command = commands.first(where: { $0.name == first }) else {
            let remedy = Suggestion.remedy(for: first, among: commands.map(\.name))
            complain("collie: there is no command \"\(first)\"\(remedy)")
            return ExitCode.usage
        }
        do {
            let arguments = try Arguments(Array(words.dropFirst()), options: command.options)
            if arguments.has("help") {
                print(command.help)
                return ExitCode.success
            }
            return try command.run(arguments)
        } catch let error as UsageError {
            complain("collie \(command.name): \(error)")
            complain("`collie \(command.name) --help` says how it is called")
            return ExitCode.usage
        } catch let error as ConfigError {
            for mistake in error.mistakes { complain("\(mistake)") }
            complain("collie \(command.name): the config has mistakes")
            return ExitCode.config
        } catch let error as SourceError {
            if error.isReaderGone { return ExitCode.success }
            complain("collie \(command.name): \(error)")
            return ExitCode.inputOutput
        } catch let error as CaptureError {
            complain("collie \(command.name): \(error)")
            return ExitCode.inputOutput
        } catch let error as ProbeFailure {
            complain("collie \(command.name): \(error)")
            return ExitCode.inputOutput
        } catch let error as LoadFailure {
            complain("collie \(command.name): \(error)")
            return ExitCode.inputOutput
        } catch let error as KafkaError {
            complain("collie \(command.name): \(error)")
            return error.kind == .configuration ? ExitCode.config : ExitCode.inputOutput
        } catch {
            complain("collie \(command.name): \(error)")
            return ExitCode.failure
        }
    }

    private static var help: String {
        var lines = [
            "Collie reads customer events, notices carts left behind, and decides, once and not too",
            "often, to write to their owners.",
            "",
            "Usage: collie COMMAND [OPTION…]",
            "",
        ]
        let width = (commands.map { $0.name.count }.max() ?? 0) + 3
        for command in commands {
            let padding = String(repeating: " ", count: width - command.name.count)
            lines.append("  " + command.name + padding + command.summary)
        }
        lines += [
            "",
            "`collie COMMAND --help` says more. Exit codes: 0 all is well, 1 something was found",
            "wrong, 2 called wrongly, 3 wrong config, 4 input or output failed.",
        ]
        return lines.joined(separator: "\n")
    }
}
