package import Pipeline
package import Profiles

// What joins the state of a pipeline with the file it is kept in.

/// Saves a resolver and its shards into a folder, between two epochs.
///
/// In a forked child everything it needs should be made before the fork: `writer` is a
/// `StateWriter` of the rules in force, for this save alone.
package func save(
    resolver: borrowing Resolver,
    shards: some ShardLender,
    header: SnapshotHeader,
    with writer: consuming StateWriter,
    to folder: SnapshotFolder
) throws(SnapshotError) -> SnapshotSummary {
    var state: StateWriter? = consume writer
    return try folder.write(header) { file in
        // A writer that took no more has kept why.
        guard var taken = state.take() else { return 0 }
        _ = taken.save(resolver, shards, to: &file)
        return taken.profiles
    }
}

extension ResolverLoader: StateTaker {}
extension FingerprintLoader: StateTaker {}
extension ShardLoader: StateTaker {}

extension SnapshotFile {
    /// Restores the resolver of so many shards.
    package func restoreResolver(
        rules: CompiledRules,
        shards: Int
    ) throws(SnapshotError) -> Resolver {
        var resolver = try restoreIdentities(rules: rules, shards: shards)
        resolver.remember(try restoreMessages(rules: rules))
        return resolver
    }

    /// Restores the resolver of so many shards, but for the messageIds it remembers.
    func restoreIdentities(
        rules: CompiledRules,
        shards: Int
    ) throws(SnapshotError) -> Resolver {
        var loader = ResolverLoader(rules: rules, shards: shards)
        try read(into: &loader)
        return loader.finish()
    }

    /// Restores which messageIds came lately.
    func restoreMessages(rules: CompiledRules) throws(SnapshotError) -> FingerprintWindow {
        var loader = FingerprintLoader(rules: rules)
        try read(into: &loader)
        return loader.finish()
    }

    /// Restores one of so many shards, and adds what could not be kept to `losses`.
    package func restoreShard(
        _ index: Int,
        of shards: Int,
        rules: CompiledRules,
        limits: ProfileLimits = ProfileLimits(),
        losses: inout StateLosses
    ) throws(SnapshotError) -> ShardPipeline {
        var loader = ShardLoader(rules: rules, limits: limits, shard: index, of: shards)
        try read(into: &loader)
        losses += loader.losses
        return loader.finish()
    }

    /// How many profiles it holds.
    package var profiles: Int { count(section: StateSection.profiles.rawValue) }
}

extension SerialPipeline {
    /// Saves all state; between `collect` and the next record.
    package borrowing func save(
        _ header: SnapshotHeader,
        to folder: SnapshotFolder
    ) throws(SnapshotError) -> SnapshotSummary {
        try Snapshots.save(
            resolver: resolver,
            shards: lender,
            header: header,
            with: StateWriter(rules: resolver.compiled),
            to: folder
        )
    }
}

extension SnapshotFile {
    /// Restores a whole pipeline of any number of shards.
    package func restorePipeline(
        rules: CompiledRules,
        shards count: Int,
        limits: ProfileLimits = ProfileLimits(),
        losses: inout StateLosses
    ) throws(SnapshotError) -> SerialPipeline {
        let parts = try ParallelRestore(self, rules: rules, shards: count, limits: limits)
        losses += parts.losses
        var pipeline = SerialPipeline(
            resolver: parts.takeResolver(),
            rules: rules,
            shards: count,
            epoch: header.epoch
        )
        for index in 0..<count { pipeline.put(parts.takeShard(index), at: index) }
        return pipeline
    }
}
