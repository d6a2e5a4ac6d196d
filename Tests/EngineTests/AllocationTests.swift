import CAllocationCounter
import Encoding
import Events
import Memory
import Pipeline
import Profiles
import Synchronization
import Testing

@testable import Engine

/// A day in a small shop that is the same every day but for its date, so that after some days
/// every list has reached its bound and every table its size.
///
/// Every record is an event: of the error by which a decoder refuses one, the testing library
/// would record a backtrace, which allocates.
private struct SameDays {
    let people: Int
    /// Whether each person comes on a new device every other day, and then logs in.
    let hasNewDevices: Bool
    /// Events a day and person.
    static let visit = 10

    /// Writes the events of one minute of the day, the same people's in the same minute.
    func write(day: Int, minute: Int, into block: EventBlock) {
        for person in stride(from: minute, to: people, by: 600) {
            for step in 0..<SameDays.visit { write(day, minute, person, step, block) }
        }
    }

    private func write(_ day: Int, _ minute: Int, _ person: Int, _ step: Int, _ block: EventBlock) {
        // From 05:30 UTC on, which is 11:00 in India, so that messages do not wait for the morning.
        let time = EventTime(
            milliseconds: (20_577 + Int64(day)) * 86_400_000
                + (330 + Int64(minute)) * 60_000 + Int64(step) * 2_000
        )
        let id = "\(day)-\(person)-\(step)"
        let product = (person + step / 3 + day) % 50
        // Every other day: with more than 20 in 30 days some would stay people of their own.
        let isNewDevice = hasNewDevices && day % 2 == 0
        let anonymous = isNewDevice ? "device-\(person)-\(day)" : "device-\(person)"
        let isLoggedIn = !isNewDevice || step >= 4
        var event: String
        let list =
            #"{"products":[{"product_id":"p\#(product)","name":"Item “\#(product)”","price":499.5,"quantity":2}],"currency":"INR""#
        let one =
            #"{"product_id":"p\#(product)","name":"Item “\#(product)”","price":499.5,"quantity":1,"currency":"INR"}"#
        switch step {
        case 0: event = #""type":"page","name":"Home""#
        case 1: event = #""type":"track","event":"Product Viewed","properties":\#(one)"#
        case 2: event = #""type":"track","event":"Product Viewed","properties":\#(one)"#
        case 3: event = #""type":"track","event":"Product Added","properties":\#(one)"#
        case 4:
            event =
                #""type":"identify","traits":{"email":"p\#(person)@example.com","phone":"+9198\#(10_000_000 + person)"}"#
        case 5:
            event =
                #""type":"track","event":"Consent Updated","properties":{"channel":"\#(day % 2 == 0 ? "email" : "sms")","state":"subscribed"}"#
        case 6: event = #""type":"track","event":"Product Added","properties":\#(one)"#
        case 7: event = #""type":"track","event":"Product Removed","properties":\#(one)"#
        case 8 where person % 3 == 0:
            event =
                #""type":"track","event":"Checkout Started","properties":\#(list),"order_id":"o\#(day)-\#(person)"}"#
        case 9 where person % 6 == 0:
            event =
                #""type":"track","event":"Order Completed","properties":\#(list),"order_id":"o\#(day)-\#(person)"}"#
        default: event = #""type":"track","event":"Product Viewed","properties":\#(one)"#
        }
        let who = isLoggedIn ? #","userId":"user-\#(person)""# : ""
        let line =
            #"{\#(event),"anonymousId":"\#(anonymous)"\#(who),"messageId":"\#(id)","timestamp":"\#(time.text)","receivedAt":"\#(time.text)"}"#
        append(line, to: block)
    }

    private func append(_ line: String, to block: EventBlock) {
        var entry = RecordEntry()
        guard let text = block.append(raw: Array(line.utf8).span.bytes) else {
            preconditionFailure("a block has room for some minutes")
        }
        entry.value = text
        block[record: block.count] = entry
        block.count += 1
    }
}

extension EventTime {
    /// As senders write it.
    fileprivate var text: String {
        let buffer = OutputBuffer()
        buffer.put(self)
        return buffer.all.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }
}

/// Decoder, resolver and one shard on one thread, and what each of them allocates.
private final class OneThread {
    private let decoder: any BlockDecoder
    private var resolver: Resolver
    private var shard: ShardPipeline
    private var parcel = Parcel()
    private let block = EventBlock(
        capacity: .init(rawBytes: 1 << 18, textBytes: 1 << 18, records: 512)
    )
    private var epoch: UInt64 = 0

    /// Allocations by who made them.
    struct Counts {
        var records = 0
        var decoder: UInt64 = 0
        var resolver: UInt64 = 0
        var shard: UInt64 = 0
    }

    var counts = Counts()
    var counters: ShardCounters { shard.counters }
    var resolved: ResolverCounters { resolver.counters }

    init(_ replay: Replay) {
        decoder = replay.decoder()
        resolver = Resolver(rules: replay.rules, shards: 1)
        var limits = ProfileLimits()
        // Lower than the defaults, so that they are reached within weeks.
        limits.sendsMax = 8
        limits.ordersMax = 8
        limits.entriesMax = 16
        shard = ShardPipeline(rules: replay.rules, limits: limits)
    }

    func play(_ days: Range<Int>, of shop: SameDays) {
        for day in days {
            for minute in 0..<600 {
                shop.write(day: day, minute: minute, into: block)
                if block.count > 400 || minute == 599 { pass() }
            }
        }
    }

    private func pass() {
        counts.records += block.count
        var before = collie_alloc_count()
        decoder.decode(block)
        counts.decoder += collie_alloc_count() - before
        for index in 0..<block.count {
            before = collie_alloc_count()
            resolver.apply(index, of: block, number: 0)
            counts.resolver += collie_alloc_count() - before
            deliver()
        }
        epoch += 1
        before = collie_alloc_count()
        resolver.endEpoch(epoch)
        counts.resolver += collie_alloc_count() - before
        deliver()
        resolver.output.removeAll()
        shard.output.removeAll()
        block.reset()
    }

    private func deliver() {
        let before = collie_alloc_count()
        let outbox = resolver.outboxes[0]
        for index in 0..<outbox.count {
            let message = outbox[index]
            switch message.verb {
            case .handOver: shard.handOver(message.slot, into: &parcel)
            case .takeOver: shard.takeOver(&parcel, message: message)
            default: shard.apply(message, block: block)
            }
        }
        outbox.removeAll()
        counts.shard += collie_alloc_count() - before
    }
}

private let isCounting = collie_alloc_is_counted() && !_isDebugAssertConfiguration()

@Suite(
    "Allocations",
    .serialized,
    .enabled(
        if: isCounting,
        "allocations are counted in a release build without a sanitizer"
    )
)
struct AllocationTests {
    @Test func `the same people's events cost no allocation at all`() throws {
        let thread = OneThread(try Replay())
        let shop = SameDays(people: 300, hasNewDevices: false)
        thread.play(0..<60, of: shop)
        thread.counts = OneThread.Counts()
        let commands = thread.counters.commands
        thread.play(60..<100, of: shop)
        #expect(thread.counts.records == 120_000)
        #expect(thread.counters.commands > commands + 1_000)
        #expect(thread.counts.decoder == 0)
        #expect(thread.counts.resolver == 0)
        #expect(thread.counts.shard == 0)
    }

    @Test func `newcomers who turn out to be known cost none but for the tables that grow`() throws
    {
        let thread = OneThread(try Replay())
        let shop = SameDays(people: 300, hasNewDevices: true)
        thread.play(0..<60, of: shop)
        thread.counts = OneThread.Counts()
        let merges = thread.counters.merges
        thread.play(60..<100, of: shop)
        #expect(thread.counts.records == 120_000)
        // Each new device is merged with what is known of its person.
        #expect(thread.counters.merges == merges + 6_000)
        #expect(thread.counts.decoder == 0)
        #expect(thread.counts.shard == 0)
        // Devices are never forgotten, so their tables grow by chunks.
        #expect(thread.counts.resolver < 100)
    }
}
