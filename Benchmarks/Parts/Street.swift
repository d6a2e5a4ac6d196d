import Decoding
import Events
import Foundation
import LoadTesting
import Pipeline
import Settings

/// What the parts are measured on: events of a simulated shop, decoded under the shipped config.
struct Street {
    let settings: Settings
    let rules: CompiledRules
    /// Blocks with records that are decoded.
    let blocks: [EventBlock]
    /// How many records they have.
    let count: Int

    /// Plays a shop of 10,000 people until there are so many records.
    init(config folder: String, records: Int = 64_000) throws {
        settings = try Settings.load(folder: folder, overrides: nil)
        rules = CompiledRules(settings.rules)
        var traffic = ShopTraffic(start: EventTime(second: 1_777_852_800), span: .hours(24))
        traffic.seed = 7
        traffic.shoppers = 10_000
        traffic.eventsPerSecond = 2
        var shop = ShopSimulation(traffic)
        var blocks: [EventBlock] = []
        var count = 0
        while count < records {
            let block = EventBlock(
                capacity: .init(rawBytes: 1 << 20, textBytes: 1 << 20, records: 1_024)
            )
            while block.count < 1_000, shop.next() != nil { Street.put(shop.line, into: block) }
            if block.count == 0 { break }
            count += block.count
            blocks.append(block)
        }
        self.blocks = blocks
        self.count = count
        let decoder = decoder()
        for block in blocks { decoder.decode(block) }
    }

    /// A decoder under the config.
    func decoder() -> EventDecoder {
        EventDecoder(
            plan: settings.plan,
            hashKey: settings.rules.hashKey,
            zones: settings.rules.zones
        )
    }

    private static func put(_ line: [UInt8], into block: EventBlock) {
        guard let text = block.append(raw: line.span.bytes) else {
            preconditionFailure("a block has room for a thousand events")
        }
        var entry = RecordEntry()
        entry.value = text
        block[record: block.count] = entry
        block.count += 1
    }
}
