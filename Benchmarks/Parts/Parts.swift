import Decoding
import Encoding
import Events
import Foundation
import FrequencyCapping
import Identity
import Memory
import Pipeline
import Profiles
import Rings
import Settings
import Snapshots
import Windows

extension Part {
    /// All of them.
    static func all(on street: Street) throws -> [Part] {
        [
            decode(street), ring(), identity(street), timers(), caps(), encode(),
            try snapshot(street),
        ]
    }

    /// A block of a thousand events, from bytes to flat values.
    private static func decode(_ street: Street) -> Part {
        let decoder = street.decoder()
        let block = street.blocks[0]
        return Part("decode", items: block.count) { iterations in
            for _ in 0..<iterations {
                block.textEnd = block.capacity.rawBytes + EventBlock.padding
                block.identifierCount = 0
                block.productCount = 0
                block.attributeCount = 0
                decoder.decode(block)
            }
        }
    }

    /// A thousand values into a ring and out of it, by one thread.
    private static func ring() -> Part {
        let ends = RingHolder()
        return Part("ring", items: 1_000) { iterations in
            for _ in 0..<iterations { ends.pass(1_000) }
        }
    }

    private final class RingHolder {
        private var ends = Ring<UInt64>.ends(
            capacity: 1_024,
            writer: Signal(),
            reader: Signal()
        )

        func pass(_ count: Int) {
            for value in 0..<UInt64(count) { _ = ends.writer.tryStage(value) }
            ends.writer.publish()
            while ends.reader.tryRead() != nil {}
        }
    }

    /// Who each of a thousand events is of, when all of them are known.
    private static func identity(_ street: Street) -> Part {
        let holder = GraphHolder(
            IdentityGraph(
                rules: street.settings.rules.identity,
                hashKey: street.settings.rules.hashKey,
                shards: 1
            )
        )
        var next = 0
        return Part("identity", items: 1_000) { iterations in
            for _ in 0..<iterations {
                holder.resolve(street.blocks[next])
                next = (next + 1) % street.blocks.count
            }
        }
    }

    private final class GraphHolder {
        private var graph: IdentityGraph
        init(_ graph: consuming IdentityGraph) { self.graph = graph }

        func resolve(_ block: EventBlock) {
            for index in 0..<block.count where !block[event: index].flags.contains(.deadLetter) {
                _ = graph.resolve(block[event: index], in: block)
            }
        }
    }

    /// A thousand of 100,000 timers are armed anew, and those that are due fire.
    private static func timers() -> Part {
        let wheel = WheelHolder()
        return Part("timer wheel", items: 1_000) { iterations in
            for _ in 0..<iterations { wheel.turn() }
        }
    }

    private final class WheelHolder {
        private var wheel = TimerWheel(limit: 1 << 20, passed: 0)
        private var second: Int64 = 0
        private var dice: UInt64 = 1

        init() {
            for slot in 1...UInt32(100_000) { wheel.arm(slot, at: 1 + delay()) }
        }

        private func delay() -> Int64 {
            dice = dice &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int64(dice >> 33) % 7_200 + 1
        }

        func turn() {
            second += 1
            for _ in 0..<1_000 {
                let wait = delay()
                wheel.arm(UInt32(dice >> 40) % 100_000 + 1, at: second + wait)
            }
            while let slot = wheel.next(through: second) { wheel.arm(slot, at: second + delay()) }
        }
    }

    /// A candidate is asked about under three caps, by somebody who was sent ten messages.
    private static func caps() -> Part {
        let ledger = LedgerHolder()
        return Part("cap check", items: 1) { iterations in
            for _ in 0..<iterations { ledger.ask() }
        }
    }

    /// A hundred records of five short members.
    private static func encode() -> Part {
        let buffer = OutputBuffer()
        let name = Array("Salmon kibble “Ocean”, 2 kg".utf8)
        return Part("encode", items: 100) { iterations in
            for _ in 0..<iterations {
                for number in 0..<100 { buffer.writeOrder(number, name) }
                buffer.removeAll()
            }
        }
    }

    /// All state of some thousand people into a file.
    private static func snapshot(_ street: Street) throws -> Part {
        var pipeline = SerialPipeline(rules: street.rules, shards: 1)
        for block in street.blocks {
            pipeline.apply(block)
            pipeline.collect { _, _ in }
        }
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "collie-parts-\(getpid())").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let first = try pipeline.save(SnapshotHeader(epoch: 1), to: SnapshotFolder(folder))
        let holder = PipelineHolder(pipeline, SnapshotFolder(folder))
        // It writes to a file and packs: it allocates, and nobody waits for it.
        return Part("snapshot", items: first.profiles, allocationsMax: nil) { iterations in
            for _ in 0..<iterations { holder.save() }
            try? FileManager.default.removeItem(atPath: folder)
        }
    }

    private final class PipelineHolder {
        private let pipeline: SerialPipeline
        private let folder: SnapshotFolder
        private var epoch: UInt64 = 1

        init(_ pipeline: consuming SerialPipeline, _ folder: SnapshotFolder) {
            self.pipeline = pipeline
            self.folder = folder
        }

        func save() {
            epoch += 1
            guard (try? pipeline.save(SnapshotHeader(epoch: epoch), to: folder)) != nil else {
                fatalError("the snapshot was not written")
            }
        }
    }
}

/// A person who was sent ten messages, under the caps of a shop.
private final class LedgerHolder {
    private var store = ProfileStore()
    private let ledger: CapLedger
    private let zones = ZoneTable(
        [ZoneTable.Zone(name: "Asia/Kolkata", initialOffset: 19_800, transitions: [])],
        countries: ["IN": ["Asia/Kolkata"]]
    )
    private var readings = GrowingBuffer<RuleReading>(room: 16)
    private let now = EventTime(second: 1_777_939_200)
    private(set) var refused = 0

    init() {
        ledger = CapLedger(
            caps: [
                CapRule(id: "day", channels: .all, limit: 3, window: .sliding(.days(1))),
                CapRule(id: "week", channels: .all, limit: 12, window: .sliding(.days(7))),
                CapRule(id: "today", channels: .all, limit: 3, window: .calendar(.day, zone: nil)),
            ],
            gaps: [],
            firstWeekday: 1
        ) { UInt64($0) }
        var packer = ProfilePacker(hashKey: SipHash(key0: 0, key1: 0))
        store.create(1, id: Hash128(high: 1, low: 1), with: &packer)
        for number in 0..<10 {
            store.addSend(
                SendRecord(
                    id: Hash128(high: 2, low: UInt64(number)),
                    step: UInt64(number),
                    time: now - .hours(Int64(number) * 13),
                    flow: 1,
                    enrollment: UInt64(number),
                    cart: 0,
                    channel: .email,
                    countsTowardCaps: true
                ),
                to: 1
            )
        }
    }

    func ask() {
        let candidate = Candidate(
            time: now,
            step: 99,
            flowIndex: 0,
            channel: .email,
            messageClass: .marketing
        )
        readings.removeAll()
        if ledger.refusingGap(candidate, of: 1, in: store, readings: &readings) != nil {
            refused += 1
        }
        let cap = ledger.refusingCap(
            candidate,
            of: 1,
            in: store,
            zone: 1,
            zones: zones,
            readings: &readings
        )
        if cap != nil { refused += 1 }
    }
}

extension OutputBuffer {
    /// Writes a record as a command is written: key, a header, a value with some members.
    fileprivate func writeOrder(_ number: Int, _ name: [UInt8]) {
        begin(
            .decisions,
            order: OutputOrder(
                second: 1_777_939_200,
                sequence: UInt64(number),
                profile: Hash128(high: 3, low: UInt64(number)),
                ordinal: 0
            )
        )
        put(Hash128(high: 3, low: UInt64(number)))
        endKey()
        let header = beginHeader("ce_time")
        put(EventTime(second: 1_777_939_200))
        endHeader(header)
        endHeaders()
        put(#"{"profile":""#)
        put(Hash128(high: 3, low: UInt64(number)))
        put(#"","at":""#)
        put(EventTime(second: 1_777_939_200))
        put(#"","price":"#)
        put(millionths: 1_899_500_000)
        put(#","quantity":"#)
        put(number: Int64(number))
        put(#","name":""#)
        putJSON(name.span.bytes)
        put(#""}"#)
        end()
    }
}
