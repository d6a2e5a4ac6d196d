import Testing

@testable import Engine

@Suite("Times of commits")
struct CommitTimesTests {
    @Test func `half are within the median, nearly all within the 99th percentile`() {
        var times = CommitTimes()
        for number in (1...200).reversed() { times.note(nanoseconds: Int64(number) * 1_000_000) }
        #expect(times.count == 200)
        #expect(times.within(0.5) == .milliseconds(100))
        #expect(times.within(0.99) == .milliseconds(198))
        #expect(times.within(1) == .milliseconds(200))
        #expect(times.within(0.001) == .milliseconds(1))
    }

    @Test func `one that was long ago is forgotten`() {
        var times = CommitTimes()
        times.note(nanoseconds: 9_000_000_000)
        for _ in 1..<CommitTimes.kept { times.note(nanoseconds: 5_000_000) }
        #expect(times.within(1) == .seconds(9))
        times.note(nanoseconds: 6_000_000)
        #expect(times.within(1) == .milliseconds(6))
        #expect(times.count == CommitTimes.kept + 1)
    }

    @Test func `without any there is no time`() {
        #expect(CommitTimes().within(0.5) == nil)
    }
}
