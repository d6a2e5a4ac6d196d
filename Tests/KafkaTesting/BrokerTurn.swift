package import Testing

/// One test at a time uses the real broker: some stop it, and suites run beside each other.
package struct BrokerTurn: SuiteTrait, TestTrait, TestScoping {
    package var isRecursive: Bool { true }

    package func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable () async throws -> Void
    ) async throws {
        // Once for a suite or a parametrised test as a whole would hold the turn twice.
        guard testCase != nil else { return try await function() }
        await BrokerQueue.shared.enter()
        do { try await function() } catch {
            await BrokerQueue.shared.leave()
            throw error
        }
        await BrokerQueue.shared.leave()
    }
}

extension Trait where Self == BrokerTurn {
    /// Waits until no other test uses the real broker.
    package static var oneAtATimeAtTheBroker: Self { BrokerTurn() }
}

/// Who waits for the broker; waiting takes no thread, for those who work need them.
private actor BrokerQueue {
    static let shared = BrokerQueue()

    private var isTaken = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func enter() async {
        if !isTaken {
            isTaken = true
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    func leave() {
        if waiting.isEmpty {
            isTaken = false
        } else {
            waiting.removeFirst().resume()
        }
    }
}
