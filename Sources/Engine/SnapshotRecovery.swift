import Foundation
import Kafka
import Pipeline
import Profiles
import Shards
import Snapshots
import Synchronization

/// Takes up the newest good snapshot.
struct SnapshotRecovery {
    /// What an engine starts with.
    struct Start {
        /// The state.
        let state: EngineState
        /// Where the log goes on behind it; nil if it is empty.
        let header: SnapshotHeader?
    }

    let folder: SnapshotFolder
    let rules: CompiledRules
    let configuration: Engine.Configuration
    let fingerprint: String
    let log: KafkaLog

    /// Restores it, part by part on threads, while the closure is called again and again.
    ///
    /// A snapshot that cannot be used is told of, and the one before is tried; without any the
    /// engine starts empty, and the log must have everything.
    func start(meanwhile serve: () throws -> Void) throws -> Start {
        let outcome = Outcome()
        let thread = EngineThread(name: "recovery")
        thread.start { outcome.set(restore()) }
        while !outcome.isSet { try serve() }
        thread.join()
        return outcome.take()
    }

    // What the thread hands over.
    private final class Outcome: @unchecked Sendable {
        // @unchecked: set before `isDone`, taken after it.
        private let isDone = Atomic<Bool>(false)
        private var start: Start?

        func set(_ start: Start) {
            self.start = start
            isDone.store(true, ordering: .releasing)
        }

        var isSet: Bool { isDone.load(ordering: .acquiring) }

        func take() -> Start {
            guard let start else { preconditionFailure("it was set") }
            return start
        }
    }

    private func restore() -> Start {
        let begun = ContinuousClock.now
        do throws(SnapshotError) {
            let start = try folder.newest(
                log: { log.line(.warning, "\($0.description); tries the one before") },
                { file throws(SnapshotError) in try restore(file) }
            )
            if let start {
                tell(start, begun)
                return start
            }
        } catch {
            log.line(
                .error,
                "no snapshot can be used (\(error.description)); goes through the whole log again"
            )
        }
        return Start(
            state: EngineState(rules: rules, configuration: configuration),
            header: nil
        )
    }

    private func restore(_ file: SnapshotFile) throws(SnapshotError) -> Start {
        let count = configuration.shards
        let parts = try ParallelRestore(
            file,
            rules: rules,
            shards: count,
            limits: configuration.limits
        )
        if !parts.losses.isEmpty { tell(parts.losses) }
        return Start(
            state: EngineState(resolver: parts.takeResolver(), shards: count) {
                parts.takeShard($0)
            },
            header: file.header
        )
    }

    private func tell(_ start: Start, _ begun: ContinuousClock.Instant) {
        guard let header = start.header else { return }
        let seconds = Double((ContinuousClock.now - begun).wholeMilliseconds) / 1_000
        log.line(.notice, "snapshot of epoch \(header.epoch) restored in \(seconds) s")
        if SnapshotOrigin(header.metadata).fingerprint != fingerprint {
            log.line(.warning, "the config was changed since the snapshot; it holds from here on")
        }
    }

    private func tell(_ losses: StateLosses) {
        log.line(
            .warning,
            """
            of the snapshot could not be kept under the new config: \(losses.enrollments) running \
            enrollments whose flow or step is gone, \(losses.zones) time zones, \(losses.traits) traits
            """
        )
    }
}
