import Foundation

/// What a profile takes in memory, and what a large state costs in speed.
struct StatePart {
    private static let goal = 0.7
    // Bytes a profile without messageIds, of so many that what is there once does not count.
    private static let bytesMax = 256.0
    private static let manyMin = 5_000_000
    // What a profile takes at most while a state is made of it, as measured of 1,000,000: those who
    // did more since they were packed have left a place of another size behind.
    private static let guess = 1_300.0

    static func run(_ bench: Bench) throws -> Findings {
        let sizes = bench.options.profiles
        var findings = Findings(
            title: "State",
            note: "`recovery-bench`: people of two identifiers each, made by their events. For "
                + "bytes, resident, each has bought its cart, and the messageIds of a day stand "
                + "apart; for the rate, each also has an order, a view, a "
                + "trait, a send and a timer, the state is restored into one shard, and "
                + "\(grouped(Double(bench.options.tail))) events of people met in no order follow, "
                + "decoded already, on one thread with the making of them."
        )
        var each = guess
        var bars: [(name: String, value: Double)] = []
        for size in sizes {
            guard fits(size, each, &findings) else { continue }
            say("state: \(grouped(Double(size))) profiles")
            let bytes = try bytes(size, bench)
            each = bytes.map(\.all).max() ?? guess
            for (name, all, others) in bytes {
                let text = "\(grouped(Double(size))) profiles, \(name)"
                let isMany = size == sizes.last && size >= manyMin
                findings.add(
                    text,
                    "\(grouped(others)) bytes a profile",
                    ratio: "\(grouped(all)) with messageIds",
                    goal: isMany ? "≤ \(grouped(bytesMax)) bytes" : "",
                    isMet: isMany ? others <= bytesMax : nil
                )
                bars.append((text, others))
            }
        }
        findings.plots = [
            Plot(
                title: "State",
                unit: "bytes a profile, resident, without messageIds",
                content: .bars(bars)
            )
        ]
        if sizes.count > 1, let small = sizes.first, let large = sizes.last {
            try compare(small, large, bench, &findings)
        }
        return findings
    }

    /// Whether so many people fit into the memory that is free; says so if they do not.
    private static func fits(_ size: Int, _ each: Double, _ findings: inout Findings) -> Bool {
        let needed = Double(size) * each
        if needed < 0.85 * Double(Machine.available) { return true }
        findings.add(
            "\(grouped(Double(size))) profiles",
            "not measured: takes \(mebibytes(Int(needed))), \(mebibytes(Machine.available)) are free",
            goal: "measured",
            isMet: false
        )
        return false
    }

    /// Bytes a profile by how it came to be, with and without messageIds.
    private static func bytes(
        _ size: Int,
        _ bench: Bench
    ) throws -> [(name: String, all: Double, others: Double)] {
        let program = try Program(
            [bench.recoveryBench, "profiles", "--profiles", "\(size)"],
            in: bench.keeper
        )
        try program.finish()
        return try parse(program.output)
    }

    /// Reads blocks such as `by events: …` with lines such as
    /// `  488.7  resident in all, 438.1 without the last part`.
    private static func parse(
        _ output: String
    ) throws -> [(name: String, all: Double, others: Double)] {
        var found: [(name: String, all: Double, others: Double)] = []
        var name = ""
        for line in output.split(separator: "\n") {
            if !line.hasPrefix(" ") {
                name = line.split(separator: ":").first.map(String.init) ?? ""
            } else if line.contains("resident in all") {
                let numbers = line.split(separator: " ").compactMap { Double($0) }
                if numbers.count == 2 { found.append((name, numbers[0], numbers[1])) }
            }
        }
        guard !found.isEmpty else { throw Failure("recovery-bench profiles said:\n\(output)") }
        return found
    }

    /// Makes and saves a state; answers its folder.
    private static func makeState(_ size: Int, _ bench: Bench) throws -> String {
        let folder = bench.keeper.folder + "/state-\(size)"
        try FileManager.default.createDirectory(
            atPath: folder,
            withIntermediateDirectories: true
        )
        let program = try Program(
            [bench.recoveryBench, "make", folder, "--profiles", "\(size)"],
            in: bench.keeper
        )
        try program.finish()
        return folder
    }

    /// The number that stands right before some words.
    private static func number(before words: String, in text: String) -> Double? {
        text.components(separatedBy: words).dropLast().first?
            .split(whereSeparator: { " ,(\n".contains($0) }).last.flatMap { Double($0) }
    }

    // MARK: The rate

    private static func compare(
        _ small: Int,
        _ large: Int,
        _ bench: Bench,
        _ findings: inout Findings
    ) throws {
        guard fits(large, guess, &findings) else { return }
        var folders: [Int: String] = [:]
        for size in [small, large] {
            say("state: makes and saves \(grouped(Double(size))) profiles")
            folders[size] = try makeState(size, bench)
        }
        defer { for path in folders.values { try? FileManager.default.removeItem(atPath: path) } }
        let measured = try bench.inTurns([small, large]) { size in
            let program = try Program(
                [
                    bench.recoveryBench, "restore", folders[size] ?? "", "--shards", "1", "--tail",
                    "\(bench.options.tail)",
                ],
                in: bench.keeper
            )
            try program.finish()
            let tail = program.output.components(separatedBy: "went on: ").last ?? ""
            guard let each = number(before: " CPU-s a million events", in: tail), each > 0 else {
                throw Failure("recovery-bench restore said:\n\(program.output)")
            }
            say("  \(grouped(Double(size))) profiles: \(decimal(each)) CPU-s a million events")
            return 1e6 / each
        }
        let (few, many) = (median(measured[small] ?? []), median(measured[large] ?? []))
        findings.add("rate over \(grouped(Double(small))) profiles", grouped(few) + " events/CPU-s")
        findings.add(
            "rate over \(grouped(Double(large))) profiles",
            grouped(many) + " events/CPU-s",
            ratio: percent(many / few),
            goal: "≥ " + percent(goal),
            isMet: many / few >= goal
        )
    }
}
