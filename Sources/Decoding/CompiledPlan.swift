import Events

/// The tracking plan as numbers of the reader's nodes: no text is compared for a field at run time.
///
/// Paths that cannot be read (too deep, through a list) are never given; `Settings` refuses them
/// before.
struct CompiledPlan {
    /// The nodes of a field's paths, a range of `nodes`.
    struct Paths: BitwiseCopyable {
        var begin: UInt16 = 0
        var count: UInt16 = 0
        /// The reader's group that tells whether any of them has a value; 0 if it cannot tell.
        var group: UInt64 = 0
    }

    /// Groups of the reader beyond those of the fields, which go by their ordinals.
    enum Group {
        static var attributes: Int { 32 }
        static var named: Int { 33 }
        static var product: Int { 34 }
        static var products: Int { 35 }
    }

    /// A list of objects that name identifiers: `context.externalIds`, `mergeProperties`.
    struct NamedList: BitwiseCopyable {
        var list: Int32
        var value: Int32
        var otherValue: Int32
        var type: Int32
        var encoding: Int32
    }

    /// The envelope's own fields.
    struct Envelope: BitwiseCopyable {
        var type: Int32 = 0
        var event: Int32 = 0
        var userID: Int32 = 0
        var anonymousID: Int32 = 0
        var previousID: Int32 = 0
        var messageID: Int32 = 0
        var timestamp: Int32 = 0
        var originalTimestamp: Int32 = 0
        var sentAt: Int32 = 0
        var receivedAt: Int32 = 0
        var traits: Int32 = 0
        var contextTraits: Int32 = 0
        // Those of CloudEvents.
        var specVersion: Int32 = 0
        var source: Int32 = 0
        var id: Int32 = 0
        var time: Int32 = 0
        var data: Int32 = 0
        var traceparent: Int32 = 0
    }

    /// A product's fields.
    struct ProductPaths: BitwiseCopyable {
        var id = Paths()
        var name = Paths()
        var price = Paths()
        var quantity = Paths()
        var url = Paths()
        var imageURL = Paths()
        var stock = Paths()
    }

    static let productsMax = 255
    static let namedMax = 16

    private(set) var nodes: [Int32] = []
    private(set) var envelope = Envelope()
    private(set) var fields: [Paths] = []
    /// Lists of products, in the order of their paths.
    private(set) var productLists: [Int32] = []
    /// The fields of the elements of each list of products.
    private(set) var listed: [ProductPaths] = []
    /// The fields of the single product of an event.
    private(set) var single = ProductPaths()
    private(set) var namedLists: [NamedList] = []
    private(set) var attributes: [Paths] = []

    init(_ plan: TrackingPlan, _ reader: borrowing DocumentReader) {
        let standard = TrackingPlan.standard
        func productPaths(_ field: TrackingPlan.ProductField) -> [String] {
            plan.productPaths[field] ?? standard.productPaths[field] ?? []
        }
        // Lists come first: whatever another path wants to read through one is not there.
        for path in plan.paths[.products] ?? standard.paths[.products] ?? [] {
            guard let list = reader.node(path),
                let element = reader.list(list, rowsMax: CompiledPlan.productsMax)
            else { continue }
            reader.group(list, Group.products)
            productLists.append(list)
            listed.append(
                CompiledPlan.compileProduct(productPaths) { paths in
                    compile(paths, reader, below: element)
                }
            )
        }
        for path in ["context.externalIds", "context.externalId", "mergeProperties"] {
            compileNamedList(path, reader)
        }
        compileEnvelope(reader)
        // Fields of a plan that says nothing of them stand where the specification puts them.
        for field in TrackingPlan.Field.allCases where field != .products {
            let paths = plan.paths[field] ?? standard.paths[field] ?? []
            while fields.count <= field.ordinal { fields.append(Paths()) }
            fields[field.ordinal] = compile(paths, reader)
            join(&fields[field.ordinal], field.ordinal, reader)
        }
        single = CompiledPlan.compileProduct(productPaths) { paths in
            compile(paths.map { "properties." + $0 }, reader)
        }
        join(&single.id, Group.product, reader)
        attributes = plan.attributes.map { path in
            path.hasPrefix("traits.")
                ? compile([path, "context." + path], reader) : compile([path], reader)
        }
        for index in attributes.indices { join(&attributes[index], Group.attributes, reader) }
    }

    private mutating func compileEnvelope(_ reader: borrowing DocumentReader) {
        func node(_ path: String) -> Int32 { reader.node(path) ?? 0 }
        envelope.type = node("type")
        envelope.event = node("event")
        envelope.userID = node("userId")
        envelope.anonymousID = node("anonymousId")
        envelope.previousID = node("previousId")
        envelope.messageID = node("messageId")
        envelope.timestamp = node("timestamp")
        envelope.originalTimestamp = node("originalTimestamp")
        envelope.sentAt = node("sentAt")
        envelope.receivedAt = node("receivedAt")
        envelope.traits = node("traits")
        envelope.contextTraits = node("context.traits")
        envelope.specVersion = node("specversion")
        envelope.source = node("source")
        envelope.id = node("id")
        envelope.time = node("time")
        envelope.data = node("data")
        envelope.traceparent = node("traceparent")
        reader.nest(envelope.data)
    }

    private mutating func compile(
        _ paths: [String],
        _ reader: borrowing DocumentReader,
        below parent: Int32 = DocumentReader.root
    ) -> Paths {
        let begin = nodes.count
        for path in paths {
            if let node = reader.node(path, below: parent) { nodes.append(node) }
        }
        return Paths(begin: UInt16(begin), count: UInt16(nodes.count - begin))
    }

    private func join(_ paths: inout Paths, _ group: Int, _ reader: borrowing DocumentReader) {
        for index in Int(paths.begin)..<Int(paths.begin) + Int(paths.count) {
            reader.group(nodes[index], group)
        }
        paths.group = 1 << UInt64(group)
    }

    private static func compileProduct(
        _ paths: (TrackingPlan.ProductField) -> [String],
        _ compile: ([String]) -> Paths
    ) -> ProductPaths {
        ProductPaths(
            id: compile(paths(.id)),
            name: compile(paths(.name)),
            price: compile(paths(.price)),
            quantity: compile(paths(.quantity)),
            url: compile(paths(.url)),
            imageURL: compile(paths(.imageURL)),
            stock: compile(paths(.stock))
        )
    }

    private mutating func compileNamedList(_ path: String, _ reader: borrowing DocumentReader) {
        guard let list = reader.node(path),
            let element = reader.list(list, rowsMax: CompiledPlan.namedMax),
            let value = reader.node("id", below: element),
            let otherValue = reader.node("value", below: element),
            let type = reader.node("type", below: element),
            let encoding = reader.node("encoding", below: element)
        else { return }
        reader.group(list, Group.named)
        namedLists.append(
            NamedList(
                list: list,
                value: value,
                otherValue: otherValue,
                type: type,
                encoding: encoding
            )
        )
    }
}

extension TrackingPlan.Field {
    /// The field's place in a table.
    var ordinal: Int {
        switch self {
        case .cartID: 0
        case .checkoutID: 1
        case .orderID: 2
        case .currency: 3
        case .products: 4
        case .shippingCountry: 5
        case .email: 6
        case .phone: 7
        case .whatsAppID: 8
        case .viberID: 9
        case .telegramChatID: 10
        case .pushToken: 11
        case .webPushToken: 12
        case .deviceID: 13
        case .timeZoneTrait: 14
        case .timeZoneContext: 15
        case .locale: 16
        case .traceparent: 17
        case .channel: 18
        case .state: 19
        case .purpose: 20
        case .endpoint: 21
        case .from: 22
        case .text: 23
        case .cartAction: 24
        }
    }
}
