import Foundation
import Glibc
import KafkaTesting

/// A running `collie`; killed when nobody holds it any more.
///
/// Not Foundation's Process: its children inherit what other tests hold open at that moment, and it
/// cannot be asked how a child ended without waiting. What is written goes to files, so that nobody
/// has to read along.
final class Program {
    struct Failure: Error, CustomStringConvertible { let description: String }

    /// The binary of this build, beside the test bundle.
    static let path: String = {
        let bundle = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
        return URL(filePath: bundle ?? "").deletingLastPathComponent().appending(path: "collie")
            .path
    }()

    /// Goes to the folder, closes what other tests hold open, and becomes the command.
    private static let launcher = [
        "bash", "-c",
        """
        cd "$1"; shift
        for n in /proc/self/fd/*; do n=${n##*/}; [ "$n" -gt 2 ] && eval "exec $n>&-"; done
        exec "$@"
        """,
        "bash",
    ]

    let pid: pid_t
    private let folder: Folder?
    private let log: String
    private var status: Int32?

    /// Starts `collie` with arguments.
    convenience init(
        _ arguments: [String],
        input: String = "/dev/null",
        environment: [String: String] = [:],
        log: String? = nil
    ) throws {
        try self.init(
            command: [Program.path] + arguments,
            input: input,
            environment: environment,
            log: log
        )
    }

    /// Starts any command in the project's folder; `collie` is on its path.
    ///
    /// - Parameter log: what it writes is kept there, in `<log>.output` and `<log>.errors`.
    init(
        command: [String],
        input: String = "/dev/null",
        environment: [String: String] = [:],
        log: String? = nil
    ) throws {
        folder = log == nil ? try Folder() : nil
        self.log = log ?? folder!.path + "/it"
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
        for (descriptor, name) in [(Int32(1), "output"), (2, "errors")] {
            let path = self.log + "." + name
            posix_spawn_file_actions_addopen(&actions, descriptor, path, O_WRONLY | O_CREAT, 0o600)
        }
        var all = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let beside = URL(filePath: Program.path).deletingLastPathComponent().path
        all["PATH"] = beside + ":" + (all["PATH"] ?? "/usr/bin:/bin")
        let words = (Program.launcher + [projectFolder] + command).map { strdup($0) } + [nil]
        let variables = all.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in words + variables { free(text) } }
        var child: pid_t = 0
        let error = posix_spawn(&child, "/bin/bash", &actions, nil, words, variables)
        guard error == 0 else {
            throw Failure(description: "cannot start: \(String(cString: strerror(error)))")
        }
        pid = child
        Orphanage.shared.add(child)
    }

    deinit {
        if status == nil {
            kill(pid, SIGKILL)
            var last: Int32 = 0
            while waitpid(pid, &last, 0) < 0, errno == EINTR {}
            Orphanage.shared.remove(pid)
        }
    }

    /// What it has written to standard output.
    var output: String { text("output") }

    /// What it has written to standard error.
    var errors: String { text("errors") }

    private func text(_ name: String) -> String {
        String(
            decoding: FileManager.default.contents(atPath: log + "." + name) ?? Data(),
            as: UTF8.self
        )
    }

    /// Sends a signal.
    func send(_ signal: Int32) { if status == nil { kill(pid, signal) } }

    /// The exit code, 128 and more for a signal; nil while it runs.
    var exitCode: Int32? {
        if let status { return status }
        var raw: Int32 = 0
        guard waitpid(pid, &raw, WNOHANG) == pid else { return nil }
        Orphanage.shared.remove(pid)
        let signal = raw & 0x7f
        status = signal == 0 ? raw >> 8 & 0xff : 128 + signal
        return status
    }

    /// Waits for its end; answers the exit code.
    func end(within limit: Duration = .seconds(60)) throws -> Int32 {
        var code: Int32?
        do {
            try until("the end of the process", within: limit) {
                code = exitCode
                return code != nil
            }
        } catch { throw Failure(description: "\(error); it says: \(errors)") }
        return code!
    }

    /// Waits until it has said something on standard error; fails at once when it has ended.
    func says(_ text: String, times: Int = 1, within limit: Duration = .seconds(20)) throws {
        do {
            try until(text, within: limit) {
                let hasEnded = exitCode != nil
                if errors.components(separatedBy: text).count > times { return true }
                if hasEnded { throw Failure(description: "it ended with \(exitCode!)") }
                return false
            }
        } catch {
            throw Failure(description: "\"\(text)\" was not said (\(error)), but:\n\(errors)")
        }
    }
}

/// How a command went.
struct Outcome {
    let code: Int32
    let output: String
    let errors: String

    /// Lines of the output.
    var lines: [Substring] { output.split(separator: "\n") }

    /// Each line of the output as an object.
    func objects() throws -> [[String: Any]] {
        try lines.map { line in
            guard
                let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
                    as? [String: Any]
            else { throw Program.Failure(description: "no object: \(line)") }
            return object
        }
    }
}

/// Runs `collie` to its end.
func collie(
    _ arguments: String...,
    input: String = "/dev/null",
    environment: [String: String] = [:]
) throws -> Outcome {
    let program = try Program(arguments, input: input, environment: environment)
    let code = try program.end()
    return Outcome(code: code, output: program.output, errors: program.errors)
}

/// Runs a line of bash to its end; fails where any part of a pipe does.
func bash(_ line: String) throws -> Outcome {
    let program = try Program(command: ["/bin/bash", "-o", "pipefail", "-c", line])
    let code = try program.end()
    return Outcome(code: code, output: program.output, errors: program.errors)
}
