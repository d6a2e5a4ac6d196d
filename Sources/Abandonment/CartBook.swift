package import Events
import Memory
package import Profiles

// What events do to a profile's carts. Each function applies one operation to one cart; the
// pipeline decides which cart, and what it means for enrollments.

extension ProfileStore {
    /// The cart of a key, made if it is not there; at the bound the cart with the oldest activity
    /// is answered in `evicted`, for the caller to end its enrollment and free it first.
    package mutating func cartForEvent(
        of slot: UInt32,
        key: EntityKey,
        in block: EventBlock,
        evicted: inout UInt32,
        with fold: inout CartFold
    ) -> UInt32 {
        let found = cart(of: slot, key: key.hash)
        if found != 0 { return found }
        if cartCount(of: slot) >= limits.cartsMax {
            evicted = cartToEvict(of: slot, with: &fold)
            counters.cartsEvicted += 1
        }
        var record = CartRecord(key: key.hash)
        record.keyText = texts.keep(block.bytes(of: key.text))
        record.next = profiles[slot].carts
        let made = carts.take(record)
        profiles[slot].carts = made
        return made
    }

    /// How many carts a profile has.
    package func cartCount(of slot: UInt32) -> Int {
        var count = 0
        var handle = profiles[slot].carts
        while handle != 0 {
            count += 1
            handle = carts[handle].next
        }
        return count
    }

    /// The cart that goes first: one without lines, else the one with the oldest activity.
    package func cartToEvict(of slot: UInt32, with fold: inout CartFold) -> UInt32 {
        var best: UInt32 = 0
        var bestIsOpen = true
        var handle = profiles[slot].carts
        while handle != 0 {
            fold.fold(handle, in: self)
            let isOpen = !fold.lines.isEmpty
            let (own, other) = (carts[handle], best == 0 ? carts[handle] : carts[best])
            let isOlder =
                own.lastActivity != other.lastActivity
                ? own.lastActivity < other.lastActivity : own.key < other.key
            if best == 0 || (isOpen != bestIsOpen ? bestIsOpen : isOlder) {
                best = handle
                bestIsOpen = isOpen
            }
            handle = carts[handle].next
        }
        return best
    }

    /// Adds an operation with the products of an event to a cart.
    ///
    /// A repeat of a known (cart, product, event time) of an add or removal is left out (TM-3):
    /// browser and server may both report it. Answers whether anything was added.
    package mutating func operate(
        _ kind: OperationRecord.Kind,
        on cart: UInt32,
        event: CustomerEvent,
        tie: UInt64,
        in block: EventBlock,
        with fold: inout CartFold
    ) -> Bool {
        var operation = OperationRecord(kind: kind, time: event.time, tie: tie)
        let first = Int(event.products)
        for index in 0..<Int(event.productCount) {
            let product = block[product: first + index]
            if (kind == .add || kind == .remove)
                && isRepeat(kind, product.hash, at: event.time, on: cart)
            {
                counters.repeats += 1
                continue
            }
            addLine(product, to: &operation, in: block)
        }
        if event.productCount == 0, kind == .add || kind == .remove {
            // An add without a product is one line of an unknown product.
            if isRepeat(kind, 0, at: event.time, on: cart) {
                counters.repeats += 1
            } else {
                let line = LineRecord(
                    product: 0,
                    price: Product.unknownPrice,
                    quantity: Product.unknownQuantity
                )
                operation.lines = lines.take(line)
            }
        }
        if operation.lines == 0, kind == .add || kind == .remove { return false }
        insert(operation, into: cart, with: &fold)
        return true
    }

    /// Adds a product to an operation; the same product twice in one event adds up.
    private mutating func addLine(
        _ product: Product,
        to operation: inout OperationRecord,
        in block: EventBlock
    ) {
        var last: UInt32 = 0
        var handle = operation.lines
        while handle != 0 {
            if lines[handle].product == product.hash {
                let old = lines[handle].quantity
                let known = old == Product.unknownQuantity ? 1 : old
                let more = product.quantity == Product.unknownQuantity ? 1 : product.quantity
                if operation.kind != .remove || old != Product.unknownQuantity {
                    lines[handle].quantity = known &+ more
                }
                return
            }
            last = handle
            handle = lines[handle].next
        }
        let line = makeLine(product, in: block)
        let added = lines.take(line)
        if last == 0 { operation.lines = added } else { lines[last].next = added }
    }

    private func isRepeat(
        _ kind: OperationRecord.Kind,
        _ product: UInt64,
        at time: EventTime,
        on cart: UInt32
    ) -> Bool {
        var handle = carts[cart].operations
        while handle != 0 {
            let operation = operations[handle]
            if operation.time > time { return false }
            if operation.time == time, operation.kind == kind {
                var line = operation.lines
                while line != 0 {
                    if lines[line].product == product { return true }
                    line = lines[line].next
                }
            }
            handle = operation.next
        }
        return false
    }

    /// Takes away from a cart what an order bought, and with `closes` all that it holds now.
    ///
    /// An order of the same key settles a cart once. What is added to the cart later by event time
    /// stays, as does what arrives later and was not bought. Answers whether it was not known yet.
    package mutating func settleOrder(
        _ order: OrderRecord,
        on cart: UInt32,
        closes: Bool,
        with fold: inout CartFold
    ) -> Bool {
        var handle = carts[cart].operations
        while handle != 0 {
            let known = operations[handle]
            if known.kind == .order, known.tie == order.key { return false }
            handle = known.next
        }
        var operation = OperationRecord(kind: .order, time: order.time, tie: order.key)
        var product = order.products
        while product != 0 {
            addProduct(bought[product].product, to: &operation)
            product = bought[product].next
        }
        if closes {
            fold.fold(cart, in: self)
            for index in 0..<fold.lines.count {
                addProduct(fold.lines[index].line.product, to: &operation)
            }
        }
        insert(operation, into: cart, with: &fold)
        return true
    }

    private mutating func addProduct(_ product: UInt64, to operation: inout OperationRecord) {
        var line = LineRecord(
            product: product,
            price: Product.unknownPrice,
            quantity: Product.unknownQuantity
        )
        line.next = operation.lines
        operation.lines = lines.take(line)
    }

    /// Puts an operation in its place by event time; past the bound the oldest is settled into the
    /// cart's base lines, and what arrives later applies on top.
    package mutating func insert(
        _ operation: OperationRecord,
        into cart: UInt32,
        with fold: inout CartFold
    ) {
        let added = operations.take(operation)
        var previous: UInt32 = 0
        var next = carts[cart].operations
        while next != 0, !operation.precedes(operations[next]) {
            previous = next
            next = operations[next].next
        }
        operations[added].next = next
        if previous == 0 {
            carts[cart].operations = added
        } else {
            operations[previous].next = added
        }
        carts[cart].operationCount += 1
        while Int(carts[cart].operationCount) > limits.operationsMax {
            settleOldest(of: cart, with: &fold)
        }
    }

    private mutating func settleOldest(of cart: UInt32, with fold: inout CartFold) {
        let oldest = carts[cart].operations
        let record = operations[oldest]
        fold.begin(carts[cart].base, in: self)
        if !record.isOver { fold.apply(record, in: self) }
        // The new base shares the texts before the old one gives them back.
        var head: UInt32 = 0
        var index = fold.lines.count - 1
        while index >= 0 {
            var line = share(fold.lines[index].line)
            line.next = head
            head = lines.take(line)
            index -= 1
        }
        freeLines(carts[cart].base)
        freeLines(record.lines)
        operations.give(back: oldest)
        carts[cart].base = head
        carts[cart].operations = record.next
        carts[cart].operationCount -= 1
    }

    /// The event time of the first operation that is still kept apart, or `.none`.
    package func begin(of cart: UInt32) -> EventTime {
        var handle = carts[cart].operations
        while handle != 0, operations[handle].isOver { handle = operations[handle].next }
        return handle == 0 ? .none : operations[handle].time
    }
}
