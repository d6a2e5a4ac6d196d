/// The journal of a deployment: a topic of one partition that says, epoch by epoch, what was
/// committed.
///
/// With the input log it is all that the state follows from.
package enum Journal {
    /// The topic's standard name.
    package static let topicName = "collie.journal"
}
