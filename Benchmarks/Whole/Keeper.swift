import Glibc
import Synchronization

/// Tidies up when this process is gone, however that went: ends the children that are left and
/// removes the folder.
///
/// Think of a caretaker who listens at the door: a shell, in a session of its own so that no Ctrl-C
/// of ours reaches it, reads along who lives; when there is nothing more to read, we have left.
final class Keeper: Sendable {
    private static let script = """
        declare -A children
        while read -r sign what; do
            case $sign in
                +) children[$what]=1 ;;
                -) unset "children[$what]" ;;
            esac
        done
        for child in "${!children[@]}"; do kill -KILL "$child"; done
        for try in 1 2 3 4 5; do rm -rf "$1" && break; sleep 0.3; done
        """

    /// The folder that goes with us.
    let folder: String
    private let door: Int32
    private let shell: pid_t

    /// Makes the folder and the caretaker.
    init() throws(Failure) {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        folder = parent + "/collie-bench-\(getpid())"
        guard mkdir(folder, 0o700) == 0 else {
            throw Failure("cannot make \(folder): \(String(cString: strerror(errno)))")
        }
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw Failure("no pipe to be had") }
        // No child may hold the end open that says we are here.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        door = ends[1]
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[0], 0)
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        let command = ["setsid", "bash", "-c", Keeper.script, "bash", folder]
        var words: [UnsafeMutablePointer<CChar>?] = command.map { word in strdup(word) }
        words.append(nil)
        defer { for word in words { free(word) } }
        var child: pid_t = 0
        guard posix_spawnp(&child, "setsid", &actions, nil, words, environ) == 0 else {
            rmdir(folder)
            throw Failure("setsid and bash are needed, and not there")
        }
        shell = child
        close(ends[0])
    }

    /// A child has begun.
    func add(_ pid: pid_t) { tell("+ \(pid)\n") }

    /// A child has ended and was waited for: its number may be another's now.
    func remove(_ pid: pid_t) { tell("- \(pid)\n") }

    private func tell(_ line: String) {
        // A short line goes into a pipe as a whole.
        _ = line.withCString { write(door, $0, strlen($0)) }
    }

    /// Lets it tidy up, and waits.
    func end() {
        close(door)
        var status: Int32 = 0
        while waitpid(shell, &status, 0) < 0, errno == EINTR {}
    }
}
