import Events

/// Why a record is no event, and the field that is to blame.
struct Rejection: Error {
    var reason: DeadLetterReason
    var path: StaticString

    init(_ reason: DeadLetterReason, _ path: StaticString = "") {
        self.reason = reason
        self.path = path
    }
}
