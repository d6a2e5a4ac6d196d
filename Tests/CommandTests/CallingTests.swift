import Testing

@Suite("Calling collie")
struct CallingTests {
    static let commands = [
        "demo", "run", "replay", "test", "check", "generate", "audit", "capture", "load",
    ]

    @Test(arguments: commands)
    func `the help of a command teaches how it is called`(_ command: String) throws {
        let outcome = try collie(command, "--help")
        #expect(outcome.code == 0)
        #expect(outcome.output.hasPrefix("Usage: collie \(command)"))
        #expect(outcome.output.contains("Options:\n  --"))
        #expect(outcome.lines.allSatisfy { $0.count <= 100 })
        #expect(outcome.errors == "")
    }

    @Test func `help lists every command and the exit codes`() throws {
        let outcome = try collie("--help")
        #expect(outcome.code == 0)
        for command in CallingTests.commands { #expect(outcome.output.contains("  \(command) ")) }
        #expect(outcome.output.contains("Exit codes"))
        #expect(try collie("--version").output.hasPrefix("collie "))
    }

    @Test func `without a command the help goes to standard error`() throws {
        let outcome = try collie()
        #expect(outcome.code == 2)
        #expect(outcome.output == "")
        #expect(outcome.errors.contains("Usage: collie COMMAND"))
    }

    @Test(arguments: [
        (["rnu"], "did you mean `run`?"),
        (["fly"], "possible: demo, run"),
        (["check", "--confg", "x"], "did you mean `--config`?"),
        (["replay", "--inptu=x"], "did you mean `--input`?"),
        (["run", "--fly"], "possible: --config"),
        (["check", "--config"], "--config needs a value"),
        (["run", "now"], "\"now\""),
        (["replay"], "--input FILE"),
        (["replay", "x", "--shards", "many"], "not \"many\""),
        (["generate", "--span", "soon"], "not \"soon\""),
        (["test"], "name the files"),
        (["generate", "--curve", "steep"], "steady, daily or flash"),
        (["generate", "--late", "200%"], "takes a share such as 1%"),
        (["generate", "--start", "noon"], "2026-05-04T18:00:00Z"),
        (["capture"], "--output FILE"),
        (["capture", "--output", "x", "--offsets", "5"], "0:100-199"),
        (["capture", "--output", "x", "--offsets", "0:9-3"], "ends before it begins"),
        (["load", "--expect", "p98<1s"], "is not measured; there are p50"),
        (["load", "--expect", "p99<100"], "write p99<100ms"),
        (["load", "--speed", "fast"], "or max"),
    ])
    func `a wrong call says what would be right`(_ words: [String], _ remedy: String) throws {
        let program = try Program(words)
        #expect(try program.end() == 2)
        #expect(program.errors.contains(remedy), "\(program.errors)")
        #expect(program.output == "")
    }

    @Test(arguments: [
        "collie generate --events 100000 | head -1",
        "collie generate --events 3000 > $TMP/e && collie replay --quiet --input $TMP/e | head -1",
    ])
    func `a reader that has seen enough ends the writing quietly`(_ line: String) throws {
        let folder = try Folder()
        let outcome = try bash("TMP=\(folder.path); \(line)")
        #expect(outcome.code == 0)
        #expect(outcome.lines.count == 1)
        #expect(outcome.errors == "")
    }
}
