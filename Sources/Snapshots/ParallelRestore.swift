import CPlatform
package import Pipeline
package import Profiles
import Shards

/// Restores a resolver and its shards, each part on a thread of its own.
///
/// Which messageIds came lately is a part for itself: they and the identities take about as long as
/// all profiles. The parts share nothing but the file.
package final class ParallelRestore {
    private final class Part: @unchecked Sendable {
        // @unchecked: filled by one thread, read by who has joined it.
        var resolver: Resolver?
        var messages: FingerprintWindow?
        var shard: ShardPipeline?
        var losses = StateLosses()
        var error: SnapshotError?
        var seconds = 0.0
    }

    private let resolver = Part()
    private let messages = Part()
    private let shards: [Part]
    /// What could not be kept.
    package private(set) var losses = StateLosses()

    /// Restores all parts, and returns or throws when every thread has ended.
    package init(
        _ file: SnapshotFile,
        rules: CompiledRules,
        shards count: Int,
        limits: ProfileLimits = ProfileLimits()
    ) throws(SnapshotError) {
        shards = (0..<count).map { _ in Part() }
        var threads = [
            ParallelRestore.thread("restore-who", resolver) { part throws(SnapshotError) in
                part.resolver = try file.restoreIdentities(rules: rules, shards: count)
            },
            ParallelRestore.thread("restore-ids", messages) { part throws(SnapshotError) in
                part.messages = try file.restoreMessages(rules: rules)
            },
        ]
        for (index, part) in shards.enumerated() {
            let thread = ParallelRestore.thread("restore-\(index)", part) {
                part throws(SnapshotError) in
                part.shard = try file.restoreShard(
                    index,
                    of: count,
                    rules: rules,
                    limits: limits,
                    losses: &part.losses
                )
            }
            threads.append(thread)
        }
        for thread in threads { thread.join() }
        for part in [resolver, messages] + shards {
            if let error = part.error { throw error }
            losses += part.losses
        }
    }

    private static func thread(
        _ name: String,
        _ part: Part,
        _ restore: @escaping @Sendable (Part) throws(SnapshotError) -> Void
    ) -> EngineThread {
        let thread = EngineThread(name: name)
        thread.start {
            let begin = collie_monotonic_nanoseconds()
            do throws(SnapshotError) { try restore(part) } catch { part.error = error }
            part.seconds = Double(collie_monotonic_nanoseconds() - begin) / 1e9
        }
        return thread
    }

    /// How long each part took: the identities, the messageIds, the shards.
    package var seconds: [Double] { ([resolver, messages] + shards).map(\.seconds) }

    /// Hands the resolver over, once.
    package func takeResolver() -> Resolver {
        guard var taken = resolver.resolver.take(), let window = messages.messages.take() else {
            preconditionFailure("it was restored, and not taken yet")
        }
        taken.remember(window)
        return taken
    }

    /// Hands a shard over, once.
    package func takeShard(_ index: Int) -> ShardPipeline {
        guard let taken = shards[index].shard.take() else {
            preconditionFailure("it was restored, and not taken yet")
        }
        return taken
    }
}
