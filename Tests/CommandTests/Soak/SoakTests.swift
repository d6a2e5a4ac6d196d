import Foundation
import KafkaTesting
import Testing

/// Processes die, and what comes out stays what it must be.
@Suite("Soak", .serialized, .oneAtATimeAtTheBroker)
struct SoakTests {
    @Test(.enabled(if: Cluster.kind == .real, Comment(rawValue: RealKafka.howTo)))
    func `whatever dies, each command comes once, and none is missing`() throws {
        var options = Soak.Options()
        let environment = ProcessInfo.processInfo.environment
        if let text = environment["COLLIE_SOAK_ROUNDS"] {
            options.rounds = try #require(Int(text), "COLLIE_SOAK_ROUNDS is a number")
        }
        if let text = environment["COLLIE_SOAK_SEED"] {
            options.seed = try #require(UInt64(text), "COLLIE_SOAK_SEED is a number")
        }
        options.only = environment["COLLIE_SOAK_ONLY"] ?? ""
        if let text = environment["COLLIE_SOAK_TAKE_OVER_MS"] {
            let number = try #require(Int(text), "COLLIE_SOAK_TAKE_OVER_MS is a number")
            options.takeOverMax = .milliseconds(number)
        }
        try Soak(options).run()
    }
}
