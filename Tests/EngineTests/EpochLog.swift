import Encoding
import Events
import Foundation
import Kafka

@testable import Engine

/// A file as a log of one partition, in epochs of so many blocks.
final class EpochSource: RecordSource {
    private let file: FileSource
    private let blocksPerEpoch: Int
    private let replayed: UInt64
    private let last: UInt64
    private var epoch: UInt64
    private var blocks = 0
    private var offset: Int64 = 0

    /// Reads the epochs behind one, up to another.
    ///
    /// - Parameter replayed: up to which they were committed before.
    init(
        _ path: String,
        blocksPerEpoch: Int,
        behind first: UInt64,
        replayed: UInt64,
        through last: UInt64
    ) throws {
        file = try FileSource([path])
        self.blocksPerEpoch = blocksPerEpoch
        self.replayed = replayed
        self.last = last
        epoch = first
        let skipped = EventBlock(capacity: EpochSource.block)
        for _ in 0..<Int(first) * blocksPerEpoch {
            _ = try file.read(skipped)
            offset += Int64(skipped.count)
        }
    }

    /// So many records are in each block but the last.
    static let block = EventBlock.Capacity(rawBytes: 1 << 18, textBytes: 1 << 18, records: 128)

    func fill(_ block: EventBlock) throws -> SourceTurn {
        if epoch == last { return .end }
        _ = try file.read(block)
        blocks += 1
        if blocks % blocksPerEpoch != 0 { return .records }
        epoch += 1
        var mark = EpochMark()
        let begin = offset
        offset += Int64(blocksPerEpoch * 128)
        mark.partitions = [TopicPartition("events", 0)]
        mark.offsets = [(0, begin, offset)]
        mark.isReplayed = epoch <= replayed
        mark.journalEpoch = epoch
        mark.journalPosition = Int64(epoch)
        return .epochEnd(mark)
    }
}

/// Keeps what each epoch put out.
final class EpochSink: OutputSink {
    private var lines = OutputLine()
    private var open: [Data] = []
    /// The outputs of each epoch that was not committed before.
    private(set) var epochs: [UInt64: [Data]] = [:]
    private(set) var savableEpoch: UInt64 = 0
    private let isConfirmed: Bool

    /// - Parameter isConfirmed: whether it is known of epochs that they count.
    init(isConfirmed: Bool = true) { self.isConfirmed = isConfirmed }

    func write(_ record: OutputRecord, of buffer: OutputBuffer) throws {
        lines.write(record, of: buffer) { line in
            line.withUnsafeBytes { open.append(Data($0)) }
        }
    }

    func commit(_ mark: EpochMark?) throws {
        guard let mark, !mark.isReplayed else { return }
        epochs[mark.journalEpoch] = open
        open = []
        savableEpoch = isConfirmed ? mark.journalEpoch : 0
    }
}
