import Events
import Memory

/// The products met lately, each with the texts it was called by.
///
/// A shop shows the same things to everybody. Who has just seen a product knows where its name
/// stands, and only looks whether it is called the same, which a hash of the texts tells; looking
/// four of them up in a table, and the ware they make when a profile is packed, costs more than the
/// rest of an event. What stands
/// here is a user of its texts, so that none of them comes to mean another. Owned by one thread.
struct WareCache: ~Copyable {
    // Not private: the layout of a buffer of rows must be known where the cache is held.
    struct Row: BitwiseCopyable {
        var product: UInt64 = 0
        /// The hash of the event's texts; 0 if it is not known.
        var content: UInt64 = 0
        var id: TextHandle = .none
        var name: TextHandle = .none
        var url: TextHandle = .none
        var imageURL: TextHandle = .none
        /// The ware of these texts, if one is packed.
        var ware: TextHandle = .none

        func isCalled(asIs line: LineRecord) -> Bool {
            product == line.product && id == line.id && name == line.name && url == line.url
                && imageURL == line.imageURL
        }
    }

    private static let rowsMax = 1 << 12

    private var rows = GrowingBuffer<Row>(zeros: WareCache.rowsMax)

    init() {}

    private static func place(of product: UInt64) -> Int {
        Int(truncatingIfNeeded: product) & (rowsMax - 1)
    }

    /// Gives a line the texts of an event's product, if it is called what it was called last.
    func fill(
        _ line: inout LineRecord,
        _ product: Product,
        _ texts: inout TextStore
    ) -> Bool {
        let place = WareCache.place(of: product.hash)
        guard product.content != 0, rows[place].product == product.hash,
            rows[place].content == product.content
        else { return false }
        share(place, with: &line, &texts)
        return true
    }

    private func share(_ place: Int, with line: inout LineRecord, _ texts: inout TextStore) {
        line.id = texts.share(rows[place].id)
        line.name = texts.share(rows[place].name)
        line.url = texts.share(rows[place].url)
        line.imageURL = texts.share(rows[place].imageURL)
    }

    /// Remembers what a product was called.
    mutating func note(_ line: LineRecord, _ content: UInt64, _ texts: inout TextStore) {
        guard content != 0 else { return }
        let place = WareCache.place(of: line.product)
        let old = rows[place]
        texts.give(back: old.id)
        texts.give(back: old.name)
        texts.give(back: old.url)
        texts.give(back: old.imageURL)
        texts.give(back: old.ware)
        rows[place] = Row(product: line.product, content: content)
        rows[place].id = texts.share(line.id)
        rows[place].name = texts.share(line.name)
        rows[place].url = texts.share(line.url)
        rows[place].imageURL = texts.share(line.imageURL)
    }

    /// The ware that a line's product and texts are kept as; none if that is not known.
    func ware(of line: LineRecord) -> TextHandle {
        let place = WareCache.place(of: line.product)
        return rows[place].isCalled(asIs: line) ? rows[place].ware : .none
    }

    /// Remembers the ware of a product and texts, if these stand here.
    mutating func note(_ ware: TextHandle, of line: LineRecord, _ texts: inout TextStore) {
        let place = WareCache.place(of: line.product)
        guard rows[place].isCalled(asIs: line), !rows[place].ware.isSet else { return }
        rows[place].ware = texts.share(ware)
    }

    /// Gives a line what a ware says, if that is known.
    func fill(
        _ line: inout LineRecord,
        from ware: TextHandle,
        of product: UInt64,
        _ texts: inout TextStore
    ) -> Bool {
        let place = WareCache.place(of: product)
        guard rows[place].ware == ware, ware.isSet, rows[place].product == product else {
            return false
        }
        line.product = product
        share(place, with: &line, &texts)
        return true
    }
}
