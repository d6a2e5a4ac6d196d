import Memory

/// Why a snapshot was not written or cannot be used, as a sentence that says what to do.
package struct SnapshotError: Error, Equatable, CustomStringConvertible {
    /// What kind of trouble it is.
    package enum Kind: Sendable, Equatable {
        /// The system refused: no room, no right, no file.
        case system
        /// No snapshot of Collie's at all.
        case notASnapshot
        /// Written in a format of a later version.
        case newerFormat
        /// Written in a format that is not read any more.
        case olderFormat
        /// Not the bytes that were written.
        case damaged
        /// Sound, but of another deployment or build.
        case foreign
    }

    /// What kind of trouble it is.
    package let kind: Kind
    /// The file or folder.
    package let path: String
    /// The sentence.
    package let description: String

    /// Says why the file at a path cannot be used.
    package init(_ kind: Kind, _ path: String, _ description: String) {
        self.kind = kind
        self.path = path
        self.description = description
    }

    static func damaged(_ path: String, _ what: String) -> SnapshotError {
        SnapshotError(
            .damaged,
            path,
            "snapshot \(path) is damaged: \(what); delete it or move it away, and an older snapshot "
                + "or the log takes its place"
        )
    }

    init(_ error: StateError, _ path: String) {
        switch error {
        case .damaged(let what): self = .damaged(path, what)
        case .foreign(let what):
            self.init(
                .foreign,
                path,
                "snapshot \(path) cannot be used: \(what); start Collie with the settings and "
                    + "version that wrote it, or move it away to begin from the log"
            )
        }
    }
}
