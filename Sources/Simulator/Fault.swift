/// A place in an instance's work at which something may happen to it.
enum Point: String, CaseIterable {
    case join, takeOver, readJournal, restore, replay
    case fetch, decide
    case begin, produce, journal, flush, offsets, commit, abort
    case snapshotWrite, snapshotRename
}

/// How likely everything is, in thousandths; each seed draws its own and leaves some out.
///
/// Swarm testing (Groce et al., 2012): what never happens together with everything else is met
/// more often when something else is missing.
struct FaultWeights {
    var kill = 0
    var pause = 0
    var delay = 0
    var lostRequest = 0
    var lostResponse = 0
    var deliveryFailure = 0
    var indefiniteCommit = 0
    var slowMarkers = 0
    var brokerRestart = 0
    var newPartition = 0
    var foreignAbort = 0
    var disk = 0
    var slowNews = 0
    var instances = 1
    /// Wall clocks differ by up to this much, in milliseconds.
    var skew: Int64 = 0

    /// Nothing ever happens.
    init() {}

    /// Draws the weights of a seed.
    init(seed: UInt64) {
        var chance = Chance(seed: seed, stream: 3)
        func draw(_ values: [Int]) -> Int { chance.happens(600) ? chance.pick(values) : 0 }
        kill = draw([2, 6, 15])
        pause = draw([2, 5, 12])
        delay = draw([20, 100])
        lostRequest = draw([10, 60])
        lostResponse = draw([10, 60])
        deliveryFailure = draw([10, 60])
        indefiniteCommit = draw([10, 40])
        slowMarkers = draw([100, 500])
        brokerRestart = draw([5, 20])
        newPartition = draw([4])
        foreignAbort = draw([50, 200])
        disk = draw([100, 400])
        slowNews = draw([300])
        instances = chance.pick([1, 2, 2, 3])
        skew = chance.pick([0, 0, 3_000, 90_000])
    }
}

/// Thrown through the work of an instance that was killed in the middle of it.
struct Killed: Error {}
