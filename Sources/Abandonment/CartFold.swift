package import Events
package import Memory
package import Profiles

/// One line of a cart as it stands after all that happened to it.
package struct CartLine: BitwiseCopyable {
    /// The product with its latest texts and price; texts are borrowed from the cart's records.
    package var line: LineRecord
    /// The latest add or list that put it there.
    package var added: EventTime
}

/// What a cart holds: its settled lines with its operations applied in event-time order (AB-3).
///
/// Think of a shopper's receipt roll that is sorted by the clock before it is added up: a removal
/// that arrives before its addition comes out the same. The fold is pure; it lends its lines until
/// the next call. Owned by the shard's thread.
package struct CartFold: ~Copyable {
    /// At most this many lines.
    package static let linesMax = 100

    /// The lines, in the order in which their products first came.
    package fileprivate(set) var lines = GrowingBuffer<CartLine>(room: 128)
    /// Lines that found no room.
    package private(set) var dropped = 0

    /// A fold that holds nothing yet.
    package init() {}

    /// Folds a cart.
    package mutating func fold(_ cart: UInt32, in store: borrowing ProfileStore) {
        begin(store.carts[cart].base, in: store)
        var handle = store.carts[cart].operations
        while handle != 0 {
            if !store.operations[handle].isOver { apply(store.operations[handle], in: store) }
            handle = store.operations[handle].next
        }
    }

    /// Begins with a list of settled lines.
    package mutating func begin(_ base: UInt32, in store: borrowing ProfileStore) {
        lines.removeAll()
        dropped = 0
        var handle = base
        while handle != 0 {
            let line = store.lines[handle]
            lines.append(CartLine(line: line, added: .none))
            handle = line.next
        }
    }

    /// Applies one operation.
    package mutating func apply(_ operation: OperationRecord, in store: borrowing ProfileStore) {
        switch operation.kind {
        case .list:
            applyList(operation, in: store)
        case .add:
            each(operation.lines, in: store) { fold, line in fold.add(line, at: operation.time) }
        case .remove:
            each(operation.lines, in: store) { fold, line in fold.remove(line) }
        case .order:
            each(operation.lines, in: store) { fold, line in fold.drop(line.product) }
        }
    }

    private mutating func each(
        _ head: UInt32,
        in store: borrowing ProfileStore,
        _ body: (inout CartFold, LineRecord) -> Void
    ) {
        var handle = head
        while handle != 0 {
            let line = store.lines[handle]
            body(&self, line)
            handle = line.next
        }
    }

    private func index(of product: UInt64) -> Int? {
        for index in 0..<lines.count where lines[index].line.product == product { return index }
        return nil
    }

    private mutating func add(_ line: LineRecord, at time: EventTime) {
        let quantity = line.quantity == Product.unknownQuantity ? 1 : line.quantity
        if let index = index(of: line.product) {
            let older = lines[index].line
            var newer = CartFold.merge(line, over: older)
            newer.quantity = older.quantity &+ max(0, quantity)
            lines[index] = CartLine(line: newer, added: time)
            return
        }
        guard quantity > 0 else { return }
        guard lines.count < CartFold.linesMax else {
            dropped += 1
            return
        }
        var added = line
        added.quantity = quantity
        lines.append(CartLine(line: added, added: time))
    }

    private mutating func remove(_ line: LineRecord) {
        guard let index = index(of: line.product) else { return }
        let left = Int64(lines[index].line.quantity) - Int64(line.quantity)
        if line.quantity == Product.unknownQuantity || left <= 0 {
            lines.remove(at: index)
        } else {
            lines[index].line.quantity = Int32(left)
        }
    }

    private mutating func drop(_ product: UInt64) {
        if let index = index(of: product) { lines.remove(at: index) }
    }

    private mutating func applyList(
        _ operation: OperationRecord,
        in store: borrowing ProfileStore
    ) {
        // The list replaces the lines; a price or text it leaves out is kept.
        let old = lines.count
        each(operation.lines, in: store) { fold, line in
            var replaced = line
            for index in 0..<old where fold.lines[index].line.product == line.product {
                replaced = CartFold.merge(line, over: fold.lines[index].line)
            }
            replaced.quantity = line.quantity == Product.unknownQuantity ? 1 : line.quantity
            guard replaced.quantity > 0, fold.lines.count - old < CartFold.linesMax else { return }
            fold.lines.append(CartLine(line: replaced, added: operation.time))
        }
        for _ in 0..<old { lines.remove(at: 0) }
    }

    /// A line over an older one of the same product: what it leaves out is kept.
    private static func merge(_ newer: LineRecord, over older: LineRecord) -> LineRecord {
        var line = newer
        if line.price == Product.unknownPrice { line.price = older.price }
        if !line.id.isSet { line.id = older.id }
        if !line.name.isSet { line.name = older.name }
        if !line.url.isSet { line.url = older.url }
        if !line.imageURL.isSet { line.imageURL = older.imageURL }
        return line
    }

    /// Sum of known price × quantity in millionths, or nil without a known price.
    package var value: Int64? {
        var sum: Int64 = 0
        var isKnown = false
        for index in 0..<lines.count {
            let line = lines[index].line
            guard line.price != Product.unknownPrice else { continue }
            let (product, overflow) = line.price.multipliedReportingOverflow(
                by: Int64(line.quantity)
            )
            let (next, overflows) = sum.addingReportingOverflow(product)
            if overflow || overflows { return .max }
            sum = next
            isKnown = true
        }
        return isKnown ? sum : nil
    }

    /// Sum of quantities.
    package var quantity: Int {
        var sum = 0
        for index in 0..<lines.count { sum += Int(lines[index].line.quantity) }
        return sum
    }

    /// Whether it holds a product.
    package func contains(_ product: UInt64) -> Bool { index(of: product) != nil }
}

extension CartFold {
    /// Adds a line as it is.
    package mutating func append(_ line: LineRecord) {
        lines.append(CartLine(line: line, added: .none))
    }
}
