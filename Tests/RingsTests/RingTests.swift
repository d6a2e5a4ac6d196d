import CAllocationCounter
import Rings
import Shards
import Synchronization
import Testing

@Suite("Ring")
struct RingTests {
    /// A ring whose ends share this thread.
    private func ends(_ capacity: Int, firstCursor: UInt = 0) -> RingEnds<UInt64> {
        Ring<UInt64>.ends(
            capacity: capacity,
            writer: Signal(),
            reader: Signal(),
            firstCursor: firstCursor
        )
    }

    @Test func `elements come out in the order they went in, also where cursors wrap`() {
        var ring = ends(4, firstCursor: .max - 5)
        var next: UInt64 = 0
        for round in 0..<UInt64(10) {
            for offset in 0..<UInt64(3) {
                let isWritten = ring.writer.tryWrite(round * 3 + offset)
                #expect(isWritten)
            }
            for _ in 0..<3 {
                let element = ring.reader.tryRead()
                #expect(element == next)
                next += 1
            }
        }
        let last = ring.reader.tryRead()
        #expect(last == nil)
    }

    @Test func `a full ring refuses, and has room again when an element was read`() {
        var ring = ends(2)
        let answers = [
            ring.writer.tryWrite(1), ring.writer.tryWrite(2), ring.writer.tryWrite(3),
        ]
        #expect(answers == [true, true, false])
        let hasRoom = ring.writer.hasRoom
        #expect(!hasRoom)
        let first = ring.reader.tryRead()
        #expect(first == 1)
        let fourth = ring.writer.tryWrite(4)
        #expect(fourth)
        let rest = [ring.reader.tryRead(), ring.reader.tryRead(), ring.reader.tryRead()]
        #expect(rest == [2, 4, nil])
    }

    @Test func `staged elements are seen when they are published`() {
        var ring = ends(8)
        _ = ring.writer.tryStage(1)
        _ = ring.writer.tryStage(2)
        let before = ring.reader.tryRead()
        #expect(before == nil)
        ring.writer.publish()
        let after = [ring.reader.tryRead(), ring.reader.tryRead()]
        #expect(after == [1, 2])
    }

    @Test func `behind a closed writer the reader sees what is left and then the end`() {
        var ring = ends(4)
        _ = ring.writer.write(7)
        ring.writer.close()
        let elements = [ring.reader.read(), ring.reader.read()]
        #expect(elements == [7, nil])
        let hasEnded = ring.reader.hasEnded
        #expect(hasEnded)
    }

    @Test func `a reader that cancels ends the writing`() {
        var ring = ends(1)
        _ = ring.writer.write(1)
        ring.reader.cancel()
        let isWritten = ring.writer.write(2)
        #expect(!isWritten)
    }

    @Test func `a capacity that is no power of two is a mistake`() async {
        await #expect(processExitsWith: .failure) {
            _ = Ring<UInt64>.ends(capacity: 3, writer: Signal(), reader: Signal())
        }
    }

    @Test(
        .enabled(
            if: collie_alloc_is_counted() && !_isDebugAssertConfiguration(),
            "allocations are counted in a release build without a sanitizer"
        )
    )
    func `elements cost no allocation`() {
        var ring = ends(64)
        var sum: UInt64 = 0
        // The runtime sets up what the types need when a function first meets them; the search for
        // room, for one, begins when the ring's places have all been used.
        for _ in 0..<2 * ring.writer.capacity {
            _ = ring.writer.tryWrite(0)
            _ = ring.reader.tryRead()
        }
        let before = collie_alloc_count()
        for number in 0..<UInt64(10_000) {
            _ = ring.writer.tryWrite(number)
            sum += ring.reader.tryRead() ?? 0
        }
        let after = collie_alloc_count()
        #expect(after == before)
        #expect(sum == 49_995_000)
    }
}

/// Two threads, small rings, many elements: what the thread sanitizer watches.
@Suite("Ring between threads")
struct RingStressTests {
    /// Owns one end in a thread's closure.
    private final class Writing: @unchecked Sendable {
        // @unchecked: the one thread that gets it uses it.
        var writer: RingWriter<UInt64>
        init(_ writer: consuming RingWriter<UInt64>) { self.writer = writer }
    }

    private final class Reading: @unchecked Sendable {
        // @unchecked: as above.
        var reader: RingReader<UInt64>
        init(_ reader: consuming RingReader<UInt64>) { self.reader = reader }
    }

    @Test(arguments: [1, 2, 8, 1_024])
    func `nothing is lost, doubled or turned around`(capacity: Int) {
        let count = UInt64(60_000)
        let ring = Ring<UInt64>.ends(capacity: capacity, writer: Signal(), reader: Signal())
        let writing = Writing(ring.writer)
        let reading = Reading(ring.reader)
        let mistakes = Atomic<Int>(0)
        let seen = Atomic<Int>(0)
        withExtendedLifetime((writing, reading)) {
            let writer = EngineThread(name: "writer")
            let reader = EngineThread(name: "reader")
            let outcome = Outcome()
            writer.start {
                for number in 0..<count where !writing.writer.write(number) { return }
                writing.writer.close()
            }
            reader.start {
                var next: UInt64 = 0
                while let number = reading.reader.read() {
                    if number != next { outcome.mistakes.add(1, ordering: .relaxed) }
                    next += 1
                }
                outcome.seen.add(Int(next), ordering: .relaxed)
            }
            writer.join()
            reader.join()
            mistakes.store(outcome.mistakes.load(ordering: .relaxed), ordering: .relaxed)
            seen.store(outcome.seen.load(ordering: .relaxed), ordering: .relaxed)
        }
        #expect(mistakes.load(ordering: .relaxed) == 0)
        #expect(seen.load(ordering: .relaxed) == Int(count))
    }

    @Test func `a writer that waits for any of its rings loses nothing`() {
        let count = UInt64(20_000)
        let signal = Signal()
        let rings = 3
        var writings: [Writing] = []
        var readers: [EngineThread] = []
        let outcome = Outcome()
        for _ in 0..<rings {
            let ring = Ring<UInt64>.ends(capacity: 4, writer: signal, reader: Signal())
            writings.append(Writing(ring.writer))
            let reading = Reading(ring.reader)
            let reader = EngineThread(name: "reader")
            readers.append(reader)
            reader.start {
                var next: UInt64 = 0
                while let number = reading.reader.read() {
                    if number != next { outcome.mistakes.add(1, ordering: .relaxed) }
                    next += 1
                }
                outcome.seen.add(Int(next), ordering: .relaxed)
            }
        }
        let outlets = writings
        let writer = EngineThread(name: "writer")
        writer.start {
            var next = [UInt64](repeating: 0, count: rings)
            while next.contains(where: { $0 < count }) {
                for index in 0..<rings {
                    while next[index] < count, outlets[index].writer.tryStage(next[index]) {
                        next[index] += 1
                    }
                    outlets[index].writer.publish()
                }
                signal.wait {
                    for index in 0..<rings
                    where next[index] == count || outlets[index].writer.hasRoom {
                        return true
                    }
                    return false
                }
            }
            for outlet in outlets { outlet.writer.close() }
        }
        writer.join()
        for reader in readers { reader.join() }
        #expect(outcome.mistakes.load(ordering: .relaxed) == 0)
        #expect(outcome.seen.load(ordering: .relaxed) == rings * Int(count))
    }

    @Test func `whoever waits for an end that goes is told`() {
        for round in 0..<300 {
            let ring = Ring<UInt64>.ends(capacity: 2, writer: Signal(), reader: Signal())
            let writing = Writing(ring.writer)
            let reading = Reading(ring.reader)
            let outcome = Outcome()
            let writer = EngineThread(name: "writer")
            let reader = EngineThread(name: "reader")
            if round % 2 == 0 {
                // Fills the ring and waits; the reader takes a few and goes.
                writer.start {
                    while writing.writer.write(1) {}
                    outcome.seen.add(1, ordering: .relaxed)
                }
                reader.start {
                    for _ in 0..<round / 2 { _ = reading.reader.read() }
                    reading.reader.cancel()
                }
            } else {
                writer.start {
                    for _ in 0..<round / 2 { _ = writing.writer.write(1) }
                    writing.writer.close()
                }
                reader.start {
                    while reading.reader.read() != nil {}
                    outcome.seen.add(1, ordering: .relaxed)
                }
            }
            writer.join()
            reader.join()
            #expect(outcome.seen.load(ordering: .relaxed) == 1)
        }
    }

    private final class Outcome: Sendable {
        let mistakes = Atomic<Int>(0)
        let seen = Atomic<Int>(0)
    }
}

@Suite("Shard executor")
struct ShardExecutorTests {
    private actor Counter {
        let executor: ShardExecutor
        private var turns = 0
        private var isOver = false

        nonisolated var unownedExecutor: UnownedSerialExecutor {
            executor.asUnownedSerialExecutor()
        }

        init(_ executor: ShardExecutor) { self.executor = executor }

        func run() async {
            while !isOver {
                turns += 1
                if executor.hasWaitingJobs {
                    await executor.serveWaitingJobs()
                } else {
                    executor.signal.wait { executor.hasWaitingJobs }
                }
            }
            executor.stop()
        }

        func isOnItsThread() -> Bool { executor.thread.isCurrent }

        func end() { isOver = true }
    }

    @Test func `an actor lives on its own thread and serves calls between turns`() async {
        let executor = ShardExecutor(name: "shard-test")
        executor.start()
        let counter = Counter(executor)
        let life = Task { await counter.run() }
        for _ in 0..<100 {
            let isThere = await counter.isOnItsThread()
            #expect(isThere)
        }
        await counter.end()
        await life.value
        executor.join()
    }
}
