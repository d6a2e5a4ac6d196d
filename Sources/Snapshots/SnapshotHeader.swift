import Memory

/// What a snapshot says of itself before its state: where the log goes on, and whose it is.
///
/// The pipeline reads none of it; the engine writes it and reads it again.
package struct SnapshotHeader: Sendable, Equatable {
    /// The next record of a partition.
    package struct Offset: Sendable, Equatable {
        /// The topic's name.
        package var topic: String
        /// The partition's number.
        package var partition: Int32
        /// The offset of the first record that is not in the state.
        package var next: Int64

        /// Makes an offset.
        package init(topic: String, partition: Int32, next: Int64) {
            self.topic = topic
            self.partition = partition
            self.next = next
        }
    }

    /// The last epoch that is in the state.
    package var epoch: UInt64
    /// Where the log goes on, in the order in which the resolver numbers the partitions.
    package var offsets: [Offset] = []
    /// The next record of the journal.
    package var journalOffset: Int64 = 0
    /// Wall clock when it was begun, in milliseconds since 1970; 0 keeps equal states equal files.
    package var created: Int64 = 0
    /// A number that differs where configurations differ.
    package var configuration: UInt64 = 0
    /// Version of the time zone database, for the reader.
    package var timeZones = ""
    /// Whatever else the engine must find again, in its own words.
    package var metadata = ""

    /// Makes the header of an epoch.
    package init(epoch: UInt64) { self.epoch = epoch }

    func write(into buffer: inout StateBuffer) {
        buffer.put(epoch)
        buffer.put(journalOffset)
        buffer.put(created)
        buffer.put(configuration)
        buffer.put(text: timeZones)
        buffer.put(UInt32(offsets.count))
        for offset in offsets {
            buffer.put(text: offset.topic)
            buffer.put(offset.partition)
            buffer.put(offset.next)
        }
        var text = metadata
        text.withUTF8 { bytes in
            buffer.put(UInt32(bytes.count))
            // Borrowed for the closure.
            unsafe buffer.put(UnsafeRawBufferPointer(bytes).bytes)
        }
    }

    init(_ reader: inout StateReader) throws(StateError) {
        epoch = try reader.get(UInt64.self)
        journalOffset = try reader.get(Int64.self)
        created = try reader.get(Int64.self)
        configuration = try reader.get(UInt64.self)
        timeZones = try reader.text()
        for _ in 0..<(try reader.get(UInt32.self)) {
            offsets.append(
                Offset(
                    topic: try reader.text(),
                    partition: try reader.get(Int32.self),
                    next: try reader.get(Int64.self)
                )
            )
        }
        let bytes = try reader.take(Int(try reader.get(UInt32.self)))
        metadata = unsafe bytes.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    }
}
