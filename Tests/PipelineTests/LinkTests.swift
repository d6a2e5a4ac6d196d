import Events
import Identity
import Memory
import Testing

@Suite("Links of identifiers")
struct LinkTests {
    private static let key = SipHash(key0: 7, key1: 11)

    /// An event of someone's on a day, with a user id and a device.
    private static func resolve(
        _ user: String,
        _ device: String,
        day: Int64,
        in graph: inout IdentityGraph
    ) -> UInt32 {
        let block = EventBlock(capacity: .init(rawBytes: 1_024, textBytes: 1_024, records: 1))
        var event = CustomerEvent()
        event.time = EventTime(milliseconds: day * 86_400_000)
        event.identifierCount = 2
        for (kind, value) in [(IdentifierKind.userID, user), (.anonymousID, device)] {
            block[identifier: block.identifierCount] = Identifier(
                hash: key.hash(kind: kind.rawValue, value),
                text: .none,
                kind: kind,
                role: .own,
                country: 0
            )
            block.identifierCount += 1
        }
        return graph.resolve(event, in: block)
    }

    @Test func `an event that comes late makes no link older`() {
        var rules = IdentityRules()
        rules[.anonymousID] = .init(count: 1, span: .days(30))
        var graph = IdentityGraph(rules: rules, hashKey: LinkTests.key, shards: 1)
        let profile = LinkTests.resolve("user", "phone", day: 100, in: &graph)
        #expect(LinkTests.resolve("user", "phone", day: 90, in: &graph) == profile)
        let phone = LinkTests.key.hash(kind: IdentifierKind.anonymousID.rawValue, "phone")
        let node = graph.find(phone)
        #expect(graph.nodes[node].firstTime == EventTime(milliseconds: 90 * 86_400_000))
        // Linked 25 days ago, the phone still counts; the laptop is one device too many.
        #expect(LinkTests.resolve("user", "laptop", day: 125, in: &graph) == profile)
        #expect(graph.counters.limited == 1)
        #expect(graph.profiles[profile].linkCount == 2)
        // A week later it does not count any more.
        #expect(LinkTests.resolve("user", "laptop", day: 132, in: &graph) == profile)
        #expect(graph.profiles[profile].linkCount == 3)
    }
}
