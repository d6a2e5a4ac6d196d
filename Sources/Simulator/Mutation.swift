import Encoding
import Events
import Identity
import Memory
import Pipeline
import Profiles

/// A mistake made on purpose, to see that the simulation would notice it.
package enum Mutation: String, CaseIterable, Sendable {
    /// The transaction is committed before what it holds was confirmed.
    case commitBeforeFlush = "commit-before-flush"
    /// An epoch claims one record more than it has read.
    case offsetTooFar = "offset-too-far"
    /// A recovered state has forgotten what it waits for.
    case timerLost = "timer-lost"
    /// A merge forgets what both have been sent.
    case capsReset = "caps-reset"
    /// An absorbed profile does not ship what it was sent.
    case sendsNotShipped = "sends-not-shipped"
}

extension Decider {
    /// Makes merges faulty.
    ///
    /// Wherever the pipeline runs, for a fault of its code would be in the model of it, too.
    func spoil(_ mutation: Mutation?) {
        switch mutation {
        case .capsReset:
            pipeline.spoilsTakeOver = { shard, slot in shard.store.profiles[slot].sends = 0 }
        case .sendsNotShipped:
            pipeline.spoilsHandOver = { shard, slot in shard.store.profiles[slot].sends = 0 }
        default: break
        }
    }

    /// Forgets the due time of one running enrollment.
    func loseTimer() {
        var handle: UInt32 = 1
        while handle <= pipeline.resolver.graph.profiles.handleMax {
            let record = pipeline.resolver.graph.profiles[handle]
            let isLive = record.forward == 0
            handle += 1
            guard isLive else { continue }
            var index = 0
            var isLost = false
            pipeline.eachShard { shard in
                if index == Int(record.shard) {
                    let enrollment = shard.store.profiles[record.slot].enrollments
                    if enrollment != 0 {
                        shard.store.enrollments[enrollment].due = EventTime(milliseconds: .max)
                        isLost = true
                    }
                }
                index += 1
            }
            if isLost { return }
        }
    }
}
