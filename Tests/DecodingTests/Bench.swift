import Events
import Windows

@testable import Decoding

/// A decoder with a block of its own, for tests that look at single records.
final class Bench {
    static let key = SipHash(key0: 0x0706_0504_0302_0100, key1: 0x0f0e_0d0c_0b0a_0908)
    static let zones = ZoneTable(
        [
            ZoneTable.Zone(name: "Asia/Kolkata", initialOffset: 19_800, transitions: []),
            ZoneTable.Zone(name: "Europe/Kyiv", initialOffset: 7_200, transitions: []),
        ],
        countries: ["IN": ["Asia/Kolkata"], "UA": ["Europe/Kyiv"]]
    )

    let decoder: EventDecoder
    let block: EventBlock

    init(
        _ plan: TrackingPlan = .standard,
        capacity: EventBlock.Capacity = .init(rawBytes: 1 << 18, textBytes: 1 << 18, records: 64)
    ) {
        decoder = EventDecoder(plan: plan, hashKey: Bench.key, zones: Bench.zones)
        block = EventBlock(capacity: capacity)
    }

    /// Puts a record into the block.
    func add(
        _ value: [UInt8]?,
        timestamp: Int64? = nil,
        headers: [(String, String)] = []
    ) {
        var entry = RecordEntry()
        if let value {
            entry.value = place(value)
        } else {
            entry.hasValue = false
        }
        if let timestamp { entry.timestamp = EventTime(milliseconds: timestamp) }
        var encoded: [UInt8] = []
        for (name, value) in headers {
            let count = UInt16(name.utf8.count)
            encoded += [UInt8(truncatingIfNeeded: count), UInt8(count >> 8)]
            encoded += name.utf8
            let length = UInt32(value.utf8.count)
            for shift in [UInt32(0), 8, 16, 24] {
                encoded.append(UInt8(truncatingIfNeeded: length >> shift))
            }
            encoded += value.utf8
        }
        if !encoded.isEmpty { entry.headers = place(encoded) }
        block[record: block.count] = entry
        block.count += 1
    }

    private func place(_ bytes: [UInt8]) -> Text {
        guard let text = block.append(raw: bytes.span.bytes) else {
            preconditionFailure("a block has room for a test's records")
        }
        return text
    }

    /// What a record alone in its block says.
    func read(
        _ json: String,
        timestamp: Int64? = nil,
        headers: [(String, String)] = []
    ) -> CustomerEvent {
        read(bytes: Array(json.utf8), timestamp: timestamp, headers: headers)
    }

    func read(
        bytes: [UInt8]?,
        timestamp: Int64? = nil,
        headers: [(String, String)] = []
    ) -> CustomerEvent {
        block.reset()
        add(bytes, timestamp: timestamp, headers: headers)
        decoder.decode(block)
        return block[event: 0]
    }

    /// `kind:value` of each identifier, the previous ones marked.
    func identifiers(_ event: CustomerEvent) -> [String] {
        (0..<Int(event.identifierCount)).map { index in
            let identifier = block[identifier: Int(event.identifiers) + index]
            let mark = identifier.role == .previous ? "previous " : ""
            return mark + identifier.kind.name + ":" + block.string(of: identifier.text)
        }
    }

    func products(_ event: CustomerEvent) -> [Product] {
        (0..<Int(event.productCount)).map { block[product: Int(event.products) + $0] }
    }

    func attributes(_ event: CustomerEvent) -> [Attribute] {
        (0..<Int(event.attributeCount)).map { block[attribute: Int(event.attributes) + $0] }
    }

    func string(_ text: Text) -> String { block.string(of: text) }

    static func name(_ name: String) -> UInt64 { EventNames.hash(name, hashKey: key) }
}

extension CustomerEvent {
    /// Why it is no event, or nil if it is one.
    var refusal: String? {
        flags.contains(.deadLetter) ? reason.name : nil
    }
}
