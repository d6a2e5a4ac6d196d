/// What the command line asks for.
struct Options {
    /// What can be measured, in the order in which it is.
    static let allParts = [
        "roof", "engine", "hot", "kafka", "latency", "burst", "state",
    ]
    static let usage = """
        Usage: whole-bench [OPTION…]          the whole of Collie, as ratios within one run
               whole-bench steady [OPTION…]   whether memory grows under a steady load

        Parts, all of them unless --parts names some:
          roof      simdjson alone, and the decoder, on one thread and two
          engine    collie replay of the file, on one shard and two
          hot       half of all events are of one person
          kafka     collie run from a full topic to committed commands, both delivery modes,
                    as a share of a consumer that drops every record
          latency   from an event to its command at 25, 50 and 75 % of the rate that sender, broker
                    and Collie reach together
          burst     ten times the rate for a while: when is the lag gone, and does memory go back
          state     bytes of memory a profile, and the rate with many against few

        Options:
          --parts "NAME…"     Which parts.
          --events N          Events of the file and of the full topic (default 4000000).
          --shoppers N        People they are of (default 240000).
          --rounds N          Turns of what is compared; medians count (default 3).
          --span SECONDS      How long each latency is measured (default 20).
          --burst SECONDS     How long the burst lasts (default 30).
          --profiles "N…"     Sizes of state, the smallest first (default 100000 1000000 5000000
                              10000000).
          --tail N            Events that are worked off over a state (default 1200000).
          --minutes N         steady: how long (default 10).
          --rate N            steady: events a second (default 5000).
          --config FOLDER     The config (default config).
          --brokers LIST      A Kafka that runs already, HOST:PORT; its topics stay there. Otherwise
                              one is started and ended, which takes java 17 and a Kafka: KAFKA_HOME
                              names the folder of an unpacked release.
          --results FILE      Puts the section of this run into a Markdown file.
          --plot FILE         Draws the run as SVG.
          --help              This.

        Exit code 1 if a goal is missed or a part could not be measured, 2 for a mistake here.
        """

    var isSteady = false
    var wantsHelp = false
    var parts = Options.allParts
    var events = 4_000_000
    var shoppers = 240_000
    var rounds = 3
    var span = 20
    var burst = 30
    var profiles = [100_000, 1_000_000, 5_000_000, 10_000_000]
    var tail = 1_200_000
    var minutes = 10
    var rate = 5_000
    var config = "config"
    var brokers: String?
    var results: String?
    var plot: String?

    /// Reads the words behind the program's name.
    init(_ words: [String]) throws(Failure) {
        var rest = words[...]
        while let word = rest.popFirst() {
            switch word {
            case "steady": isSteady = true
            case "--help", "-h": wantsHelp = true
            case "--parts", "--events", "--shoppers", "--rounds", "--span", "--burst", "--profiles",
                "--tail", "--minutes", "--rate", "--config", "--brokers", "--results", "--plot":
                guard let value = rest.popFirst() else { throw Failure("\(word) lacks its value") }
                try set(word, value)
            default: throw Failure("what is \"\(word)\"? --help says what there is")
            }
        }
    }

    private mutating func set(_ name: String, _ value: String) throws(Failure) {
        func number(_ text: some StringProtocol, _ range: ClosedRange<Int>) throws(Failure) -> Int {
            guard let number = Int(text), range.contains(number) else {
                throw Failure(
                    "\(name) takes a number from \(range.lowerBound) to \(range.upperBound), "
                        + "not \"\(text)\""
                )
            }
            return number
        }
        switch name {
        case "--parts":
            parts = value.split(separator: " ").map(String.init)
            for part in parts where !Options.allParts.contains(part) {
                throw Failure(
                    "no part is called \"\(part)\"; there are "
                        + Options.allParts.joined(separator: ", ")
                )
            }
            guard !parts.isEmpty else { throw Failure("--parts names none") }
        case "--profiles":
            profiles = []
            for word in value.split(separator: " ") {
                profiles.append(try number(word, 1_000...100_000_000))
            }
            profiles.sort()
            guard !profiles.isEmpty else { throw Failure("--profiles names none") }
        case "--events": events = try number(value, 1_000...1_000_000_000)
        case "--shoppers": shoppers = try number(value, 10...100_000_000)
        case "--rounds": rounds = try number(value, 1...99)
        case "--span": span = try number(value, 5...3_600)
        case "--burst": burst = try number(value, 2...3_600)
        case "--tail": tail = try number(value, 10_000...1_000_000_000)
        case "--minutes": minutes = try number(value, 1...10_000)
        case "--rate": rate = try number(value, 1...1_000_000)
        case "--config": config = value
        case "--brokers": brokers = value
        case "--results": results = value
        default: plot = value
        }
    }
}
