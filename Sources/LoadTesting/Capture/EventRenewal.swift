import Decoding
import Events

/// Makes new events of recorded ones: their times move, and their messageIds are marked, so that
/// neither the deployment's memory of repeats nor its idea of how old an event may be drops them.
///
/// What else they say stays byte for byte, also in records that are no events. Times keep their
/// distance from each other: an event that came ten minutes late does so again. Read is what Collie
/// reads (`messageId`, `timestamp`, `originalTimestamp`, `sentAt`, `receivedAt`; of CloudEvents `id`
/// and `time`, in the headers or around the data). Memory is reused.
package struct EventRenewal {
    /// The value, renewed.
    package private(set) var value: [UInt8] = []
    /// The headers, renewed.
    package private(set) var headers: [UInt8] = []
    /// The number of its new messageId; nil if it has none.
    package private(set) var messageID: UInt64?
    /// When the event says it happened, moved, in milliseconds since 1970; nil if it does not say.
    package private(set) var eventTime: Int64?

    private let mark: [UInt8]
    private var times = EventTimeReader()
    private var writer = EventWriter()
    private var found = Found()
    private var shift: Int64 = 0

    // A messageId that would be longer with the mark loses its end; Collie refuses longer ones.
    private static let messageIDMax = 100

    private enum Field {
        case messageID, timestamp, originalTimestamp, sentAt, receivedAt, id, time
    }

    // Times before they move.
    private struct Found {
        var messageID: UInt64?
        var id: UInt64?
        var timestamp: Int64?
        var originalTimestamp: Int64?
        var sentAt: Int64?
        var receivedAt: Int64?
        var time: Int64?
    }

    /// - Parameter mark: put behind every messageId; another one for each time that events are
    ///   played.
    package init(mark: String) { self.mark = Array(mark.utf8) }

    /// Renews a record; what became of it stands in the properties until the next call.
    ///
    /// - Parameters:
    ///   - shift: what is added to all times, in milliseconds.
    ///   - time: the record's own time, already moved.
    package mutating func renew(_ record: TrafficRecord, shift: Int64, time: Int64) {
        self.shift = shift
        found = Found()
        headers.removeAll(keepingCapacity: true)
        if !record.headers.isEmpty { renewHeaders(record.headers) }
        value.removeAll(keepingCapacity: true)
        if let bytes = record.value { renewValue(bytes) }
        messageID = found.messageID ?? found.id
        eventTime = happened(receivedAt: time)
    }

    /// When it happened, as Collie reckons it: the device's clock is corrected by when it sent.
    private func happened(receivedAt time: Int64) -> Int64? {
        if let original = found.originalTimestamp, let sent = found.sentAt {
            let sending = sent - original
            let received = found.receivedAt.map { $0 + shift } ?? time
            if sending >= 0, sending <= 86_400_000 { return received - sending }
        }
        return (found.timestamp ?? found.originalTimestamp ?? found.time).map { $0 + shift }
    }

    // MARK: JSON

    private static func field(_ bytes: ArraySlice<UInt8>) -> Field? {
        func isWord(_ text: StaticString) -> Bool {
            // A static string lives for ever.
            unsafe bytes.elementsEqual(
                UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
            )
        }
        switch bytes.count {
        case 2: return isWord("id") ? .id : nil
        case 4: return isWord("time") ? .time : nil
        case 6: return isWord("sentAt") ? .sentAt : nil
        case 9: return isWord("messageId") ? .messageID : isWord("timestamp") ? .timestamp : nil
        case 10: return isWord("receivedAt") ? .receivedAt : nil
        case 17: return isWord("originalTimestamp") ? .originalTimestamp : nil
        default: return nil
        }
    }

    private mutating func renewValue(_ bytes: [UInt8]) {
        let end = bytes.count
        var place = 0
        var copied = 0
        var depth = 0
        // Inside the data of a structured CloudEvent, whose fields are the event's.
        var isInData = false
        while place < end {
            switch bytes[place] {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                place += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if depth < 2 { isInData = false }
                place += 1
            case UInt8(ascii: "\""):
                let close = EventRenewal.close(of: bytes, from: place + 1)
                let name = bytes[min(place + 1, close)..<close]
                place = min(close + 1, end)
                guard depth == 1 || depth == 2 && isInData else { continue }
                let colon = EventRenewal.skipSpace(bytes, from: place)
                guard colon < end, bytes[colon] == UInt8(ascii: ":") else { continue }
                let begin = EventRenewal.skipSpace(bytes, from: colon + 1)
                guard begin < end else { continue }
                place = begin
                if depth == 1, bytes[begin] == UInt8(ascii: "{"), name.elementsEqual("data".utf8) {
                    isInData = true
                    continue
                }
                guard let field = EventRenewal.field(name) else { continue }
                if depth == 2, field == .id || field == .time { continue }
                let isText = bytes[begin] == UInt8(ascii: "\"")
                let first = isText ? begin + 1 : begin
                let last =
                    isText
                    ? EventRenewal.close(of: bytes, from: first)
                    : EventRenewal.endOfNumber(bytes, from: first)
                guard last > first else { continue }
                value.append(contentsOf: bytes[copied..<first])
                renew(field, bytes[first..<last], isText: isText, isHeader: false)
                copied = last
                place = isText ? min(last + 1, end) : last
            default: place += 1
            }
        }
        value.append(contentsOf: bytes[copied..<end])
    }

    /// The place of the quotation mark that ends a text.
    private static func close(of bytes: [UInt8], from begin: Int) -> Int {
        var place = begin
        while place < bytes.count {
            if bytes[place] == UInt8(ascii: "\"") { return place }
            place += bytes[place] == UInt8(ascii: "\\") ? 2 : 1
        }
        return bytes.count
    }

    private static func skipSpace(_ bytes: [UInt8], from begin: Int) -> Int {
        var place = begin
        while place < bytes.count, bytes[place] <= 32 { place += 1 }
        return place
    }

    private static func endOfNumber(_ bytes: [UInt8], from begin: Int) -> Int {
        var place = begin
        while place < bytes.count, bytes[place] &- 48 < 10 || bytes[place] == UInt8(ascii: ".") {
            place += 1
        }
        return place
    }

    /// Writes a field's new value and notes what it was.
    private mutating func renew(
        _ field: Field,
        _ bytes: ArraySlice<UInt8>,
        isText: Bool,
        isHeader: Bool
    ) {
        var new: [UInt8]
        switch field {
        case .messageID, .id:
            new = Array(bytes)
            if isText {
                new.removeLast(max(0, new.count + mark.count - EventRenewal.messageIDMax))
                new += mark
            }
            let hash = MessageIDHash(new).value
            if field == .id { found.id = hash } else { found.messageID = hash }
        case .timestamp, .originalTimestamp, .sentAt, .receivedAt, .time:
            new = Array(bytes)
            let time = isText ? times.read(new.raw) : times.read(number: new.raw)
            if let time {
                note(time.milliseconds, as: field)
                new = moved(time.milliseconds, of: new, isText: isText)
            }
        }
        if isHeader { headers += new } else { value += new }
    }

    private mutating func note(_ time: Int64, as field: Field) {
        switch field {
        case .timestamp: found.timestamp = time
        case .originalTimestamp: found.originalTimestamp = time
        case .sentAt: found.sentAt = time
        case .receivedAt: found.receivedAt = time
        case .time: found.time = time
        case .messageID, .id: break
        }
    }

    /// A time, moved, in the form it had: RFC 3339, or digits.
    private mutating func moved(_ time: Int64, of old: [UInt8], isText: Bool) -> [UInt8] {
        if shift == 0 { return old }
        let time = time + shift
        if isText, old.contains(UInt8(ascii: "-")) {
            writer.begin()
            writer.put(time: time)
            return writer.bytes
        }
        // Thirteen digits are milliseconds; fewer are seconds.
        let isSeconds = old.prefix { $0 != UInt8(ascii: ".") }.count < 12
        return Array(String(isSeconds ? time / 1_000 : time).utf8)
    }

    // MARK: Headers

    private mutating func renewHeaders(_ packed: [UInt8]) {
        var place = 0
        while place + 2 <= packed.count {
            let name = place + 2..<place + 2 + Int(packed.number(at: place, bytes: 2))
            guard name.upperBound + 4 <= packed.count else { break }
            let length = Int(packed.number(at: name.upperBound, bytes: 4))
            let text = name.upperBound + 4..<name.upperBound + 4 + length
            guard text.upperBound <= packed.count else { break }
            headers += packed[place..<name.upperBound]
            let lengthPlace = headers.count
            headers += [0, 0, 0, 0]
            switch String(decoding: packed[name], as: UTF8.self).lowercased() {
            case "ce_id" where length > 0: renew(.id, packed[text], isText: true, isHeader: true)
            case "ce_time" where length > 0:
                renew(.time, packed[text], isText: true, isHeader: true)
            default: headers += packed[text]
            }
            let newLength = headers.count - lengthPlace - 4
            for index in 0..<4 {
                headers[lengthPlace + index] = UInt8(truncatingIfNeeded: newLength >> (8 * index))
            }
            place = text.upperBound
        }
        headers += packed[place...]
    }
}
