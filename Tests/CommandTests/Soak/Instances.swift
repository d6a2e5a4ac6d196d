import Foundation
import Glibc
import KafkaTesting

/// The instances of a soak's deployment: who leads, who stands by, and that none ends by itself.
final class Instances {
    /// One `collie run`.
    final class Instance {
        let program: Program
        let name: String
        /// Which of the deployment's disks it has.
        let disk: Int
        /// Whether its end is wished for.
        var mayEnd = false

        init(_ program: Program, name: String, disk: Int) {
            self.program = program
            self.name = name
            self.disk = disk
        }

        /// Whether it has begun to lead and was not told otherwise since.
        var leads: Bool {
            let lines = program.errors
            guard let begin = lines.range(of: "leads: reads", options: .backwards) else {
                return false
            }
            return lines.range(of: "stands by again", range: begin.upperBound..<lines.endIndex)
                == nil
        }

        /// Whether the group has ever made it the leader.
        var hasLeadership: Bool { program.errors.contains("this instance leads now") }

        /// How often it began with a snapshot.
        var restored: Int { program.errors.matches(of: /snapshot of epoch \d+ restored/).count }

        /// Whether it is about to join the group, or in it.
        var isMember: Bool { program.errors.contains("stands by in group") }
    }

    private let deployment: Deployment
    private let folder: String
    private var count = 0
    private(set) var all: [Instance] = []
    /// How often those that have ended began with a snapshot.
    private(set) var restored = 0

    init(_ deployment: Deployment, logsIn folder: String) {
        self.deployment = deployment
        self.folder = folder
    }

    /// Starts one more.
    @discardableResult
    func start(crashAt: String? = nil) throws -> Instance {
        count += 1
        let name = "instance-\(count)"
        let log = folder + "/" + name
        // As a replaced pod does, it finds what the last one with this disk has left.
        let used = Set(all.filter { $0.program.exitCode == nil }.map(\.disk))
        let disk = (1...9).first { !used.contains($0) } ?? 9
        let program = try deployment.run(
            "--verbose",
            crashAt: crashAt,
            snapshots: folder + "/disk-\(disk)",
            log: log
        )
        let instance = Instance(program, name: name, disk: disk)
        instance.mayEnd = crashAt != nil
        all.append(instance)
        return instance
    }

    /// Who leads; nil if nobody has said so.
    var leader: Instance? { all.last { $0.program.exitCode == nil && $0.leads } }

    /// Who waits for the leader's end.
    var standby: Instance? {
        let leader = leader
        return all.first { $0 !== leader && $0.program.exitCode == nil }
    }

    /// Forgets who has ended; throws if one was not to end.
    func check() throws {
        all = try all.filter { instance in
            guard let code = instance.program.exitCode else { return true }
            if instance.mayEnd {
                restored += instance.restored
                return false
            }
            throw SoakFailure(description: "\(instance.name) ended by itself, with \(code)")
        }
    }

    /// Sends a signal that ends it.
    func end(_ instance: Instance, by signal: Int32) {
        instance.mayEnd = true
        instance.program.send(signal)
    }

    /// Ends it as an operator would, and waits for that.
    func stop(_ instance: Instance) throws {
        end(instance, by: SIGTERM)
        let code = try instance.program.end(within: .seconds(30))
        if code != 0 {
            throw SoakFailure(description: "\(instance.name) was stopped and ended with \(code)")
        }
        try check()
    }
}
