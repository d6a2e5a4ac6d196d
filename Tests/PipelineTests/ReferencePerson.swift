import Events
import Flows
import Pipeline

// What is known of a person, as plain lists of facts.

/// An identifier or endpoint of a person, and since when.
struct Link {
    var node: SeenName
    var time: Int64
    var isIdentifier: Bool

    init(_ node: SeenName, _ time: Int64, isIdentifier: Bool) {
        self.node = node
        self.time = time
        self.isIdentifier = isIdentifier
    }
}

/// A person.
final class Person {
    let id: Hash128
    /// The identifier that the profile id is derived from.
    let root: SeenName
    var links: [Link] = []
    /// Ids of profiles taken in, newest first.
    var absorbed: [Hash128] = []
    /// Consents that wait for an endpoint.
    var waiting: [ConsentFact] = []
    var isAmbiguous = false
    /// Holds a user id.
    var isKnown = false

    var lastSeen: [Name: Int64] = [:]
    var traitZone: (zone: String, time: Int64)?
    var contextZone: (zone: String, time: Int64)?
    var country: (code: UInt16, time: Int64)?
    var plan: (value: String, time: Int64, messageID: String)?
    var lastClick: Int64?
    var carts: [Cart] = []
    var orders: [Order] = []
    var sends: [Send] = []
    var views: [View] = []
    var enrollments: [Enrollment] = []
    /// Latest entry into a plain flow, by position.
    var entries: [Int: Int64] = [:]

    init(id: Hash128, root: SeenName) {
        self.id = id
        self.root = root
    }

    /// ID-5: kind priority, then older first event, then smaller hash.
    func outranks(_ other: Person) -> Bool {
        let (a, b) = (root, other.root)
        if a.name.kind.rank != b.name.kind.rank { return a.name.kind.rank < b.name.kind.rank }
        if a.first != b.first { return a.first < b.first }
        return a.hash < b.hash
    }
}

/// What an id of a cart, checkout or order is known by.
typealias Key = UInt64

/// One line of a cart.
struct CartLine: Equatable {
    var product: String?
    var quantity: Int
    var price: Int64?
    /// The latest add or list that put it there.
    var added: Int64
}

/// Something that changes a cart's lines.
struct Operation {
    enum Kind: Int { case list, add, remove, order }

    var kind: Kind
    var time: Int64
    /// Settles operations of one kind and instant.
    var tie: UInt64
    var items: [Item]
    /// Belongs to a default cart that ended: known, so that it is not taken twice, but over.
    var isOver = false
}

final class Cart {
    /// Hash of the cart_id (or of what names a checkout without a cart); nil for the default cart.
    let key: Key?
    var operations: [Operation] = []
    /// Latest activity on it.
    var activity: Int64?
    var isCheckout = false
    /// Whether it ever had a line.
    var hadLines = false
    /// The ids that its checkout brought.
    var checkout: Key?
    var order: Key?

    init(key: Key?) { self.key = key }

    /// The lines: operations in order of event time, none below 0 (AB-3).
    var lines: [CartLine] {
        var lines: [CartLine] = []
        let sorted = operations.filter { !$0.isOver }.sorted {
            ($0.time, $0.kind.rawValue, $0.tie) < ($1.time, $1.kind.rawValue, $1.tie)
        }
        for operation in sorted {
            if operation.kind == .list {
                let old = lines
                lines = operation.items.compactMap { item in
                    let known = old.first { $0.product == item.id }
                    let quantity = item.quantity ?? 1
                    guard quantity > 0 else { return nil }
                    return CartLine(
                        product: item.id,
                        quantity: quantity,
                        price: item.price ?? known?.price,
                        added: operation.time
                    )
                }
                continue
            }
            for item in operation.items {
                let index = lines.firstIndex { $0.product == item.id }
                switch operation.kind {
                case .add:
                    let quantity = max(0, item.quantity ?? 1)
                    if let index {
                        lines[index].quantity += quantity
                        lines[index].price = item.price ?? lines[index].price
                        lines[index].added = operation.time
                    } else if quantity > 0 {
                        lines.append(
                            CartLine(
                                product: item.id,
                                quantity: quantity,
                                price: item.price,
                                added: operation.time
                            )
                        )
                    }
                case .remove:
                    guard let index else { continue }
                    lines[index].quantity -= item.quantity ?? lines[index].quantity
                    if lines[index].quantity <= 0 { lines.remove(at: index) }
                case .order:
                    if let index { lines.remove(at: index) }
                case .list: break
                }
            }
        }
        return lines
    }

    /// Time of the first operation.
    var begin: Int64? { operations.filter { !$0.isOver }.map(\.time).min() }

    /// A default cart ends, and the next add starts an empty one. What was emptied or bought needs
    /// no forgetting: its operations have come out empty, and late ones still belong among them.
    ///
    func end(forgetting: Bool) {
        guard key == nil else { return }
        if forgetting {
            for index in operations.indices { operations[index].isOver = true }
        }
        activity = nil
        isCheckout = false
        hadLines = false
        checkout = nil
        order = nil
    }
}

struct Order {
    var time: Int64
    var key: Key
    var cart: Key?
    var checkout: Key?
    var products: [String]
}

struct Send {
    var id: Hash128
    /// Enrollment and step: on several channels they take one slot (FC-5).
    var step: String
    var time: Int64
    var flow: Int
    var enrollment: Hash128
    var cart: Key?
    var channel: Channel
    var counts: Bool
}

struct View {
    var product: String
    var price: Int64?
    var count: Int
    var time: Int64
}

final class Enrollment {
    unowned var owner: Person
    let flow: Int
    var cart: Cart?
    var entity: Key
    var firstTime: Int64
    var firstName: Hash128
    var cause: String
    /// What a plain flow's event brought.
    var items: [Item] = []
    var step = 0
    /// A step was decided: the key is frozen.
    var isRunning = false
    /// When a deferred step is judged again.
    var deferredUntil: Int64?
    /// The due time of the step that was deferred.
    var deferredFrom: Int64 = 0
    /// The channels that waited, and so had consent then.
    var waited: Set<Channel> = []
    /// The channels of the step that are decided.
    var done: Set<Channel> = []
    /// How many of the step's fallback channels are used up, by its channels together, and which
    /// stands in for a channel of the step.
    var passed = 0
    var standIns: [Channel: Channel] = [:]
    /// When each step was decided or due, for the steps timed from it.
    var anchors: [Int: Int64] = [:]
    var lastDecision: Int64?
    var firstSend: Int64?
    /// When its timer was armed last, and whether that was already past.
    var armed: Int64?
    var wasLate = false

    init(
        of owner: Person,
        flow: Int,
        cart: Cart?,
        entity: Key,
        time: Int64,
        name: Hash128,
        cause: String
    ) {
        self.owner = owner
        self.flow = flow
        self.cart = cart
        self.entity = entity
        firstTime = time
        firstName = name
        self.cause = cause
    }
}
