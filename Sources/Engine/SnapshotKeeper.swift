import CPlatform
package import Kafka
import Pipeline
import Shards
package import Snapshots

/// Has all state saved now and then, by a forked child while the engine goes on.
///
/// Think of a photograph of a market place: everybody stands still for the moment of the exposure,
/// then goes on while the film is developed. The moment is the end of an epoch that is committed
/// and of which every shard has done all; the fork is the exposure (the kernel copies a page only
/// when somebody changes it), and the child develops.
///
/// A disk that refuses costs snapshots and nothing else: it is said loudly, and tried again.
/// Used by the resolver's thread, then by whoever has joined it.
package final class SnapshotKeeper {
    /// Where and when.
    package struct Configuration: Sendable {
        /// Where snapshots are; one folder for each instance.
        package var folder: SnapshotFolder
        /// From the beginning of one to that of the next.
        package var interval: Duration = .seconds(60)
        /// A child that takes longer is ended.
        package var patience: Duration = .seconds(600)
        /// Waits for each child before it goes on, so that a test knows when a snapshot is there.
        package var waitsForChild = false
        /// The last one, at the end, is left out if it would take longer.
        package var lastMax: Duration = .seconds(15)

        /// Keeps snapshots in a folder.
        package init(folder: SnapshotFolder) { self.folder = folder }
    }

    private struct Child {
        var process: Int64
        var report: Int32
        var epoch: UInt64
        var begun: Int64
    }

    private var configuration: Configuration
    private let fingerprint: String
    private let log: KafkaLog
    /// While this instance leads: the journal's end a moment ago, and the leader's name.
    package var leading: () -> (journalEnd: Int64, leader: String?) = { (0, nil) }
    private var position: SnapshotPosition
    private var lastBegun = collie_monotonic_nanoseconds()
    private var child: Child?
    private var savedEpoch: UInt64 = 0
    // What a save took per profile, in nanoseconds; at first a cautious guess.
    private var pace = 10_000.0
    private var hasFailed = false
    /// The longest time that a save has held up the engine.
    package private(set) var longestPause = Duration.zero

    /// Makes the keeper of an engine that starts with what a snapshot held, or with nothing.
    package init(
        _ configuration: Configuration,
        startingAt header: SnapshotHeader?,
        fingerprint: String,
        log: KafkaLog
    ) {
        self.configuration = configuration
        self.configuration.folder.calls = configuration.folder.calls.withCrashPoints
        self.fingerprint = fingerprint
        self.log = log
        position = SnapshotPosition(behind: header)
        savedEpoch = header?.epoch ?? 0
    }

    // MARK: While the engine runs

    /// Notes what an epoch is made of, before it is committed.
    func note(_ mark: EpochMark) { position.pass(mark, leading: leading) }

    /// Whether it is time for a snapshot.
    var isDue: Bool {
        let now = collie_monotonic_nanoseconds()
        if child != nil { lookAtChild(now) }
        return child == nil && Duration.nanoseconds(now - lastBegun) >= configuration.interval
            && !position.isEmpty
    }

    /// Saves the state behind a journalled epoch; the engine stands still for the fork alone.
    ///
    /// - Parameter begun: since when it stands still.
    func save(
        epoch: UInt64,
        resolver: borrowing Resolver,
        shards: some ShardLender,
        begun: Int64
    ) {
        lastBegun = collie_monotonic_nanoseconds()
        guard epoch > savedEpoch else { return }
        let writer = StateWriter(rules: resolver.compiled)
        let header = header(epoch)
        var report: Int32 = -1
        let process = unsafe collie_fork(&report)
        if process == 0 {
            // The copy: it has nothing but this thread, saves, and ends here.
            var text: String
            do throws(SnapshotError) {
                let summary = try Snapshots.save(
                    resolver: resolver,
                    shards: shards,
                    header: header,
                    with: writer,
                    to: configuration.folder
                )
                let nanoseconds = Int(summary.seconds * 1e9)
                text = "saved \(summary.profiles) \(summary.bytes) \(nanoseconds)"
            } catch { text = error.description }
            unsafe collie_child_exit(report, Array(text.utf8CString))
        }
        guard process > 0 else {
            return tell(failure: "the process cannot be copied: error \(-process)")
        }
        child = Child(process: process, report: report, epoch: epoch, begun: lastBegun)
        let pause = Duration.nanoseconds(collie_monotonic_nanoseconds() - begun)
        longestPause = max(longestPause, pause)
        log.line(.debug, "snapshot of epoch \(epoch) begun; the pause was \(pause)")
        while configuration.waitsForChild, child != nil {
            EngineThread.sleep(milliseconds: 1)
            lookAtChild(collie_monotonic_nanoseconds())
        }
    }

    private func header(_ epoch: UInt64) -> SnapshotHeader {
        var header = position.header(epoch: epoch, fingerprint: fingerprint)
        header.created = collie_wall_milliseconds()
        return header
    }

    private func lookAtChild(_ now: Int64) {
        guard let child else { return }
        var text = [CChar](repeating: 0, count: 1_001)
        if unsafe collie_child_has_ended(child.process, child.report, &text) {
            self.child = nil
            let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            settle(String(decoding: bytes, as: UTF8.self), child.epoch)
        } else if Duration.nanoseconds(now - child.begun) > configuration.patience {
            collie_child_kill(child.process, child.report)
            self.child = nil
            tell(failure: "it was not done within \(configuration.patience)")
        }
    }

    private func settle(_ text: String, _ epoch: UInt64) {
        let words = text.split(separator: " ")
        guard words.count == 4, words[0] == "saved", let profiles = Int(words[1]),
            let bytes = Int(words[2]), let nanoseconds = Int(words[3])
        else {
            return tell(failure: text.isEmpty ? "the process that wrote it died" : text)
        }
        saved(epoch, profiles, bytes, nanoseconds)
    }

    private func saved(_ epoch: UInt64, _ profiles: Int, _ bytes: Int, _ nanoseconds: Int) {
        let savedBefore = savedEpoch
        savedEpoch = epoch
        if profiles >= 1_000 { pace = Double(nanoseconds) / Double(profiles) }
        let seconds = Double(nanoseconds / 10_000_000) / 100
        let size = Double(bytes / 10_000) / 100
        log.line(
            hasFailed || savedBefore == 0 ? .notice : .debug,
            (hasFailed ? "snapshots work again: " : "snapshot: ")
                + "epoch \(epoch), \(profiles) profiles, \(size) MB, \(seconds) s"
        )
        hasFailed = false
    }

    private func tell(failure: String) {
        hasFailed = true
        log.line(
            .error,
            """
            no snapshot: \(failure). Collie goes on without new ones and tries again; a start goes \
            through the log from \(savedEpoch == 0 ? "its beginning" : "epoch \(savedEpoch)") on
            """
        )
    }

    // MARK: At the end

    /// Saves the state of an engine that has ended, so that the next start replays nothing.
    func saveLast(
        epoch: UInt64,
        resolver: borrowing Resolver,
        shards: some ShardLender
    ) {
        if let child {
            collie_child_kill(child.process, child.report)
            self.child = nil
        }
        guard epoch > savedEpoch, !position.isEmpty else { return }
        let expected = Duration.nanoseconds(Int64(Double(resolver.profileCount) * pace))
        guard expected <= configuration.lastMax else {
            log.line(
                .notice,
                """
                no snapshot at the end: it would take \(expected.components.seconds) s. The next start goes \
                through what came since epoch \(savedEpoch)
                """
            )
            return
        }
        do throws(SnapshotError) {
            let summary = try Snapshots.save(
                resolver: resolver,
                shards: shards,
                header: header(epoch),
                with: StateWriter(rules: resolver.compiled),
                to: configuration.folder
            )
            saved(epoch, summary.profiles, summary.bytes, Int(summary.seconds * 1e9))
        } catch { tell(failure: error.description) }
    }

    /// Ends a child whose state nobody wants any more.
    func giveUp() {
        if let child { collie_child_kill(child.process, child.report) }
        child = nil
    }
}
