/// Where something stands in a file, as an editor counts: from 1.
package struct Mark: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The file, as it was named to the loader.
    package var file: String
    /// The line.
    package var line: Int
    /// The column, in characters.
    package var column: Int

    /// Makes a mark.
    package init(file: String, line: Int, column: Int) {
        self.file = file
        self.line = line
        self.column = column
    }

    package static func < (left: Mark, right: Mark) -> Bool {
        (left.file, left.line, left.column) < (right.file, right.line, right.column)
    }

    package var description: String { "\(file):\(line):\(column)" }
}
