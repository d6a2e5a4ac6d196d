import Foundation

/// One of collie's commands: its help and what it does.
struct Command: Sendable {
    /// Its name.
    var name: String
    /// One line in the list of commands.
    var summary: String
    /// How it is called.
    var usage: String
    /// What it does, in a few lines.
    var discussion: String
    /// What can be set.
    var options: [Option]
    /// Does it; answers the exit code.
    var run: @Sendable (Arguments) throws -> Int32

    /// The text of `--help`.
    var help: String {
        var lines = [usage, "", discussion, "", "Options:"]
        let labels = options.map { "--" + $0.name + ($0.value.map { " " + $0 } ?? "") }
        let width = (labels.map(\.count).max() ?? 0) + 2
        for (label, option) in zip(labels, options) {
            let padding = String(repeating: " ", count: width - label.count)
            let indent = "\n  " + String(repeating: " ", count: width)
            lines.append(
                "  " + label + padding + option.help.replacingOccurrences(of: "\n", with: indent)
            )
        }
        return lines.joined(separator: "\n")
    }
}

/// How a command ended, for scripts.
enum ExitCode {
    /// All is well.
    static let success: Int32 = 0
    /// It ran and found something wrong: a failed scenario, a broker that is not as it should be.
    static let failure: Int32 = 1
    /// It was called wrongly.
    static let usage: Int32 = 2
    /// The config is wrong.
    static let config: Int32 = 3
    /// Input or output failed.
    static let inputOutput: Int32 = 4
}

/// Writes a line to standard error.
func complain(_ text: String) {
    FileHandle.standardError.write(Data((text + "\n").utf8))
}
