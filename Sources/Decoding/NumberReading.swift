import Events

/// Reads a decimal number exactly, in millionths; nil if it is none or too large.
///
/// Digits beyond the sixth place are rounded half away from zero. No binary fraction is made on
/// the way, so 0.1 is 100,000 millionths and nothing else. Takes what JSON takes, and a plus sign.
func readMillionths(_ bytes: RawSpan) -> Int64? {
    var index = 0
    let count = bytes.byteCount
    guard count > 0 else { return nil }
    let isNegative = bytes.byte(0) == UInt8(ascii: "-")
    if isNegative || bytes.byte(0) == UInt8(ascii: "+") { index = 1 }
    // The digits without their point, and where the point belongs.
    var digits: UInt64 = 0
    var places = 0
    var isAnyDigit = false
    var isBehindPoint = false
    // The first digit that no longer fits in, for rounding.
    var dropped: UInt8 = 0
    var isFull = false
    while index < count {
        let byte = bytes.byte(index)
        let digit = byte &- 48
        if digit < 10 {
            isAnyDigit = true
            if digits >= 100_000_000_000_000_000 {
                if !isFull { dropped = digit }
                isFull = true
                if !isBehindPoint { places -= 1 }
            } else {
                digits = digits * 10 + UInt64(digit)
                if isBehindPoint { places += 1 }
            }
        } else if byte == UInt8(ascii: "."), !isBehindPoint, isAnyDigit {
            isBehindPoint = true
        } else {
            break
        }
        index += 1
    }
    guard isAnyDigit else { return nil }
    if index < count {
        guard let exponent = readExponent(bytes, from: index) else { return nil }
        places -= exponent
    }
    guard digits != 0 else { return 0 }
    var shift = 6 - places
    while shift > 0 {
        let (product, overflow) = digits.multipliedReportingOverflow(by: 10)
        guard !overflow else { return nil }
        digits = product
        shift -= 1
    }
    if shift < -19 { return 0 }
    while shift < 0 {
        dropped = UInt8(digits % 10)
        digits /= 10
        shift += 1
    }
    if dropped >= 5 { digits += 1 }
    guard digits <= UInt64(Int64.max) else { return nil }
    return isNegative ? -Int64(digits) : Int64(digits)
}

// The exponent that ends a number; far ones are cut, which leaves them far.
private func readExponent(_ bytes: RawSpan, from start: Int) -> Int? {
    var index = start
    guard bytes.byte(index) | 0x20 == UInt8(ascii: "e") else { return nil }
    index += 1
    guard index < bytes.byteCount else { return nil }
    let isNegative = bytes.byte(index) == UInt8(ascii: "-")
    if isNegative || bytes.byte(index) == UInt8(ascii: "+") { index += 1 }
    guard index < bytes.byteCount else { return nil }
    var exponent = 0
    while index < bytes.byteCount {
        let digit = bytes.byte(index) &- 48
        guard digit < 10 else { return nil }
        exponent = min(exponent * 10 + Int(digit), 100_000)
        index += 1
    }
    return isNegative ? -exponent : exponent
}

/// Reads a number as a `Double`, for conditions that compare; nil if it is none.
///
/// Up to 15 digits and powers of ten up to 22 are exact; beyond that the last bits may differ from
/// the nearest, which is the same for every decoder.
func readDouble(_ bytes: RawSpan) -> Double? {
    var index = 0
    let count = bytes.byteCount
    guard count > 0 else { return nil }
    let isNegative = bytes.byte(0) == UInt8(ascii: "-")
    if isNegative { index = 1 }
    var digits: UInt64 = 0
    var power = 0
    var isBehindPoint = false
    while index < count {
        let byte = bytes.byte(index)
        let digit = byte &- 48
        if digit < 10 {
            if digits < 1_000_000_000_000_000_000 {
                digits = digits * 10 + UInt64(digit)
                if isBehindPoint { power -= 1 }
            } else if !isBehindPoint {
                power += 1
            }
        } else if byte == UInt8(ascii: "."), !isBehindPoint {
            isBehindPoint = true
        } else {
            break
        }
        index += 1
    }
    if index < count {
        guard let exponent = readExponent(bytes, from: index) else { return nil }
        power += exponent
    }
    var value = Double(digits)
    var factor = 10.0
    var steps = min(power.magnitude, 400)
    // Squaring: the powers up to 22 are exact, so one step is rounded only once.
    var scale = 1.0
    while steps > 0 {
        if steps & 1 != 0 { scale *= factor }
        factor *= factor
        steps >>= 1
    }
    value = power < 0 ? value / scale : value * scale
    return isNegative ? -value : value
}
