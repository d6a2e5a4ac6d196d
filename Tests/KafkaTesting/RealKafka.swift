import Foundation
import Glibc
import Synchronization
import TestData

/// A real broker for tests: the one named by COLLIE_TEST_KAFKA, or one of our own that lives in a
/// temporary folder and ends with this process, however that ends.
package final class RealKafka: Sendable {
    /// `host:port` without TLS.
    package let bootstrapServers: String
    /// `host:port` with TLS and login; nil if the broker has none.
    package let secureServers: String?
    /// The certificate authority of that.
    package let authority: String?
    private let folder: String?
    private let down = Atomic<Bool>(false)

    /// What to do so that these tests run.
    package static let howTo =
        "needs a broker: COLLIE_TEST_KAFKA=HOST:PORT, or java 17 and the folder shared/kafka"

    /// Whether there can be one.
    package static let isAvailable: Bool = {
        if isLent { return true }
        return script != nil && shell("command -v java") == 0
    }()

    /// Whether it belongs to somebody else, who would miss it.
    package static let isLent = ProcessInfo.processInfo.environment["COLLIE_TEST_KAFKA"] != nil

    /// The broker of this test run, started when first asked for.
    package static let shared: Result<RealKafka, any Error> = Result { try RealKafka() }

    private static let script: String? = {
        guard let folder = sharedFolder else { return nil }
        let path = folder.appendingPathComponent("kafka/kafka").path
        return FileManager.default.isExecutableFile(atPath: path) ? path : nil
    }()

    struct Failure: Error, CustomStringConvertible { let description: String }

    private init() throws {
        if let server = ProcessInfo.processInfo.environment["COLLIE_TEST_KAFKA"] {
            bootstrapServers = server
            secureServers = nil
            authority = nil
            folder = nil
            return
        }
        let folder = NSTemporaryDirectory() + "collie-kafka-\(getpid())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let port = try RealKafka.freePorts()
        // The shell sees the end of its input when this process is gone, and then tidies up.
        let keeper = Process()
        keeper.executableURL = URL(fileURLWithPath: "/bin/bash")
        keeper.arguments = [
            "-c",
            """
            '\(RealKafka.script!)' start '\(folder)/data' --port \(port) --secure --heap 320m \
            > '\(folder)/started' 2>&1; echo done >> '\(folder)/started'; cat > /dev/null; \
            '\(RealKafka.script!)' stop '\(folder)/data'; rm -rf '\(folder)'
            """,
        ]
        let pipe = Pipe()
        // A broker started again by `restart` must not inherit the end that says we live.
        _ = fcntl(pipe.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC)
        keeper.standardInput = pipe
        keeper.standardOutput = FileHandle.nullDevice
        keeper.standardError = FileHandle.nullDevice
        try keeper.run()
        RealKafka.keepAlive.append((keeper, pipe))
        var answer = ""
        let deadline = Date().addingTimeInterval(60)
        while !answer.contains("done"), Date() < deadline {
            usleep(50_000)
            answer = (try? String(contentsOfFile: folder + "/started", encoding: .utf8)) ?? ""
        }
        guard answer.contains("bootstrap=") else {
            throw Failure(description: "the broker did not start: \(answer)")
        }
        bootstrapServers = "127.0.0.1:\(port)"
        secureServers = "127.0.0.1:\(port + 2)"
        authority = folder + "/data/ca.pem"
        self.folder = folder
    }

    // The pipe's end must stay open as long as the process lives. Written once, by `shared`.
    nonisolated(unsafe) private static var keepAlive: [(Process, Pipe)] = []

    /// Whether it can be killed and started again.
    package var isOurs: Bool { folder != nil }

    /// Ends the broker as a crash would.
    package func kill() {
        down.store(true, ordering: .relaxed)
        RealKafka.shell("'\(RealKafka.script!)' kill '\(folder!)/data' 1")
    }

    /// Lets the broker hang: it takes connections and answers nothing.
    package func pause() { RealKafka.shell("'\(RealKafka.script!)' pause '\(folder!)/data' 1") }

    /// Lets it go on.
    package func resume() { RealKafka.shell("'\(RealKafka.script!)' resume '\(folder!)/data' 1") }

    /// Whether it was killed and not started again.
    package var isDown: Bool { down.load(ordering: .relaxed) }

    /// Starts it again with what it holds.
    package func restart() {
        down.store(false, ordering: .relaxed)
        RealKafka.shell("'\(RealKafka.script!)' restart '\(folder!)/data' 1")
    }

    /// Copies what the broker holds and has said, to be looked at later; nothing of a lent one.
    package func keep(in target: String) {
        guard let folder else { return }
        RealKafka.shell("mkdir -p '\(target)' && cp -r '\(folder)/data' '\(target)/broker'")
    }

    /// Runs a command and waits for its end.
    ///
    /// Not by Foundation's Process, whose wait lasts until the last grandchild has ended, and the
    /// broker is one.
    @discardableResult
    private static func shell(_ command: String) -> Int32 {
        let line = "{ \(command); } > /dev/null 2>&1 < /dev/null"
        let words = ["/bin/bash", "-c", line]
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { word in strdup(word) }
        arguments.append(nil)
        defer { for argument in arguments { free(argument) } }
        var child: pid_t = 0
        guard posix_spawn(&child, "/bin/bash", nil, nil, arguments, environ) == 0 else { return -1 }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        return status
    }

    /// A port that is free together with the two behind it.
    private static func freePorts() throws -> Int {
        for _ in 0..<100 {
            let port = Int.random(in: 20_000..<32_000)
            if (0...2).allSatisfy({ isFree(port + $0) }) { return port }
        }
        throw Failure(description: "no free port")
    }

    private static func isFree(_ port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
