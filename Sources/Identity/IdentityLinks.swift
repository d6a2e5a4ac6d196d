import Events
import Memory

// What leads to a profile, as a list of links, the newest first.
//
// Nearly all links are of an identifier to the only profile it ever leads to, and from its first
// event on: such a link stands in its node, and only the one behind it needs four bytes more. All
// others have a record. The number of a link is that of its node, with the highest bit, or of its
// record.

extension IdentityGraph {
    private static let inNode: UInt32 = 1 << 31

    /// Whose link it is.
    func node(ofLink link: UInt32) -> UInt32 {
        link & IdentityGraph.inNode != 0 ? link & ~IdentityGraph.inNode : links[link].node
    }

    /// Event time of a link.
    func time(ofLink link: UInt32) -> EventTime {
        link & IdentityGraph.inNode != 0
            ? nodes[link & ~IdentityGraph.inNode].firstTime : links[link].time
    }

    /// Whether it counts as an identifier of the profile; otherwise it is only an endpoint.
    func isIdentifier(_ link: UInt32) -> Bool {
        link & IdentityGraph.inNode != 0 || links[link].isIdentifier
    }

    /// The link behind one, or 0.
    func next(ofLink link: UInt32) -> UInt32 {
        link & IdentityGraph.inNode != 0 ? chain[link & ~IdentityGraph.inNode] : links[link].next
    }

    private mutating func put(_ next: UInt32, behind link: UInt32) {
        if link & IdentityGraph.inNode != 0 {
            chain[link & ~IdentityGraph.inNode] = next
        } else {
            links[link].next = next
        }
    }

    /// Adds a link in front of a profile's others.
    ///
    /// As an identifier a node is linked at most once: before, it leads to nobody.
    mutating func addLink(
        _ node: UInt32,
        to profile: UInt32,
        at time: EventTime,
        isIdentifier: Bool
    ) {
        let next = profiles[profile].links
        if isIdentifier, time == nodes[node].firstTime {
            chain[node] = next
            profiles[profile].links = node | IdentityGraph.inNode
        } else {
            var record = LinkRecord(node: node, time: time, isIdentifier: isIdentifier)
            record.next = next
            profiles[profile].links = links.take(record)
        }
        profiles[profile].linkCount += 1
    }

    /// Puts a list of links behind a profile's own.
    mutating func append(links first: UInt32, to profile: UInt32) {
        guard profiles[profile].links != 0 else {
            profiles[profile].links = first
            return
        }
        var last = profiles[profile].links
        while next(ofLink: last) != 0 { last = next(ofLink: last) }
        put(first, behind: last)
    }

    /// Gives a node's link a record, if it stands in the node: before the node has another first
    /// time, or leads to nobody any more.
    mutating func moveLinkOut(of node: UInt32) {
        let profile = live(nodes[node].profile)
        guard profile != 0 else { return }
        var before: UInt32 = 0
        var link = profiles[profile].links
        while link != 0, link != node | IdentityGraph.inNode {
            before = link
            link = next(ofLink: link)
        }
        guard link != 0 else { return }
        var record = LinkRecord(node: node, time: nodes[node].firstTime, isIdentifier: true)
        record.next = chain[node]
        chain[node] = 0
        let moved = links.take(record)
        if before == 0 { profiles[profile].links = moved } else { put(moved, behind: before) }
    }
}
