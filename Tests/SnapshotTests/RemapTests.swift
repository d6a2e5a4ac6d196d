import Events
import Flows
import Pipeline
import Snapshots
import Testing

/// State that is taken up under other settings than it was saved under.
@Suite("Snapshots under other settings")
struct RemapTests {
    private let folder = TemporaryFolder()

    /// Three people: carts armed, one bought and looked at something.
    private func save() throws -> SnapshotFile {
        var world = World(World.rules(), shards: 2)
        for number in 0..<3 { world.fillCart(number, at: World.start + Int64(number)) }
        world.buy(0, at: World.start + 60_000)
        world.flush()
        let summary = try world.pipeline.save(SnapshotHeader(epoch: 1), to: folder.snapshots)
        return try SnapshotFile(path: summary.path)
    }

    /// Goes on under some rules; answers what came out.
    private func goOn(
        _ rules: CompiledRules,
        days: Int64 = 10
    ) throws -> (hash: UInt64, outputs: Int, losses: StateLosses) {
        var losses = StateLosses()
        let file = try save()
        let pipeline = try file.restorePipeline(rules: rules, shards: 3, losses: &losses)
        var world = World(pipeline, rules)
        world.pass(through: World.start + days * 86_400_000)
        return (world.hash, world.outputs, losses)
    }

    @Test func `flows in another order go on`() throws {
        let same = try goOn(World.rules())
        // Two abandoned carts of two steps, each a command and a decision; a view is behind an order.
        #expect(same.outputs == 9)
        let turned = try goOn(World.rules(flows: [World.view, World.cart]))
        #expect(turned.hash == same.hash)
        #expect(turned.losses.isEmpty)
        let more = World.flow("a first one", .abandonedCheckout(inactivity: .minutes(60)))
        let added = try goOn(World.rules(flows: [more, World.view, World.cart]))
        #expect(added.hash == same.hash)
    }

    @Test func `enrollments of a flow that is gone are dropped and counted`() throws {
        let result = try goOn(World.rules(flows: [World.view]))
        #expect(result.losses.enrollments == 2)
        #expect(result.outputs == 1)
    }

    @Test func `steps are known by their names`() throws {
        let steps = ["before", "first", "second"]
        let longer = World.flow("cart", .abandonedCart(inactivity: .minutes(60)), steps: steps)
        let result = try goOn(World.rules(flows: [longer, World.view]))
        // What waits for the first step still does, now the second of the flow.
        #expect(result.losses.isEmpty)
        #expect(result.outputs == 9)
        let renamed = World.flow("cart", .abandonedCart(inactivity: .minutes(60)), steps: ["new"])
        #expect(try goOn(World.rules(flows: [renamed, World.view])).losses.enrollments == 2)
    }

    @Test func `zones and traits are known by their names`() throws {
        let same = try goOn(World.rules())
        let more = World.rules(
            zones: ["Africa/Abidjan", "Asia/Kolkata", "Europe/Warsaw"],
            attributes: ["size", "plan"]
        )
        // The shop's own zone is the second one now, but everybody has a zone.
        let moved = try goOn(more)
        #expect(moved.hash == same.hash)
        #expect(moved.losses.isEmpty)
        let fewer = try goOn(World.rules(zones: ["Asia/Kolkata"], attributes: ["plan"]))
        #expect(fewer.losses.zones == 3)
        #expect(fewer.losses.traits == 3)
    }
}
