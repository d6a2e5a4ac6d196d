import Synchronization
import Testing

@testable import Kafka

/// Calls that may never come back.
@Suite("Bounded calls")
struct BoundedCallTests {
    @Test func `one that comes back is waited for`() {
        let count = Counter()
        #expect(callBounded("test", within: .seconds(60)) { count.add() })
        #expect(count.value == 1)
    }

    @Test func `one that does not come back is left behind`() {
        let gate = Gate()
        let count = Counter()
        let hasReturned = callBounded("test", within: .milliseconds(50)) {
            gate.wait()
            count.add()
        }
        #expect(!hasReturned)
        #expect(count.value == 0)
        // So that the thread ends with the test.
        gate.open()
    }

    private final class Counter: Sendable {
        private let count = Atomic<Int>(0)
        func add() { count.add(1, ordering: .relaxed) }
        var value: Int { count.load(ordering: .acquiring) }
    }

    private final class Gate: Sendable {
        private let isOpen = Mutex(false)
        func open() { isOpen.withLock { $0 = true } }
        func wait() { while !isOpen.withLock({ $0 }) {} }
    }
}
