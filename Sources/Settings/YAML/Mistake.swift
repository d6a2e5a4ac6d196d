/// Something wrong in a file, where it stands, and what would be right.
package struct Mistake: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// How bad it is.
    package enum Severity: String, Sendable, Hashable {
        /// Collie does not start with it.
        case error
        /// It is allowed, and hardly what was meant.
        case warning
    }

    /// Where it stands.
    package var mark: Mark
    /// How bad it is.
    package var severity: Severity
    /// What is wrong, and what would be right.
    package var text: String

    /// Makes a mistake.
    package init(at mark: Mark, _ text: String, severity: Severity = .error) {
        self.mark = mark
        self.text = text
        self.severity = severity
    }

    package static func < (left: Mistake, right: Mistake) -> Bool {
        if left.mark != right.mark { return left.mark < right.mark }
        return (left.severity.rawValue, left.text) < (right.severity.rawValue, right.text)
    }

    package var description: String { "\(mark): \(severity.rawValue): \(text)" }
}

/// Collects mistakes, so that a reader of files need not stop at the first.
///
/// A class, because many small readers write into the same list.
package final class Mistakes {
    /// More are not kept: nobody reads further, and a hostile file must not fill the memory.
    package static let max = 500

    /// What was found so far, in the order of finding.
    package private(set) var all: [Mistake] = []

    /// Makes an empty list.
    package init() {}

    /// Notes an error.
    package func add(_ text: String, at mark: Mark) {
        note(Mistake(at: mark, text))
    }

    /// Notes a warning.
    package func warn(_ text: String, at mark: Mark) {
        note(Mistake(at: mark, text, severity: .warning))
    }

    private func note(_ mistake: Mistake) {
        if all.count < Mistakes.max, !all.contains(mistake) { all.append(mistake) }
    }

    /// Whether nothing more is kept.
    package var isFull: Bool { all.count >= Mistakes.max }

    /// Whether there are errors; warnings alone are none.
    package var hasErrors: Bool { all.contains { $0.severity == .error } }

    /// All of them by file, line and column.
    package var sorted: [Mistake] { all.sorted() }
}
