// Which parts of a record stand in its packed form; what is not there has its first value.

struct HeadParts: OptionSet {
    let rawValue: UInt16

    static let isAmbiguous = HeadParts(rawValue: 1 << 0)
    static let isKnown = HeadParts(rawValue: 1 << 1)
    static let lastClick = HeadParts(rawValue: 1 << 2)
    static let traitZone = HeadParts(rawValue: 1 << 3)
    static let contextZone = HeadParts(rawValue: 1 << 4)
    static let locale = HeadParts(rawValue: 1 << 5)
    static let country = HeadParts(rawValue: 1 << 6)
    static let endpoints = HeadParts(rawValue: 1 << 7)
    static let carts = HeadParts(rawValue: 1 << 8)
    static let orders = HeadParts(rawValue: 1 << 9)
    static let sends = HeadParts(rawValue: 1 << 10)
    static let enrollments = HeadParts(rawValue: 1 << 11)
    static let views = HeadParts(rawValue: 1 << 12)
    static let traits = HeadParts(rawValue: 1 << 13)
    static let entries = HeadParts(rawValue: 1 << 14)
}

struct LineParts: OptionSet {
    let rawValue: UInt8

    static let price = LineParts(rawValue: 1 << 0)
    static let isOne = LineParts(rawValue: 1 << 1)
    static let quantity = LineParts(rawValue: 1 << 2)
    static let id = LineParts(rawValue: 1 << 3)
    static let name = LineParts(rawValue: 1 << 4)
    static let url = LineParts(rawValue: 1 << 5)
    static let imageURL = LineParts(rawValue: 1 << 6)
    /// The product is a ware, which says its hash and all texts.
    static let ware = LineParts(rawValue: 1 << 7)
}

struct CartParts: OptionSet {
    let rawValue: UInt8

    static let checkout = CartParts(rawValue: 1 << 0)
    static let order = CartParts(rawValue: 1 << 1)
    static let orderText = CartParts(rawValue: 1 << 2)
    static let currency = CartParts(rawValue: 1 << 3)
    static let base = CartParts(rawValue: 1 << 4)
    static let isCheckout = CartParts(rawValue: 1 << 5)
    static let hadLines = CartParts(rawValue: 1 << 6)
    /// The key is the hash of its text.
    static let isHashed = CartParts(rawValue: 1 << 7)
}

struct EnrollmentParts: OptionSet {
    let rawValue: UInt16

    static let isRunning = EnrollmentParts(rawValue: 1 << 0)
    static let wasDueWhenArmed = EnrollmentParts(rawValue: 1 << 1)
    static let isDeferred = EnrollmentParts(rawValue: 1 << 2)
    static let entity = EnrollmentParts(rawValue: 1 << 3)
    static let firstIdentifier = EnrollmentParts(rawValue: 1 << 4)
    static let traceparent = EnrollmentParts(rawValue: 1 << 5)
    static let lines = EnrollmentParts(rawValue: 1 << 6)
    static let channels = EnrollmentParts(rawValue: 1 << 7)
    static let past = EnrollmentParts(rawValue: 1 << 8)
}
