import Events

/// What a record's headers say of CloudEvents (EV-6).
struct CloudEventHeaders {
    /// The value is the event's data, its attributes stand in the headers.
    var isBinary = false
    /// The value is the whole event.
    var isStructured = false
    var id = Text.none
    var source = Text.none
    var time = Text.none
    var traceparent = Text.none

    /// Reads a record's headers; names are compared without case, of equal names the first counts.
    mutating func read(_ headers: Text, of block: EventBlock) {
        let bytes = block.bytes(of: headers)
        var index = 0
        while index + 2 <= bytes.byteCount {
            let nameLength = Int(bytes.byte(index)) | Int(bytes.byte(index + 1)) << 8
            let nameBegin = index + 2
            index = nameBegin + nameLength
            guard index + 4 <= bytes.byteCount else { break }
            var length = 0
            for place in 0..<4 { length |= Int(bytes.byte(index + place)) << (8 * place) }
            let valueBegin = index + 4
            index = valueBegin + length
            guard index <= bytes.byteCount else { break }
            let name = bytes.extracting(nameBegin..<nameBegin + nameLength)
            let value = Text(
                offset: headers.offset + UInt32(valueBegin),
                length: UInt32(length)
            )
            take(name, value, bytes.extracting(valueBegin..<index))
        }
        if isStructured { isBinary = false }
    }

    private mutating func take(_ name: RawSpan, _ value: Text, _ bytes: RawSpan) {
        if name.isWord("ce_specversion") {
            isBinary = true
        } else if name.isWord("ce_id") {
            isBinary = true
            if id.isEmpty { id = value }
        } else if name.isWord("ce_source") {
            if source.isEmpty { source = value }
        } else if name.isWord("ce_time") {
            if time.isEmpty { time = value }
        } else if name.isWord("traceparent") || name.isWord("ce_traceparent") {
            if traceparent.isEmpty { traceparent = value }
        } else if name.isWord("content-type") {
            let prefix: StaticString = "application/cloudevents"
            let count = prefix.utf8CodeUnitCount
            if bytes.byteCount >= count, bytes.extracting(0..<count).isWord(prefix) {
                isStructured = true
            }
        }
    }
}
