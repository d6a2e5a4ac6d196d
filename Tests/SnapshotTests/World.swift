import Encoding
import Events
import Flows
import Foundation
import FrequencyCapping
import Pipeline
import Snapshots
import Windows

/// A small shop whose people all do the same, as many as a test asks for.
struct World: ~Copyable {
    /// When it begins.
    static let start: Int64 = 1_777_852_800_000

    var pipeline: SerialPipeline
    private let rules: Rules
    private let block = EventBlock(
        capacity: .init(rawBytes: 1 << 15, textBytes: 1 << 20, records: 1_024)
    )
    private var messages = 0
    /// Bytes of all outputs so far, hashed.
    private(set) var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    /// Commands and all other outputs so far.
    private(set) var outputs = 0

    init(_ rules: CompiledRules, shards: Int) {
        self.init(SerialPipeline(rules: rules, shards: shards), rules)
    }

    init(_ pipeline: consuming SerialPipeline, _ rules: CompiledRules) {
        self.pipeline = pipeline
        self.rules = rules.rules
    }

    // MARK: Rules

    static func flow(
        _ id: String,
        _ trigger: FlowDefinition.Trigger,
        steps: [String] = ["first", "second"]
    ) -> FlowDefinition {
        let message = FlowDefinition.Message(channels: [.email], template: "t")
        return FlowDefinition(
            id: id,
            messageClass: .marketing,
            trigger: trigger,
            steps: steps.enumerated().map { index, step in
                FlowDefinition.Step(
                    id: step,
                    action: .send(message),
                    delay: index == 0 ? .zero : .hours(48)
                )
            }
        )
    }

    static let cart = flow("cart", .abandonedCart(inactivity: .minutes(60)))
    static let view = flow("view", .abandonedView(inactivity: .hours(24)))

    static func rules(
        flows: [FlowDefinition] = [cart, view],
        zones: [String] = ["Asia/Kolkata", "Europe/Warsaw"],
        key: UInt64 = 7,
        attributes: [String] = ["plan", "size"]
    ) -> CompiledRules {
        let offsets = ["Asia/Kolkata": 19_800, "Europe/Warsaw": 3_600, "Africa/Abidjan": 0]
        var rules = Rules(
            hashKey: SipHash(key0: key, key1: 11),
            zones: ZoneTable(
                zones.map {
                    .init(name: $0, initialOffset: offsets[$0] ?? 0, transitions: [])
                }
            ),
            shopZone: 1,
            shopCountry: PackedLetters.country("IN") ?? 0,
            shopCurrency: PackedLetters.currency("INR") ?? 0
        )
        rules.impliedConsent = [ImpliedConsentRule(country: 0, channels: .all)]
        rules.attributeNames = attributes
        rules.attributeIsTrait = attributes.map { _ in true }
        rules.flows = flows
        return CompiledRules(rules)
    }

    // MARK: People

    /// Person `number` tells who they are and puts something into a cart; into another one, if that
    /// has a number.
    mutating func fillCart(_ number: Int, cart: Int = 0, at time: Int64) {
        begin(.other, "identify", number, time) { world, event in
            event.zone = world.rules.zones.index(of: "Europe/Warsaw")
            event.locale = world.text("en-IN")
            world.block[attribute: world.block.attributeCount] = Attribute(
                index: UInt16(world.rules.attributeNames.firstIndex(of: "size") ?? 0),
                form: .number,
                bits: UInt64(number)
            )
            event.attributes = UInt32(world.block.attributeCount)
            event.attributeCount = 1
            world.block.attributeCount += 1
        }
        begin(.productAdded, "product added", number, time + 1) { world, event in
            let name = cart == 0 ? "cart-\(number)" : "cart-\(number)-\(cart % 8)"
            event.cart = world.key(name, HashKind.cart)
            world.add(number + cart, to: &event)
        }
    }

    /// Person `number` buys what is in the cart and looks at something else.
    mutating func buy(_ number: Int, at time: Int64) {
        begin(.orderCompleted, "order completed", number, time) { world, event in
            event.cart = world.key("cart-\(number)", HashKind.cart)
            event.order = world.key("order-\(number)", HashKind.order)
            world.add(number, to: &event)
        }
        begin(.productViewed, "product viewed", number, time + 1) { world, event in
            world.add(number + 1, to: &event)
        }
    }

    /// Lets time pass.
    mutating func pass(through milliseconds: Int64) {
        flush()
        pipeline.pass(through: milliseconds / 1_000)
        collect()
    }

    /// Applies what waits in the block.
    mutating func flush() {
        if block.count > 0 { pipeline.apply(block) }
        block.reset()
        block.identifierCount = 0
        block.productCount = 0
        block.attributeCount = 0
        block.count = 0
        collect()
    }

    private mutating func collect() {
        var (hash, outputs) = (hash, outputs)
        pipeline.collect { record, buffer in
            outputs += 1
            for range in [record.key, record.headers, record.value] {
                buffer.slice(range).withUnsafeBytes {
                    for byte in $0 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
                }
            }
        }
        (self.hash, self.outputs) = (hash, outputs)
    }

    // MARK: Events

    private mutating func begin(
        _ meaning: EventMeaning,
        _ name: String,
        _ number: Int,
        _ time: Int64,
        _ body: (inout World, inout CustomerEvent) -> Void
    ) {
        messages += 1
        var event = CustomerEvent()
        event.time = EventTime(milliseconds: time)
        event.received = event.time
        event.meaning = meaning
        event.name = rules.hashKey.hash(kind: HashKind.eventName, name).low
        event.messageID = text("message-\(messages)-of-the-day")
        event.fingerprint = rules.hashKey.hash(kind: HashKind.message, "\(messages)").low
        event.identifiers = UInt32(block.identifierCount)
        event.identifierCount = 2
        for (kind, value) in [
            (IdentifierKind.userID, "user-\(number)"),
            (.email, "person.\(number)@mail.example.com"),
        ] {
            block[identifier: block.identifierCount] = Identifier(
                hash: rules.hashKey.hash(kind: kind.rawValue, value),
                text: text(value),
                kind: kind,
                role: .own,
                country: 0
            )
            block.identifierCount += 1
        }
        body(&self, &event)
        block[record: block.count] = RecordEntry()
        block[event: block.count] = event
        block.count += 1
        if block.count == 1_024 { flush() }
    }

    private func text(_ string: String) -> Text {
        let bytes = Array(string.utf8)
        return block.append(bytes.span.bytes) ?? .none
    }

    private func key(_ string: String, _ kind: UInt8) -> EntityKey {
        EntityKey(hash: rules.hashKey.hash(kind: kind, string).low, text: text(string))
    }

    private func add(_ number: Int, to event: inout CustomerEvent) {
        let id = "p\(number % 20_000)"
        var product = Product()
        product.hash = rules.hashKey.hash(kind: HashKind.product, id).low
        product.id = text(id)
        product.name = text("Salmon kibble for dogs number \(id)")
        product.url = text("https://shop.example.com/products/\(id)")
        product.imageURL = text("https://cdn.example.com/pictures/\(id)-large.jpg")
        product.price = 1_899_500_000
        product.quantity = 1
        event.products = UInt32(block.productCount)
        event.productCount = 1
        block[product: block.productCount] = product
        block.productCount += 1
    }
}

/// A folder that goes when the last reference goes.
final class TemporaryFolder {
    let path = NSTemporaryDirectory() + "collie-\(UUID().uuidString)"
    var snapshots: SnapshotFolder { SnapshotFolder(path) }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
