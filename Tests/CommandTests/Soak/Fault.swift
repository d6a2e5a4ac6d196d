/// What a round of a soak does to the deployment.
enum Fault: Equatable, CustomStringConvertible {
    /// `kill -9` of the leader at any moment.
    case kill
    /// An instance kills itself at a labelled point, the n-th time it passes.
    case crash(String, Int)
    /// SIGSTOP of the leader for longer than the session, then SIGCONT.
    case freeze
    /// `kill -9` of the broker, and its restart.
    case broker
    /// SIGTERM of the leader and a new instance: a rolling upgrade.
    case upgrade
    /// More partitions for the input topic.
    case partitions

    var description: String {
        switch self {
        case .kill: "kill -9"
        case .crash(let point, let pass): "crash at \(point):\(pass)"
        case .freeze: "freeze, thaw"
        case .broker: "broker kill -9"
        case .upgrade: "upgrade"
        case .partitions: "more partitions"
        }
    }

    /// Whether somebody must be there who takes over.
    var needsStandby: Bool {
        switch self {
        case .freeze, .crash: true
        default: false
        }
    }
}

/// Deals faults by a seed: all of them before any comes again, each time in another order.
struct FaultDeck {
    private var dice: Dice
    private let only: String
    private let canKillBroker: Bool
    // As CrashPoints.h names them.
    private static let takeOvers = ["before-take-over", "after-take-over"]
    private static let commits = [
        "before-flush", "after-flush", "before-commit", "after-commit",
    ]
    private static let snapshots = ["during-snapshot", "before-rename", "after-rename"]
    private var cards: [Fault] = []
    private var rest: [String] = []

    /// A deck without the faults whose description does not begin with `only`.
    init(_ dice: Dice, only: String, canKillBroker: Bool) {
        self.dice = dice
        self.only = only
        self.canKillBroker = canKillBroker
    }

    /// The next fault.
    mutating func next() -> Fault {
        var deals = 0
        while cards.isEmpty {
            deals += 1
            precondition(deals < 100, "no fault is called \(only)…")
            cards = [.kill, .kill, .freeze, .upgrade, .partitions] + crashes(5)
            if canKillBroker { cards.append(.broker) }
            cards.shuffle(using: &dice)
            cards.removeAll { !"\($0)".hasPrefix(only) }
        }
        return cards.removeLast()
    }

    private mutating func crashes(_ count: Int) -> [Fault] {
        (0..<count).map { _ in
            if rest.isEmpty {
                rest = FaultDeck.takeOvers + FaultDeck.commits + FaultDeck.snapshots
                rest.shuffle(using: &dice)
            }
            let point = rest.removeLast()
            let mayPassOften = FaultDeck.commits.contains(point) || point == "during-snapshot"
            return .crash(point, mayPassOften ? Int.random(in: 1...12, using: &dice) : 1)
        }
    }
}

/// Numbers that follow from a seed (SplitMix64).
struct Dice: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
        return word ^ word >> 31
    }
}
