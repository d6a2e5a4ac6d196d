package import Pipeline

/// All state of an engine that does not run yet: what a snapshot held, or nothing.
///
/// Made by one thread and taken by the engine that starts with it.
package final class EngineState {
    private var resolver: Resolver?
    private let boxes: [Box]

    // A shard is not copyable, so it stands in a box.
    private final class Box {
        var shard: ShardPipeline?
        init(_ shard: consuming ShardPipeline) { self.shard = consume shard }
    }

    /// Makes the state an engine has before its first event.
    package init(rules: CompiledRules, configuration: Engine.Configuration) {
        resolver = Resolver(rules: rules, shards: configuration.shards)
        boxes = (0..<configuration.shards).map { _ in
            Box(ShardPipeline(rules: rules, limits: configuration.limits))
        }
    }

    /// Puts together what was restored; the closure answers each shard in turn.
    init(
        resolver: consuming Resolver,
        shards count: Int,
        _ shard: (Int) -> ShardPipeline
    ) {
        self.resolver = consume resolver
        boxes = (0..<count).map { Box(shard($0)) }
    }

    /// How many shards it is divided into.
    package var shardCount: Int { boxes.count }

    func takeResolver() -> Resolver {
        guard let taken = resolver.take() else { preconditionFailure("a state is taken once") }
        return taken
    }

    func takeShard(_ index: Int) -> ShardPipeline {
        guard let taken = boxes[index].shard.take() else {
            preconditionFailure("a state is taken once")
        }
        return taken
    }
}
