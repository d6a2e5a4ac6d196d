import Foundation
import Glibc

/// A child process, whose output goes to files; it ends with this process at the latest.
final class Program {
    /// How it ended.
    struct End {
        /// The exit code, 128 and more for a signal.
        var code: Int32
        /// Seconds of processor time.
        var processor: Double
        /// Seconds from start to end.
        var seconds: Double
    }

    let pid: pid_t
    private let name: String
    private let path: String
    private let keeper: Keeper
    private let began = ContinuousClock.now
    private var ending: End?

    /// Starts a command.
    init(_ command: [String], in keeper: Keeper, environment: [String: String] = [:]) throws {
        self.keeper = keeper
        name = URL(filePath: command[0]).lastPathComponent
        path = keeper.folder + "/\(name)-\(UInt32.random(in: 0 ... .max))"
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        for (descriptor, suffix) in [(Int32(1), ".output"), (2, ".errors")] {
            posix_spawn_file_actions_addopen(
                &actions,
                descriptor,
                path + suffix,
                O_WRONLY | O_CREAT,
                0o600
            )
        }
        let all = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let words = command.map { strdup($0) } + [nil]
        let variables = all.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in words + variables { free(text) } }
        var child: pid_t = 0
        let error = posix_spawnp(&child, command[0], &actions, nil, words, variables)
        guard error == 0 else {
            throw Failure("cannot start \(command[0]): \(String(cString: strerror(error)))")
        }
        pid = child
        keeper.add(child)
    }

    deinit {
        if ending == nil {
            kill(pid, SIGKILL)
            _ = wait(0)
        }
        unlink(path + ".output")
        unlink(path + ".errors")
    }

    /// What it has written to standard output.
    var output: String { text(".output") }
    /// What it has written to standard error.
    var errors: String { text(".errors") }

    private func text(_ suffix: String) -> String {
        String(
            decoding: FileManager.default.contents(atPath: path + suffix) ?? Data(),
            as: UTF8.self
        )
    }

    /// Sends a signal, if it still runs.
    func send(_ signal: Int32) { if ending == nil { kill(pid, signal) } }

    /// How it ended; nil while it runs.
    var end: End? { ending ?? wait(WNOHANG) }

    private func wait(_ options: Int32) -> End? {
        var status: Int32 = 0
        var usage = rusage()
        var found: pid_t = -1
        repeat { found = wait4(pid, &status, options, &usage) } while found < 0 && errno == EINTR
        guard found == pid else { return nil }
        keeper.remove(pid)
        let signal = status & 0x7f
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        ending = End(
            code: signal == 0 ? status >> 8 & 0xff : 128 + signal,
            processor: seconds(usage.ru_utime) + seconds(usage.ru_stime),
            seconds: (ContinuousClock.now - began) / .seconds(1)
        )
        return ending
    }

    /// Waits for its end, which must be a good one.
    @discardableResult
    func finish(within limit: Duration = .seconds(7_200)) throws -> End {
        let deadline = began + limit
        while ending == nil {
            if ContinuousClock.now > deadline { throw Failure("\(name) does not end:\n\(tail)") }
            if wait(WNOHANG) == nil { usleep(500) }
        }
        guard let ending else { throw Failure("\(name) was lost") }
        guard ending.code == 0 else {
            throw Failure("\(name) ended with \(ending.code):\n\(tail)")
        }
        return ending
    }

    /// Waits until it has said something on standard error.
    func says(_ words: String, within limit: Duration) throws {
        let deadline = ContinuousClock.now + limit
        while !errors.contains(words) {
            if let end { throw Failure("\(name) ended with \(end.code):\n\(tail)") }
            if ContinuousClock.now > deadline {
                throw Failure("\(name) did not say \"\(words)\":\n\(tail)")
            }
            usleep(2_000)
        }
    }

    /// The last lines it wrote.
    private var tail: String {
        (output + errors).split(separator: "\n").suffix(8).joined(separator: "\n")
    }
}
