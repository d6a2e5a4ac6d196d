@_spi(_Unicode) import Swift

/// Writes e-mail addresses the one way in which they can be compared (ID-1): trimmed, in lower
/// case, in Unicode's composed form.
///
/// Nearly all addresses are ASCII and are copied byte by byte; the others go through a Swift
/// string. Whether a mailbox exists is not asked: an address is a name, an @, and a domain,
/// without spaces, of at most 254 bytes.
package struct EmailNormaliser: Sendable {
    /// What else is taken for the same mailbox; nothing, unless a shop says so.
    package struct Options: OptionSet, Sendable {
        package let rawValue: UInt8
        /// Makes a set.
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        /// Gmail delivers a.b@ and ab@ alike.
        package static var ignoreDots: Options { Options(rawValue: 1) }
        /// Gmail delivers a+anything@ to a@.
        package static var ignorePlusTags: Options { Options(rawValue: 2) }
    }

    /// Room that the output needs; no address is longer (RFC 5321).
    package static var outputMax: Int { 254 }
    // What is not worth making a string of.
    private static let inputMax = 1_024

    private let options: Options

    /// Makes a normaliser.
    package init(_ options: Options = []) { self.options = options }

    /// Writes an address in its normal form and answers its length, or nil if it is none.
    ///
    /// ASCII allocates nothing. The output needs `outputMax` bytes and must not overlap the input.
    package func normalise(
        _ input: RawSpan,
        into output: UnsafeMutableRawBufferPointer
    ) -> Int? {
        guard output.count >= EmailNormaliser.outputMax,
            input.byteCount <= EmailNormaliser.inputMax
        else { return nil }
        var isASCII = true
        for index in 0..<input.byteCount where input.byte(index) >= 128 { isASCII = false }
        guard isASCII else {
            // The output is as long as needed.
            return unsafe normaliseUnicode(input, into: output)
        }
        var first = 0
        var end = input.byteCount
        while first < end, input.byte(first) <= 32 { first += 1 }
        while end > first, input.byte(end - 1) <= 32 { end -= 1 }
        let count = end - first
        guard count <= EmailNormaliser.outputMax else { return nil }
        for index in 0..<count {
            let byte = input.byte(first + index)
            guard byte > 32, byte != 127 else { return nil }
            // Below `count`, which fits.
            unsafe output[index] = byte >= 65 && byte <= 90 ? byte | 32 : byte
        }
        // As above.
        return unsafe check(output, count: count)
    }

    // Finds the @ in the bytes written, and applies the options.
    private func check(_ output: UnsafeMutableRawBufferPointer, count: Int) -> Int? {
        var at = count - 1
        // Each index below is within the bytes written.
        while at >= 0, unsafe output[at] != UInt8(ascii: "@") { at -= 1 }
        guard at > 0, at < count - 1 else { return nil }
        // Only a name in quotes may hold another @.
        let isQuoted = unsafe at >= 3 && output[0] == 34 && output[at - 1] == 34
        for index in 0..<at where unsafe !isQuoted && output[index] == UInt8(ascii: "@") {
            return nil
        }
        guard !options.isEmpty, !isQuoted else { return count }
        return unsafe fold(output, count: count, at: at)
    }

    // Rewrites Gmail's addresses in place.
    private func fold(_ output: UnsafeMutableRawBufferPointer, count: Int, at: Int) -> Int? {
        // Bytes written, as in the caller; the copy only moves to the left.
        let domain = unsafe UnsafeRawBufferPointer(rebasing: output[(at + 1)..<count])
        guard unsafe equal(domain, "gmail.com") || equal(domain, "googlemail.com") else {
            return count
        }
        let dot = UInt8(ascii: ".")
        var length = 0
        var byte: UInt8 = 0
        for index in 0..<at {
            let previous = byte
            byte = unsafe output[index]
            let next = unsafe output[index + 1]
            if byte == UInt8(ascii: "+"), options.contains(.ignorePlusTags) { break }
            // Two dots in a row are no address of Gmail's; they are left as they are.
            let isLoneDot = byte == dot && previous != dot && next != dot
            if isLoneDot, options.contains(.ignoreDots) { continue }
            unsafe output[length] = byte
            length += 1
        }
        guard length > 0 else { return nil }
        for byte in "@gmail.com".utf8 {
            unsafe output[length] = byte
            length += 1
        }
        return length
    }

    private func equal(_ bytes: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
        // Both are read within their counts.
        guard bytes.count == text.utf8CodeUnitCount else { return false }
        for index in 0..<text.utf8CodeUnitCount
        where unsafe bytes[index] != text.utf8Start[index] {
            return false
        }
        return true
    }

    // MARK: Beyond ASCII

    private func normaliseUnicode(
        _ input: RawSpan,
        into output: UnsafeMutableRawBufferPointer
    ) -> Int? {
        // Copied into a string at once; invalid UTF-8 is no address.
        let text = unsafe input.withUnsafeBytes { unsafe String(validating: $0, as: UTF8.self) }
        guard let text else { return nil }
        var scalars = Substring(text).unicodeScalars
        while let scalar = scalars.first, isBlank(scalar) { scalars.removeFirst() }
        while let scalar = scalars.last, isBlank(scalar) { scalars.removeLast() }
        var count = 0
        for scalar in String(scalars).lowercased()._nfc {
            guard !isBlank(scalar) || scalar.properties.isJoinControl else { return nil }
            for byte in UTF8.encode(scalar)! {
                guard count < EmailNormaliser.outputMax else { return nil }
                // Just seen to fit.
                unsafe output[count] = byte
                count += 1
            }
        }
        // The bytes just written.
        return unsafe check(output, count: count)
    }

    // What surrounds a pasted address unseen, and stands in none.
    private func isBlank(_ scalar: Unicode.Scalar) -> Bool {
        let properties = scalar.properties
        if properties.isWhitespace { return true }
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: return true
        default: return false
        }
    }
}
