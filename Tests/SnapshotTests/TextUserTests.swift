import Memory
import Pipeline
import Profiles
import Snapshots
import Testing

/// Texts that many profiles share are forgotten with the last of them, not before and not never.
@Suite("Users of shared texts")
struct TextUserTests {
    private let folder = TemporaryFolder()

    /// A shop of so many people with carts of the same products, saved and restored into one shard.
    private func restore(
        _ rules: CompiledRules,
        people: Int,
        carts: Int
    ) throws -> ShardPipeline {
        var world = World(World.rules(), shards: 1)
        for number in 0..<people {
            for cart in 0..<carts {
                world.fillCart(number, cart: cart, at: World.start + Int64(number * 100 + cart))
            }
        }
        world.flush()
        let summary = try world.pipeline.save(SnapshotHeader(epoch: 1), to: folder.snapshots)
        var losses = StateLosses()
        return try SnapshotFile(path: summary.path)
            .restoreShard(0, of: 1, rules: rules, losses: &losses)
    }

    /// Forgets everybody; so many of them were open.
    private func expectNoTexts(behind shard: consuming ShardPipeline, people: Int, open: Int) {
        var (met, wereOpen) = (0, 0)
        for slot: UInt32 in 1...10_000 {
            if shard.store.profiles.isOpen(slot) {
                wereOpen += 1
            } else if !shard.store.profiles.isPacked(slot) {
                continue
            }
            met += 1
            shard.open(slot)
            shard.store.forget(slot)
        }
        #expect(met == people)
        #expect(wereOpen == open)
        let left = shard.store.texts.count
        #expect(left == 0)
    }

    @Test func `of profiles that stay packed`() throws {
        let shard = try restore(World.rules(), people: 40, carts: 1)
        expectNoTexts(behind: shard, people: 40, open: 0)
    }

    @Test func `of profiles that are opened because the rules have changed`() throws {
        let rules = World.rules(flows: [World.view, World.cart])
        let shard = try restore(rules, people: 40, carts: 1)
        expectNoTexts(behind: shard, people: 40, open: 40)
    }

    @Test func `of profiles that say too much to be packed`() throws {
        let shard = try restore(World.rules(), people: 3, carts: 300)
        expectNoTexts(behind: shard, people: 3, open: 3)
    }
}
