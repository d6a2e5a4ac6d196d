import Foundation

/// One replay of a file, its output dropped.
struct Replay {
    /// Events a second, from start to end of the process.
    var rate: Double
    /// Seconds of processor time a million events.
    var processor: Double

    /// Runs it.
    init(_ path: String, shards: Int, _ bench: Bench) throws {
        let program = try Program(
            [
                bench.collie, "replay", "--config", bench.options.config, "--input", path,
                "--output", "none", "--shards", "\(shards)",
            ],
            in: bench.keeper
        )
        let end = try program.finish()
        // "4 000 000 records in 9.8 s (…)"
        let words = program.errors.components(separatedBy: " records in ").first ?? ""
        guard let records = Double(words.filter(\.isNumber)), records > 0 else {
            throw Failure("collie replay did not say what it did:\n\(program.errors)")
        }
        rate = records / end.seconds
        processor = end.processor / records * 1e6
        say("  \(shards) shards: \(grouped(rate)) events/s, \(decimal(processor)) CPU-s a million")
    }
}
