import Encoding
import Engine

/// Hashes the lines that a `FileSink` would write, in order.
final class HashingSink: OutputSink {
    private var lines = OutputLine()
    private(set) var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    private(set) var bytes = 0

    func write(_ record: OutputRecord, of buffer: OutputBuffer) throws {
        var hash = hash
        var count = 0
        lines.write(record, of: buffer) { line in
            line.withUnsafeBytes { bytes in
                count = bytes.count
                for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
            }
        }
        self.hash = hash
        bytes += count
    }

    func commit(_ mark: EpochMark?) throws {}
}
