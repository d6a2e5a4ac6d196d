/// The journal of a deployment: a topic of one partition that says, epoch by epoch, what was
/// committed.
///
/// With the input log it is all that the state follows from. Written by the sink in the epoch's own
/// transaction. Only who has fenced the leader before knows its end, or who has taken over in it
/// (``JournalOwner``), for only then nothing is added behind its back.
package enum Journal {
    /// The topic's standard name.
    package static let topicName = "collie.journal"
}
