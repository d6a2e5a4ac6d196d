package import Encoding
package import Events

/// Writes outputs as lines to a file or to standard output.
///
/// Owned by the egress thread; an epoch is committed when its lines were given to the system.
package final class FileSink: OutputSink {
    private var lines = OutputLine()
    private let file: LineFile

    /// Writes to a file that was opened.
    package init(_ file: LineFile) { self.file = file }

    package func write(_ record: OutputRecord, of buffer: OutputBuffer) throws {
        var failure: (any Error)?
        lines.write(record, of: buffer) { line in
            do { try file.write(line) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    package func commit(_ mark: EpochMark?) throws {
        // A file is written in large pieces; only what somebody watches is handed on at once.
        if mark != nil { try file.flush() }
    }

    package func finish() throws { try file.close() }
}

/// Drops outputs: for measuring the engine alone.
package final class NullSink: OutputSink {
    package init() {}
    package func write(_ record: OutputRecord, of buffer: OutputBuffer) throws {}
    package func commit(_ mark: EpochMark?) throws {}
    package func finish() throws {}
}

extension FileSource: RecordSource {
    package func fill(_ block: EventBlock) throws -> SourceTurn {
        let more: Bool = try read(block)
        return more ? .records : .end
    }
}
