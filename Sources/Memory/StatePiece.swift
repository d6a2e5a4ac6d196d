/// A piece of saved state: what it is of, and how much it holds.
@usableFromInline
package struct StatePiece: BitwiseCopyable, Hashable, Sendable {
    /// What it is of; the module that writes it names its own sections.
    @usableFromInline package var section: UInt8
    /// Which key range, where the section is divided.
    @usableFromInline package var range: UInt8
    /// How many records.
    @usableFromInline package var count: UInt32

    /// Names a piece.
    @inlinable
    package init(section: UInt8, range: UInt8 = 0, count: UInt32 = 0) {
        self.section = section
        self.range = range
        self.count = count
    }
}

/// Takes saved state, piece by piece.
@usableFromInline
package protocol StateSink: ~Copyable {
    /// Takes a piece whose bytes are borrowed for the call; false when it can take no more.
    mutating func take(_ piece: StatePiece, _ bytes: RawSpan) -> Bool
}

/// Why saved state cannot be taken back.
@usableFromInline
package enum StateError: Error, Equatable {
    /// The bytes are not what was written.
    case damaged(String)
    /// It was written under rules or by a build that this one cannot continue.
    case foreign(String)
}
