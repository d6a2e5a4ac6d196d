/// An instant of event time: milliseconds since 1970-01-01T00:00:00Z.
///
/// Collie never asks a clock below `Engine`; every instant comes in as a value.
@frozen
@usableFromInline
package struct EventTime: BitwiseCopyable, Hashable, Comparable, Sendable {
    /// Milliseconds since the epoch; negative before 1970.
    @usableFromInline package var milliseconds: Int64

    /// Makes an instant from milliseconds since 1970.
    @inlinable
    package init(milliseconds: Int64) { self.milliseconds = milliseconds }

    /// Makes an instant from whole seconds since 1970.
    @inlinable
    package init(second: Int64) { milliseconds = second &* 1_000 }

    /// No instant: earlier than every other.
    @inlinable
    package static var none: EventTime { EventTime(milliseconds: .min) }

    /// Whether there is an instant at all.
    @inlinable
    package var isSet: Bool { milliseconds != .min }

    /// The whole second this instant lies in, rounded down.
    @inlinable
    package var second: Int64 {
        let quotient = milliseconds / 1_000
        return milliseconds % 1_000 < 0 ? quotient - 1 : quotient
    }

    @inlinable
    package static func < (left: EventTime, right: EventTime) -> Bool {
        left.milliseconds < right.milliseconds
    }

    @inlinable
    package static func + (left: EventTime, right: TimeSpan) -> EventTime {
        let (sum, overflow) = left.milliseconds.addingReportingOverflow(right.milliseconds)
        if overflow { return EventTime(milliseconds: right.milliseconds > 0 ? .max : .min + 1) }
        return EventTime(milliseconds: sum)
    }

    @inlinable
    package static func - (left: EventTime, right: TimeSpan) -> EventTime {
        left + TimeSpan(milliseconds: 0 &- right.milliseconds)
    }

    @inlinable
    package static func - (left: EventTime, right: EventTime) -> TimeSpan {
        let (span, overflow) = left.milliseconds.subtractingReportingOverflow(right.milliseconds)
        if overflow { return TimeSpan(milliseconds: left > right ? .max : .min + 1) }
        return TimeSpan(milliseconds: span)
    }
}

/// A length of event time in milliseconds.
@frozen
@usableFromInline
package struct TimeSpan: BitwiseCopyable, Hashable, Comparable, Sendable {
    /// The length in milliseconds.
    @usableFromInline package var milliseconds: Int64

    /// Makes a span of milliseconds.
    @inlinable
    package init(milliseconds: Int64) { self.milliseconds = milliseconds }

    /// A span of whole seconds.
    @inlinable
    package static func seconds(_ count: Int64) -> TimeSpan {
        TimeSpan(milliseconds: count &* 1_000)
    }

    /// A span of minutes.
    @inlinable
    package static func minutes(_ count: Int64) -> TimeSpan { seconds(count &* 60) }

    /// A span of hours.
    @inlinable
    package static func hours(_ count: Int64) -> TimeSpan { minutes(count &* 60) }

    /// A span of 24-hour days.
    @inlinable
    package static func days(_ count: Int64) -> TimeSpan { hours(count &* 24) }

    /// No time at all.
    @inlinable
    package static var zero: TimeSpan { TimeSpan(milliseconds: 0) }

    /// Longer than anything that is compared with it.
    @inlinable
    package static var unlimited: TimeSpan { TimeSpan(milliseconds: .max / 4) }

    @inlinable
    package static func < (left: TimeSpan, right: TimeSpan) -> Bool {
        left.milliseconds < right.milliseconds
    }

    @inlinable
    package static func + (left: TimeSpan, right: TimeSpan) -> TimeSpan {
        TimeSpan(milliseconds: left.milliseconds &+ right.milliseconds)
    }
}
