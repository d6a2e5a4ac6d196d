import Engine
import Kafka
import Testing

@Suite("Whether the journal says of all that was committed")
struct PastCheckTests {
    private let partitions = [TopicPartition("events", 0), TopicPartition("events", 1)]
    private let begin = ContinuousClock.now
    private var check = PastCheck(patience: .seconds(5))

    private mutating func answer(
        committed: [Int64?],
        known: [Int64],
        after seconds: Int = 0
    ) -> PastCheck.Answer {
        check.compare(
            partitions,
            committed: committed,
            known: known,
            now: begin + .seconds(seconds)
        )
    }

    @Test mutating func `a new deployment and one that was read to its end are complete`() {
        #expect(answer(committed: [nil, nil], known: [-1, -1]) == .complete)
        #expect(answer(committed: [0, nil], known: [-1, -1]) == .complete)
        #expect(answer(committed: [20, 7], known: [20, 9]) == .complete)
        #expect(answer(committed: [nil, 7], known: [20, 7]) == .complete)
    }

    @Test mutating func `what the journal does not show yet is waited for`() {
        #expect(answer(committed: [20, 7], known: [-1, -1]) == .wait)
        #expect(answer(committed: [20, 7], known: [20, 6], after: 4) == .wait)
        #expect(answer(committed: [20, 7], known: [20, 7], after: 6) == .complete)
        // Patience begins again with the next difference.
        #expect(answer(committed: [21, 7], known: [20, 7], after: 9) == .wait)
    }

    @Test mutating func `what it never shows is said`() {
        #expect(answer(committed: [20, 7], known: [20, -1]) == .wait)
        #expect(
            answer(committed: [20, 7], known: [20, -1], after: 5)
                == .lacking("events[1] was committed up to offset 7, the journal names none of it")
        )
        #expect(
            answer(committed: [20, 7], known: [19, 7], after: 6)
                == .lacking("events[0] was committed up to offset 20, by the journal 19")
        )
    }
}
