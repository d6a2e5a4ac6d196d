package import Events
import Memory

/// Stock and price of products, as stock and price events told them.
///
/// Held by every shard alike.
package struct Catalog: ~Copyable {
    /// What is known of a product.
    package struct Item: BitwiseCopyable {
        var product: UInt64
        var stock: Int32 = Product.unknownQuantity
        var stockTime = EventTime.none
        var price: Int64 = Product.unknownPrice
        var priceTime = EventTime.none
    }

    private var items = Slab<Item>(limit: 1 << 24)
    private var table = IndexTable(room: 1_024)

    package init() {}

    /// Hands all products to a sink; false when it can take no more.
    func save<Sink: StateSink & ~Copyable>(
        _ layout: FlatLayout<Item>,
        with buffer: inout StateBuffer,
        to sink: inout Sink
    ) -> Bool {
        items.save(StateSection.catalog.rawValue, layout, with: &buffer, to: &sink)
    }

    /// Takes back a piece of saved products.
    mutating func load(_ reader: inout StateReader) throws(StateError) {
        for handle in try items.load(&reader) {
            table.insert(UInt32(truncatingIfNeeded: items[handle].product), handle)
        }
    }

    private func find(_ product: UInt64) -> UInt32 {
        table.find(UInt32(truncatingIfNeeded: product)) { items[$0].product == product }
    }

    /// Applies a stock or price event; the latest event time wins.
    package mutating func apply(_ event: CustomerEvent, in block: EventBlock) {
        for index in 0..<Int(event.productCount) {
            let product = block[product: Int(event.products) + index]
            guard product.hash != 0 else { continue }
            var handle = find(product.hash)
            if handle == 0 {
                handle = items.take(Item(product: product.hash))
                guard handle != 0 else { return }
                table.insert(UInt32(truncatingIfNeeded: product.hash), handle)
            }
            if event.meaning == .productStockChanged, event.time >= items[handle].stockTime {
                items[handle].stock = product.quantity
                items[handle].stockTime = event.time
            }
            if event.meaning == .productPriceChanged, event.time >= items[handle].priceTime {
                items[handle].price = product.price
                items[handle].priceTime = event.time
            }
        }
    }

    /// Whether a product is known to be out of stock.
    package func isOutOfStock(_ product: UInt64) -> Bool {
        let handle = find(product)
        guard handle != 0 else { return false }
        let stock = items[handle].stock
        return stock != Product.unknownQuantity && stock <= 0
    }
}
