package import Events

/// Where and when all state is saved.
package struct SnapshotSettings: Sendable, Equatable {
    /// The folder, this instance's own; nil saves nothing.
    package var folder: String?
    /// From the beginning of one snapshot to that of the next.
    package var interval = TimeSpan.seconds(60)
    /// How many snapshots are kept.
    package var kept = 2

    /// The defaults.
    package init() {}
}
