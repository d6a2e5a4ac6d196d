import Events

/// When each second of a clock was over that goes on with what is sent.
///
/// Bounded: it remembers the last seconds only.
package struct SecondsSent: Sendable {
    private var over: [Int64]
    // The newest second; everything before it is over.
    private var newest: Int64?

    /// - Parameter room: how many seconds are remembered.
    package init(room: Int = 4_096) { over = Array(repeating: 0, count: max(1, room)) }

    /// Notes an event.
    ///
    /// - Parameters:
    ///   - eventTime: what the clock shows with it at least, in milliseconds since 1970.
    ///   - intended: when it was to be sent, in microseconds since 1970.
    package mutating func note(eventTime: Int64, intended: Int64) {
        let second = EventTime(milliseconds: eventTime).second
        guard let before = newest else {
            newest = second
            return
        }
        if second <= before { return }
        for passed in max(before, second - Int64(over.count))..<second {
            over[place(passed)] = intended
        }
        newest = second
    }

    /// When the event came that ended the second of a time in milliseconds, in microseconds since
    /// 1970; nil if it is not over, or not known (any more).
    package func end(of time: Int64) -> Int64? {
        let second = EventTime(milliseconds: time).second
        guard let newest, second < newest, second >= newest - Int64(over.count) else { return nil }
        let end = over[place(second)]
        return end > 0 ? end : nil
    }

    private func place(_ second: Int64) -> Int {
        let remainder = Int(second % Int64(over.count))
        return remainder < 0 ? remainder + over.count : remainder
    }
}
