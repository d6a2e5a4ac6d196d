/// Writes records of one partition behind each other.
struct CaptureChunkWriter {
    /// What was written.
    private(set) var bytes: [UInt8] = []
    private(set) var records = 0
    private(set) var firstOffset: Int64 = 0
    private(set) var lastOffset: Int64 = 0
    private(set) var firstTime: Int64?
    private(set) var lastTime: Int64?
    private var timeBefore: Int64 = 0

    /// Adds a record behind the others.
    mutating func add(_ record: TrafficRecord) {
        var flags: UInt8 = 0
        if record.key != nil { flags |= CaptureFormat.hasKey }
        if !record.headers.isEmpty { flags |= CaptureFormat.hasHeaders }
        if record.value != nil { flags |= CaptureFormat.hasValue }
        if record.time != nil { flags |= CaptureFormat.hasTime }
        bytes.append(flags)
        if records == 0 { firstOffset = record.offset }
        put(signed: record.offset &- lastOffset)
        lastOffset = record.offset
        if let time = record.time {
            put(signed: time &- timeBefore)
            timeBefore = time
            firstTime = min(firstTime ?? time, time)
            lastTime = max(lastTime ?? time, time)
        }
        if let key = record.key { put(key) }
        if !record.headers.isEmpty { put(record.headers) }
        if let value = record.value { put(value) }
        records += 1
    }

    /// Begins anew.
    mutating func removeAll() {
        var next = CaptureChunkWriter()
        bytes.removeAll(keepingCapacity: true)
        swap(&next.bytes, &bytes)
        self = next
    }

    private mutating func put(_ text: [UInt8]) {
        put(UInt64(text.count))
        bytes.append(contentsOf: text)
    }

    private mutating func put(signed number: Int64) {
        put(UInt64(bitPattern: number << 1 ^ number >> 63))
    }

    private mutating func put(_ number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}

/// Reads the records of a chunk, one after the other.
struct CaptureChunkReader {
    private let bytes: [UInt8]
    private let partition: Int32
    private var place = 0
    private var offset: Int64 = 0
    private var time: Int64 = 0

    init(_ bytes: [UInt8], partition: Int32) {
        self.bytes = bytes
        self.partition = partition
    }

    /// Whether all was read.
    var isAtEnd: Bool { place == bytes.count }

    /// The next record; nil if there is none, or what follows is none.
    mutating func next() -> TrafficRecord? {
        guard place < bytes.count else { return nil }
        let flags = bytes[place]
        place += 1
        var record = TrafficRecord()
        record.partition = partition
        guard let step = signed() else { return nil }
        offset &+= step
        record.offset = offset
        if flags & CaptureFormat.hasTime != 0 {
            guard let step = signed() else { return nil }
            time &+= step
            record.time = time
        }
        if flags & CaptureFormat.hasKey != 0 {
            guard let key = text() else { return nil }
            record.key = key
        }
        if flags & CaptureFormat.hasHeaders != 0 {
            guard let headers = text() else { return nil }
            record.headers = headers
        }
        if flags & CaptureFormat.hasValue != 0 {
            guard let value = text() else { return nil }
            record.value = value
        }
        return record
    }

    private mutating func text() -> [UInt8]? {
        guard let length = number(), length <= UInt64(bytes.count - place) else { return nil }
        defer { place += Int(length) }
        return Array(bytes[place..<place + Int(length)])
    }

    private mutating func signed() -> Int64? {
        number().map { Int64(bitPattern: $0 >> 1) ^ -Int64(bitPattern: $0 & 1) }
    }

    private mutating func number() -> UInt64? {
        var number: UInt64 = 0
        var shift: UInt64 = 0
        while place < bytes.count, shift < 64 {
            let byte = bytes[place]
            place += 1
            number |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return number }
            shift += 7
        }
        return nil
    }
}
