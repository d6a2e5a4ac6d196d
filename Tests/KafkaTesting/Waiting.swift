import Foundation

/// Something did not happen in time.
package struct TooLate: Error, CustomStringConvertible {
    package let description: String

    /// Says what did not happen.
    package init(description: String) { self.description = description }
}

/// Repeats until the condition holds; fails when the time is up.
package func until(
    _ what: String,
    within limit: Duration = .seconds(20),
    _ condition: () throws -> Bool
) throws {
    let deadline = ContinuousClock.now + limit
    while try !condition() {
        if ContinuousClock.now > deadline { throw TooLate(description: "not in time: \(what)") }
        usleep(2_000)
    }
}

/// A name nobody else uses in this run.
package func unique(_ name: String) -> String { "\(name)-\(UInt32.random(in: 0...UInt32.max))" }
