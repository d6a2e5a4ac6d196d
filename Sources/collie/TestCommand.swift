import Foundation
import Scenarios

/// Acts scenarios out and says which come out as they should.
let testCommand = Command(
    name: "test",
    summary: "act scenarios out and compare what is decided",
    usage: "Usage: collie test [OPTION…] PATH…",
    discussion: """
        Acts out the scenarios of the files, and of every *.yaml below the folders, under a virtual
        clock: what customers do, when, and what must come out. Days take milliseconds; no broker
        is needed. Each is done on one shard and on several, which must come to the same.

          scenario: a cart is left and its owner is reminded
          config: ../config                # a configuration, from this file's place
          start: 2026-05-04T00:00:00Z
          profiles:
            u1: {time_zone: Asia/Kolkata, email: a@example.com, consent: subscribed}
          events:
            - {at: 06:00, user: u1, track: Product Added,
               properties: {cart_id: c1, product_id: A, price: 1500}}
          run_until: 05-05 00:00
          expect:
            commands:
              - {at: 07:00, user: u1, flow: cart, step: s1, channel: email, products: [A]}

        A scenario that fails is shown with what was expected beside what was decided: = as
        expected, ~ different, - missing, + unexpected. Writing-scenarios.md says everything that
        may stand in a file. Exit codes: 0 all pass, 1 some fail, 2 called wrongly, 3 mistakes in
        the files.
        """,
    options: [
        Option(
            name: "config",
            value: "FOLDER",
            help: "The configuration of scenarios that name none."
        ),
        Option(
            name: "shards",
            value: "N",
            help: "Compare one shard with so many (default 4); 1 compares nothing."
        ),
        Option(name: "verbose", help: "Show what was decided in passing scenarios, too."),
    ]
) { arguments in
    guard !arguments.rest.isEmpty else {
        throw UsageError(description: "name the files or folders of the scenarios")
    }
    let shards = try arguments.number("shards", default: 4, in: 1...64)
    var files: [String] = []
    for path in arguments.rest {
        guard let found = ScenarioSuite.files(at: path) else {
            throw UsageError(description: "there is no \(path)")
        }
        files += found.filter { !files.contains($0) }
    }
    guard !files.isEmpty else {
        throw UsageError(description: "no *.yaml in \(arguments.rest.joined(separator: ", "))")
    }
    var suite = ScenarioSuite(
        config: arguments.last("config"),
        shardCounts: shards == 1 ? [1] : [1, shards]
    )
    var report = ScenarioReport(isVerbose: arguments.has("verbose"))
    for file in files {
        for line in report.lines(of: suite.run(file)) { print(line) }
    }
    print(report.summary)
    if report.mistaken > 0 { return ExitCode.config }
    return report.failed > 0 ? ExitCode.failure : ExitCode.success
}
