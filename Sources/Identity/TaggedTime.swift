import Events

/// An instant and a byte beside it, in eight bytes.
///
/// Exact for a million years around 1970; beyond that there is only the latest of all times and none.
struct TaggedTime: BitwiseCopyable {
    private static let last: Int64 = (1 << 55) - 1

    private var bits: UInt64

    init(_ time: EventTime, tag: UInt8) {
        let limited = max(-TaggedTime.last - 1, min(TaggedTime.last, time.milliseconds))
        bits = UInt64(bitPattern: limited << 8) | UInt64(tag)
    }

    var time: EventTime {
        get {
            let value = Int64(bitPattern: bits) >> 8
            if value == TaggedTime.last { return EventTime(milliseconds: .max) }
            return value == -TaggedTime.last - 1 ? .none : EventTime(milliseconds: value)
        }
        set { self = TaggedTime(newValue, tag: tag) }
    }

    var tag: UInt8 {
        get { UInt8(truncatingIfNeeded: bits) }
        set { bits = bits & ~0xff | UInt64(newValue) }
    }

    /// One bit of the tag.
    subscript(bit: UInt8) -> Bool {
        get { bits >> UInt64(bit) & 1 != 0 }
        set { bits = bits & ~(1 << UInt64(bit)) | (newValue ? 1 << UInt64(bit) : 0) }
    }
}
