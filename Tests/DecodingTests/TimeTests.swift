import Events
import Testing

@testable import Decoding

/// Stamps, and their distance from noon.
private let stampTable: [(String, Int64)] = [
    ("2026-05-01T12:00:00Z", 0),
    ("2026-05-01T12:00:00.250Z", 250),
    ("2026-05-01T12:00:00.25Z", 250),
    ("2026-05-01T12:00:00.250999999Z", 250),
    ("2026-05-01T12:00:00,5Z", 500),
    ("2026-05-01t12:00:00z", 0),
    ("2026-05-01 12:00:00", 0),
    ("2026-05-01T12:00:00", 0),
    ("2026-05-01T12:00", 0),
    ("2026-05-01T17:30:00+05:30", 0),
    ("2026-05-01T17:30:00.000+0530", 0),
    ("2026-05-01T14:00:00+02", 0),
    ("2026-05-01T07:00:00-05:00", 0),
    ("2026-05-01", -43_200_000),
    (" 2026-05-01T12:00:00Z ", 0),
    ("2026-04-30T23:59:60Z", -43_200_000),
    ("2024-02-29T00:00:00Z", 1_709_164_800_000 - 1_777_636_800_000),
    ("1969-12-31T23:59:59.999Z", -1_777_636_800_001),
    ("1777636800", 0),
    ("1777636800250", 250),
]

@Suite("Event time")
struct TimeTests {
    let bench = Bench()

    // 2026-05-01T12:00:00Z
    static let noon: Int64 = 1_777_636_800_000

    @Test(arguments: stampTable)
    func `stamps are read`(_ text: String, _ expected: Int64) {
        let event = bench.read(
            #"{"type":"identify","userId":"u","timestamp":"\#(text)"}"#
        )
        #expect(event.time.milliseconds == TimeTests.noon + expected)
        #expect(event.flags.contains(.timeUnbounded))
    }

    @Test(
        arguments: [
            ("1777636800", 1_777_636_800_000), ("1777636800250", 1_777_636_800_250),
            ("1777636800.25", 1_777_636_800_250), ("1.7776368e9", 1_777_636_800_000),
            ("-1", -1_000), ("-0.001", -1), ("0", 0),
        ] as [(String, Int64)]
    )
    func `numbers are seconds or milliseconds`(_ number: String, _ expected: Int64) {
        let event = bench.read(#"{"type":"identify","userId":"u","timestamp":\#(number)}"#)
        #expect(event.time.milliseconds == expected)
    }

    @Test(arguments: [
        #""2026-02-29T00:00:00Z""#, #""2026-13-01T00:00:00Z""#, #""2026-05-01T24:00:00Z""#,
        #""2026-05-01T12:60:00Z""#, #""2026-05-01T12:00:61Z""#, #""2026-05-01T12:00:00Zx""#,
        #""2026-05-01T12:00:00+5""#, #""2026-05-01T12:00:00.Z""#, #""2026-05-01T""#,
        #""yesterday""#, #""""#, "1e300", "99999999999999999", "true", "{}", "null",
    ])
    func `a time that cannot be read is none`(_ value: String) {
        let event = bench.read(#"{"type":"identify","userId":"u","timestamp":\#(value)}"#)
        #expect(event.refusal == nil)
        #expect(event.flags.contains(.timeMissing))
        #expect(!event.time.isSet)
        let fromKafka = bench.read(
            #"{"type":"identify","userId":"u","timestamp":\#(value)}"#,
            timestamp: 77
        )
        #expect(fromKafka.time.milliseconds == 77)
        #expect(!fromKafka.flags.contains(.timeMissing))
    }

    func stamps(_ stamps: [(String, String)], timestamp: Int64? = nil) -> CustomerEvent {
        let fields = stamps.map { #""\#($0.0)":"2026-05-01T\#($0.1)Z""# }.joined(separator: ",")
        return bench.read(#"{"type":"identify","userId":"u",\#(fields)}"#, timestamp: timestamp)
    }

    func minutes(_ event: CustomerEvent) -> Int64 {
        (event.time.milliseconds - TimeTests.noon) / 60_000
    }

    @Test func `a device's clock is corrected by how long sending took`() {
        let event = stamps([
            ("timestamp", "09:00:00"), ("originalTimestamp", "08:00:00"),
            ("sentAt", "08:02:00"), ("receivedAt", "12:10:00"),
        ])
        #expect(minutes(event) == 8)
        #expect(!event.flags.contains(.timeUnbounded))
    }

    @Test func `the correction needs all three stamps, in order, within a day`() {
        let noOriginal = stamps([
            ("timestamp", "11:00:00"), ("sentAt", "11:02:00"), ("receivedAt", "12:10:00"),
        ])
        #expect(minutes(noOriginal) == -60)
        let backwards = stamps([
            ("timestamp", "11:00:00"), ("originalTimestamp", "11:05:00"),
            ("sentAt", "11:02:00"), ("receivedAt", "12:10:00"),
        ])
        #expect(minutes(backwards) == -60)
        let day = bench.read(
            #"{"type":"identify","userId":"u","originalTimestamp":"2026-04-30T10:00:00Z","#
                + #""sentAt":"2026-05-01T10:00:00Z","receivedAt":"2026-05-01T12:00:00Z"}"#
        )
        #expect(minutes(day) == -24 * 60)
        let more = bench.read(
            #"{"type":"identify","userId":"u","originalTimestamp":"2026-04-30T10:00:00Z","#
                + #""sentAt":"2026-05-01T10:00:00.001Z","receivedAt":"2026-05-01T12:00:00Z"}"#
        )
        #expect(minutes(more) == -26 * 60)
    }

    @Test func `Kafka's time stands in for receivedAt`() {
        let event = stamps(
            [("originalTimestamp", "08:00:00"), ("sentAt", "08:02:00")],
            timestamp: TimeTests.noon
        )
        #expect(minutes(event) == -2)
        #expect(event.received.milliseconds == TimeTests.noon)
    }

    @Test func `a record of a file without receivedAt is neither corrected nor clamped`() {
        let event = stamps([
            ("timestamp", "09:00:00"), ("originalTimestamp", "08:00:00"), ("sentAt", "08:02:00"),
        ])
        #expect(minutes(event) == -180)
        #expect(!event.received.isSet)
        #expect(event.flags.contains(.timeUnbounded))
    }

    @Test func `a future time is clamped beyond five minutes`() {
        let tolerated = stamps([("timestamp", "12:05:00"), ("receivedAt", "12:00:00")])
        #expect(minutes(tolerated) == 5)
        let clamped = stamps([("timestamp", "12:05:01"), ("receivedAt", "12:00:00")])
        #expect(minutes(clamped) == 0)
    }

    @Test func `without a time it is Kafka's, else receivedAt`() {
        let kafka = stamps([("receivedAt", "12:00:00")], timestamp: TimeTests.noon + 60_000)
        #expect(minutes(kafka) == 1)
        let received = stamps([("receivedAt", "12:00:00")])
        #expect(minutes(received) == 0)
        #expect(!received.flags.contains(.timeMissing))
    }
}
