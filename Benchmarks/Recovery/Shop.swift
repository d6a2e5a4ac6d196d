import Encoding
import Events
import Flows
import FrequencyCapping
import Pipeline
import Windows

/// A shop whose people all do the same, as many as a run asks for.
///
/// Each is known by a user id and an e-mail address, filled a cart, was written to, bought it and
/// looked at something else: two identifiers, a closed cart, an order, a send, a timer.
struct Shop: ~Copyable {
    /// When it begins.
    static let start: Int64 = 1_777_852_800_000
    /// Between two people.
    static let pace: Int64 = 10

    var pipeline: SerialPipeline
    private let rules: Rules
    private let block = EventBlock(
        capacity: .init(rawBytes: 1 << 15, textBytes: 1 << 20, records: 1_024)
    )
    private var messages: Int
    /// Commands and all other outputs so far.
    private(set) var outputs = 0

    /// Opens a shop on a pipeline, behind so many events.
    init(_ pipeline: consuming SerialPipeline, _ rules: CompiledRules, after messages: Int = 0) {
        self.pipeline = pipeline
        self.rules = rules.rules
        self.messages = messages
    }

    // MARK: Rules

    private static func flow(
        _ id: String,
        _ trigger: FlowDefinition.Trigger
    ) -> FlowDefinition {
        let message = FlowDefinition.Message(channels: [.email], template: "t")
        return FlowDefinition(
            id: id,
            messageClass: .marketing,
            trigger: trigger,
            steps: ["first", "second"].enumerated().map { index, step in
                FlowDefinition.Step(
                    id: step,
                    action: .send(message),
                    delay: index == 0 ? .zero : .hours(48)
                )
            }
        )
    }

    /// Two flows, everybody may be written to.
    static func rules() -> CompiledRules {
        let zones = ["Asia/Kolkata": 19_800, "Europe/Warsaw": 3_600]
        var rules = Rules(
            hashKey: SipHash(key0: 7, key1: 11),
            zones: ZoneTable(
                zones.sorted { $0.key < $1.key }.map {
                    .init(name: $0.key, initialOffset: $0.value, transitions: [])
                }
            ),
            shopZone: 1,
            shopCountry: PackedLetters.country("IN") ?? 0,
            shopCurrency: PackedLetters.currency("INR") ?? 0
        )
        rules.impliedConsent = [ImpliedConsentRule(country: 0, channels: .all)]
        rules.attributeNames = ["plan", "size"]
        rules.attributeIsTrait = [true, true]
        rules.flows = [
            flow("cart", .abandonedCart(inactivity: .minutes(60))),
            flow("view", .abandonedView(inactivity: .hours(24))),
        ]
        return CompiledRules(rules)
    }

    // MARK: People

    /// Lets so many people do all that they do; answers when the last one is done.
    mutating func live(_ people: Int) -> Int64 {
        for number in 0..<people { fillCart(number, at: Shop.start + Int64(number) * Shop.pace) }
        let evening = Shop.start + Int64(people) * Shop.pace + 7_200_000
        for number in 0..<people { buy(number, at: evening + Int64(number) * Shop.pace) }
        flush()
        return evening + Int64(people) * Shop.pace
    }

    /// Lets so many people fill a cart and buy it: two identifiers and a closed cart each.
    mutating func shop(_ people: Int) -> Int64 {
        for number in 0..<people {
            let time = Shop.start + Int64(number) * Shop.pace
            putIntoCart(number, "cart-\(number)", at: time)
            order(number, at: time + 1)
        }
        flush()
        return Shop.start + Int64(people) * Shop.pace
    }

    /// Person `number` tells who they are and puts something into a cart.
    private mutating func fillCart(_ number: Int, at time: Int64) {
        begin(.other, "identify", number, time) { shop, event in
            event.zone = shop.rules.zones.index(of: "Europe/Warsaw")
            event.locale = shop.text("en-IN")
            shop.block[attribute: shop.block.attributeCount] = Attribute(
                index: 1,
                form: .number,
                bits: UInt64(number)
            )
            event.attributes = UInt32(shop.block.attributeCount)
            event.attributeCount = 1
            shop.block.attributeCount += 1
        }
        putIntoCart(number, "cart-\(number)", at: time + 1)
    }

    private mutating func putIntoCart(_ number: Int, _ cart: String, at time: Int64) {
        begin(.productAdded, "product added", number, time) { shop, event in
            event.cart = shop.key(cart, HashKind.cart)
            shop.add(number, to: &event)
        }
    }

    /// Person `number` buys what is in the cart and looks at something else.
    private mutating func buy(_ number: Int, at time: Int64) {
        order(number, at: time)
        look(number, at: number + 1, time + 1)
    }

    private mutating func order(_ number: Int, at time: Int64) {
        begin(.orderCompleted, "order completed", number, time) { shop, event in
            event.cart = shop.key("cart-\(number)", HashKind.cart)
            event.order = shop.key("order-\(number)", HashKind.order)
            shop.add(number, to: &event)
        }
    }

    private mutating func look(_ number: Int, at product: Int, _ time: Int64) {
        begin(.productViewed, "product viewed", number, time) { shop, event in
            shop.add(product, to: &event)
        }
    }

    /// So many events of people met in no order: every fourth puts something into a new cart, the
    /// others look at products.
    mutating func goOn(_ events: Int, of people: Int, from begin: Int64, perSecond rate: Int) {
        var chance: UInt64 = 0x9e37_79b9_7f4a_7c15
        for event in 0..<events {
            chance = chance &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let number = Int(chance >> 33) % people
            let time = begin + Int64(event) * 1_000 / Int64(rate)
            if event % 4 == 0 {
                putIntoCart(number, "cart-\(number)-later", at: time)
            } else {
                look(number, at: event, time)
            }
        }
        flush()
    }

    private mutating func flush() {
        if block.count > 0 { pipeline.apply(block) }
        block.reset()
        var outputs = outputs
        pipeline.collect { _, _ in outputs += 1 }
        self.outputs = outputs
    }

    // MARK: Events

    private mutating func begin(
        _ meaning: EventMeaning,
        _ name: String,
        _ number: Int,
        _ time: Int64,
        _ body: (inout Shop, inout CustomerEvent) -> Void
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
