extension [UInt8] {
    /// The bytes, lent without a type.
    package var raw: RawSpan {
        @_lifetime(borrow self)
        get {
            // Bytes have no padding between them.
            unsafe span.bytes
        }
    }

    /// A copy of lent bytes.
    package init(copying bytes: RawSpan) {
        self = unsafe bytes.withUnsafeBytes { unsafe Array($0) }
    }
}
