import CPhoneNumber

/// What a phone number turned out to be; its text stands in the caller's buffer.
package struct NormalisedPhone: BitwiseCopyable, Equatable, Sendable {
    /// Bytes written: the plus sign, the calling code, the national number.
    package var length: Int
    /// The number's country as two packed ASCII letters, high byte first; 0 is unknown.
    package var country: UInt16
    /// Whether people type such a number to fill a field (ID-3): it identifies nobody.
    package var isPlaceholder: Bool

    /// Makes a result.
    package init(length: Int, country: UInt16, isPlaceholder: Bool) {
        self.length = length
        self.country = country
        self.isPlaceholder = isPlaceholder
    }
}

/// Writes phone numbers the one way in which they can be compared: E.164.
///
/// Think of a clerk with a list of calling codes on the desk. A number that comes with its calling
/// code is checked against the list and copied; only what is written for people of one country is
/// carried over to the library, and the clerk keeps the last few answers in a drawer.
///
/// Owned by one decoder. What it answers depends on the number and the default country alone, so
/// any number of decoders agrees. The drawer holds 512 answers; a new one replaces the one in its
/// place.
package struct PhoneNormaliser: ~Copyable, Sendable {
    /// Room that the output needs.
    package static var outputMax: Int { 24 }
    /// Longer texts are no phone numbers.
    private static var inputMax: Int { 64 }

    private let plan = PhonePlan.shared
    /// The default country for the library, ended by a zero; "ZZ" is none.
    private let region: [CChar]
    private var answers: [Answer]

    /// What the library said of a text.
    private struct Answer: Sendable {
        static let textMax = 32
        static let count = 512
        var textLength: UInt8 = 0
        var length: UInt8 = 0
        var text: InlineArray<32, UInt8> = .init(repeating: 0)
        var output: InlineArray<24, UInt8> = .init(repeating: 0)
    }

    /// Makes a normaliser.
    ///
    /// - Parameter defaultCountry: whose national numbers are read, as packed letters; with 0 only
    ///   numbers with a calling code are.
    package init(defaultCountry: UInt16) {
        var letters = [
            CChar(truncatingIfNeeded: defaultCountry >> 8),
            CChar(truncatingIfNeeded: defaultCountry), 0,
        ]
        if letters[0] < 65 || letters[0] > 90 || letters[1] < 65 || letters[1] > 90 {
            letters = [90, 90, 0]
        }
        region = letters
        answers = Array(repeating: Answer(), count: Answer.count)
    }

    /// Writes a number as E.164, or answers nil if it is none.
    ///
    /// A number with its calling code is not carried to the library unless digits may have to go,
    /// and then allocates nothing; the library allocates. The output needs `outputMax` bytes and
    /// must not overlap the input.
    package mutating func normalise(
        _ input: RawSpan,
        into output: UnsafeMutableRawBufferPointer
    ) -> NormalisedPhone? {
        guard output.count >= PhoneNormaliser.outputMax else { return nil }
        var first = 0
        var end = input.byteCount
        while first < end, isSpace(input.byte(first)) { first += 1 }
        while end > first, isSpace(input.byte(end - 1)) { end -= 1 }
        guard end > first, end - first <= PhoneNormaliser.inputMax else { return nil }
        let text = input.extracting(first..<end)

        let has00 = text.byteCount > 2 && text.byte(0) == 48 && text.byte(1) == 48
        guard has00 || text.byte(0) == UInt8(ascii: "+") else {
            // The output was just seen to be long enough, here and below.
            return unsafe ask(text, into: output)
        }
        let copied = unsafe copy(text, from: has00 ? 2 : 1, into: output)
        if case .copied(let phone) = copied { return phone }
        guard has00 else {
            if case .impossible = copied { return nil }
            return unsafe ask(text, into: output)
        }
        // Whoever wrote 00 meant a calling code, also where other digits are dialled before one.
        var plus = InlineArray<64, UInt8>(repeating: UInt8(ascii: "+"))
        for index in 2..<text.byteCount { plus[index - 1] = text.byte(index) }
        // Bytes have no padding between them.
        let rewritten = unsafe plus.span.bytes.extracting(0..<text.byteCount - 1)
        if case .unsure = copied {
            let phone = unsafe ask(rewritten, into: output)
            if let phone { return phone }
        }
        return unsafe ask(text, into: output)
    }

    private func isSpace(_ byte: UInt8) -> Bool { byte == 32 || byte >= 9 && byte <= 13 }

    // MARK: Fast path

    private enum Copying {
        case copied(NormalisedPhone)
        /// The length is wrong.
        case impossible
        /// Only the library can tell.
        case unsure
    }

    // Copies the digits behind a plus sign or its like, if the plan vouches for them.
    private func copy(
        _ text: RawSpan,
        from start: Int,
        into output: UnsafeMutableRawBufferPointer
    ) -> Copying {
        var count = 0
        for index in start..<text.byteCount {
            let byte = text.byte(index)
            switch byte {
            case 48...57:
                // Room for 20 digits behind the plus sign, in an output of at least 24.
                guard count < 20 else { return .impossible }
                count += 1
                unsafe output[count] = byte
            case UInt8(ascii: " "), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "("),
                UInt8(ascii: ")"):
                continue
            default:
                return .unsure
            }
        }
        // Calling codes are prefix-free: the first that exists is the one.
        var code = 0
        var codeLength = 0
        repeat {
            guard codeLength < min(3, count) else { return .unsure }
            codeLength += 1
            // One of the digits just written.
            code = code * 10 + Int(unsafe output[codeLength] - 48)
        } while !plan.hasCode(code)
        let national = count - codeLength
        guard national >= 4 else { return .unsure }
        var prefix = 0
        // Four of the digits just written.
        for index in 1...3 { prefix = prefix * 10 + Int(unsafe output[codeLength + index] - 48) }
        guard !plan.mayStrip(prefix, after: code) else { return .unsure }
        guard plan.allows(national, after: code) else { return .impossible }
        unsafe output[0] = UInt8(ascii: "+")
        return .copied(unsafe describe(output, length: count + 1, code: code, codeLength))
    }

    // What is to be said of digits that stand in the output behind the plus sign.
    private func describe(
        _ output: UnsafeMutableRawBufferPointer,
        length: Int,
        code: Int,
        _ codeLength: Int
    ) -> NormalisedPhone {
        var prefix = 0
        if length > codeLength + 4 {
            // In the length just compared.
            for index in 1...4 {
                prefix = prefix * 10 + Int(unsafe output[codeLength + index] - 48)
            }
        }
        var whole = PlaceholderScan()
        var national = PlaceholderScan()
        for index in 1..<length {
            // Within the bytes written.
            let digit = unsafe output[index] - 48
            whole.add(digit)
            if index > codeLength { national.add(digit) }
        }
        return NormalisedPhone(
            length: length,
            country: plan.country(prefix, after: code),
            isPlaceholder: whole.isPlaceholder || national.isPlaceholder
        )
    }

    // MARK: The library

    // Asks the library, or the drawer if it was asked the same before.
    private mutating func ask(
        _ text: RawSpan,
        into output: UnsafeMutableRawBufferPointer
    ) -> NormalisedPhone? {
        guard text.byteCount <= Answer.textMax else {
            // The output's length is the caller's.
            return unsafe interpret(output, length: parse(text, into: output), of: text)
        }
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for index in 0..<text.byteCount {
            hash = (hash ^ UInt64(text.byte(index))) &* 0x0000_0100_0000_01b3
        }
        let slot = Int((hash ^ hash >> 32) % UInt64(Answer.count))
        if !holds(slot, text) {
            // As above.
            let length = unsafe parse(text, into: output)
            var answer = Answer()
            answer.textLength = UInt8(text.byteCount)
            answer.length = UInt8(length)
            for index in 0..<text.byteCount { answer.text[index] = text.byte(index) }
            // The library wrote so many, at most 24.
            for index in 0..<length { answer.output[index] = unsafe output[index] }
            answers[slot] = answer
        }
        let length = Int(answers[slot].length)
        // The output has room for every answer kept.
        for index in 0..<length { unsafe output[index] = answers[slot].output[index] }
        return unsafe interpret(output, length: length, of: text)
    }

    private func holds(_ slot: Int, _ text: RawSpan) -> Bool {
        guard Int(answers[slot].textLength) == text.byteCount else { return false }
        for index in 0..<text.byteCount where answers[slot].text[index] != text.byte(index) {
            return false
        }
        return true
    }

    private func parse(_ text: RawSpan, into output: UnsafeMutableRawBufferPointer) -> Int {
        // The library reads the text and the letters and writes at most so many bytes.
        unsafe text.withUnsafeBytes { bytes in
            unsafe region.withUnsafeBufferPointer { region in
                unsafe cphone_parse(
                    bytes.baseAddress!.assumingMemoryBound(to: CChar.self),
                    bytes.count,
                    region.baseAddress!,
                    output.baseAddress!.assumingMemoryBound(to: CChar.self),
                    PhoneNormaliser.outputMax
                )
            }
        }
    }

    private func interpret(
        _ output: UnsafeMutableRawBufferPointer,
        length: Int,
        of text: RawSpan
    ) -> NormalisedPhone? {
        guard length > 1 else { return nil }
        var code = 0
        for index in 1..<min(4, length) {
            // Within the bytes written.
            code = code * 10 + Int(unsafe output[index] - 48)
            if plan.hasCode(code) {
                // As above.
                var phone = unsafe describe(output, length: length, code: code, index)
                phone.isPlaceholder = phone.isPlaceholder || PhoneNormaliser.isPlaceholder(text)
                return phone
            }
        }
        return nil
    }

    // MARK: Placeholders

    /// Whether a text's digits are typed only to fill a field, such as 9999999999 and 1234567890.
    package static func isPlaceholder(_ text: RawSpan) -> Bool {
        var scan = PlaceholderScan()
        for index in 0..<text.byteCount {
            let byte = text.byte(index)
            if byte >= 48, byte <= 57 { scan.add(byte - 48) }
        }
        return scan.isPlaceholder
    }
}

/// Looks for digits that are all the same, or count up, nine followed by nought.
private struct PlaceholderScan {
    private var count = 0
    private var last: UInt8 = 0
    private var isSame = true
    private var isRising = true

    mutating func add(_ digit: UInt8) {
        if count > 0 {
            isSame = isSame && digit == last
            isRising = isRising && digit == (last + 1) % 10
        }
        last = digit
        count += 1
    }

    /// Shorter runs happen in real numbers.
    var isPlaceholder: Bool { isSame && count >= 6 || isRising && count >= 7 }
}

extension RawSpan {
    /// The byte at an offset, checked.
    func byte(_ offset: Int) -> UInt8 {
        // Any bits are a byte; the offset is checked by the call.
        unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }
}
