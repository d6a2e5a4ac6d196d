/// What a snapshot's header says in the engine's words: under which configuration it was decided,
/// and which leader wrote the epoch's record.
package struct SnapshotOrigin {
    package var fingerprint: String
    package var leader: String?

    init(fingerprint: String, leader: String?) {
        self.fingerprint = fingerprint
        self.leader = leader
    }

    /// Reads what a header says.
    package init(_ text: String) {
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        fingerprint = words.first.map(String.init) ?? ""
        leader = words.count > 1 && !words[1].isEmpty ? String(words[1]) : nil
    }

    /// Both in one line.
    var text: String { "\(fingerprint) \(leader ?? "")" }
}
