import Events

/// One record as it is captured and played.
package struct TrafficRecord: Equatable, Sendable {
    /// The partition it was in; nil lets its key decide.
    package var partition: Int32?
    /// Its offset there.
    package var offset: Int64 = 0
    /// When it came, in milliseconds since 1970; nil where the broker keeps no times.
    package var time: Int64?
    /// Its key; nil is none.
    package var key: [UInt8]?
    /// Its headers, each a 16-bit length, a name, a 32-bit length and a value, little-endian.
    package var headers: [UInt8] = []
    /// Its value; nil is none.
    package var value: [UInt8]?

    /// A record with nothing in it yet.
    package init() {}
}

/// Records in the order in which they are to be played.
package protocol Traffic {
    /// The next one; nil at the end.
    mutating func next() throws -> TrafficRecord?
}

/// The records of a simulated shop, as the collectors would write them.
package struct ShopRecords: Traffic {
    private var shop: ShopSimulation

    /// Opens the shop.
    package init(_ traffic: ShopTraffic) { shop = ShopSimulation(traffic) }

    package mutating func next() -> TrafficRecord? {
        guard let event = shop.next() else { return nil }
        var record = TrafficRecord()
        record.time = event.arrival.milliseconds
        record.key = shop.key
        record.value = shop.line
        return record
    }
}
