/// The consumer group whose only partition makes its holder the leader.
struct SimulatedGroup {
    static let sessionTimeout: Int64 = 6_000

    private var heartbeats: [(member: Int, time: Int64)] = []
    /// Counts the group's changes.
    private(set) var generation = 0
    /// Who holds the partition.
    private(set) var holder: Int?
    /// Counts the times somebody began to hold it.
    private(set) var tenure = 0

    /// A member shows that it lives; one that was not there joins.
    mutating func beat(_ member: Int, at time: Int64) {
        if let index = heartbeats.firstIndex(where: { $0.member == member }) {
            heartbeats[index].time = time
            return
        }
        heartbeats.append((member, time))
        change()
    }

    /// Lets members go that were not heard of for too long.
    mutating func expire(at time: Int64) {
        let before = heartbeats.count
        heartbeats.removeAll { time - $0.time > SimulatedGroup.sessionTimeout }
        if heartbeats.count != before { change() }
    }

    /// A member leaves of its own accord.
    mutating func leave(_ member: Int) {
        let before = heartbeats.count
        heartbeats.removeAll { $0.member == member }
        if heartbeats.count != before { change() }
    }

    private mutating func change() {
        generation += 1
        // Sticky: a newcomer does not disturb who holds it.
        if let holder, heartbeats.contains(where: { $0.member == holder }) { return }
        holder = heartbeats.first?.member
        tenure += 1
    }

    /// Whether a member of that generation is known.
    func holds(member: Int, generation: Int) -> Bool {
        generation == self.generation && heartbeats.contains { $0.member == member }
    }
}
