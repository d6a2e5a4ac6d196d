import Pipeline
import Rings
import Shards
import Synchronization

/// One shard: an actor on its own thread.
///
/// Events reach it through its ring; calls are for control and are served between two turns. Its
/// state is the stage's, which nobody else can reach.
actor Shard {
    private let executor: ShardExecutor
    private let stage: ShardStage

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe executor.asUnownedSerialExecutor()
    }

    init(executor: ShardExecutor, stage: ShardStage) {
        self.executor = executor
        self.stage = stage
    }

    /// Works until the resolver has closed the ring and everything is done.
    func run() async {
        while stage.turn() {
            if executor.hasWaitingJobs {
                await executor.serveWaitingJobs()
            } else {
                executor.signal.wait { stage.isReady || executor.hasWaitingJobs }
            }
        }
        stage.finish()
        executor.stop()
    }

    /// What the shard counted so far.
    func counters() -> ShardCounters { stage.pipeline.counters }
}
