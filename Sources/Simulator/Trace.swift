/// What happened, line by line; two runs of one seed have the same hash.
final class Trace {
    private static let linesMax = 120
    private var lines: [String] = []
    private var oldest = 0
    /// The hash of all lines so far (FNV-1a).
    private(set) var hash: UInt64 = 0xcbf2_9ce4_8422_2325

    /// Adds a line.
    func add(_ line: String) {
        for byte in line.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        hash = (hash ^ 10) &* 0x0000_0100_0000_01b3
        if lines.count < Trace.linesMax {
            lines.append(line)
        } else {
            lines[oldest] = line
            oldest = (oldest + 1) % Trace.linesMax
        }
    }

    /// The last lines, oldest first.
    var tail: [String] { Array(lines[oldest...] + lines[..<oldest]) }
}
