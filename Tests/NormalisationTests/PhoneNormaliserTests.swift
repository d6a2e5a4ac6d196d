import CPhoneNumber
import Foundation
import Normalisation
import TestData
import Testing

private func country(_ code: String) -> UInt16 {
    code.utf8.reduce(0) { $0 << 8 | UInt16($1) }
}

private struct Answer: Equatable {
    var text: String
    var country: UInt16
    var isPlaceholder: Bool
}

extension PhoneNormaliser {
    fileprivate mutating func answer(_ text: String) -> Answer? {
        var output = [UInt8](repeating: 0, count: PhoneNormaliser.outputMax)
        let input = Array(text.utf8)
        let phone = output.withUnsafeMutableBytes { normalise(input.span.bytes, into: $0) }
        return phone.map {
            Answer(
                text: String(decoding: output.prefix($0.length), as: UTF8.self),
                country: $0.country,
                isPlaceholder: $0.isPlaceholder
            )
        }
    }
}

/// What libphonenumber itself says, without our fast path.
private func asked(_ text: String, _ region: String = "ZZ") -> String? {
    var output = [CChar](repeating: 0, count: 32)
    let length = cphone_parse(text, text.utf8.count, region, &output, 32)
    guard length > 0 else { return nil }
    return String(decoding: output.prefix(length).map(UInt8.init), as: UTF8.self)
}

private struct Example {
    var region: String
    var national: String
    var international: String
    var e164: String
}

private let examples: [Example] = {
    let text = sharedFile("data/normalisation/phone_examples.csv") ?? Data()
    return String(decoding: text, as: UTF8.self).split(whereSeparator: \.isNewline).dropFirst().map
    {
        let columns = $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        return Example(
            region: columns[0],
            national: columns[3],
            international: columns[4],
            e164: columns[5]
        )
    }
}()

@Suite("Phone numbers")
struct PhoneNormaliserTests {
    @Test func `one number written in many ways is one number`() {
        var india = PhoneNormaliser(defaultCountry: country("IN"))
        let forms = [
            "+919812345678", "+91 98123 45678", "+91-98123-45678", " +91 (98123) 45.678\n",
            "00919812345678", "00 91 98123 45678", "9812345678", "098123 45678", "98123-45678",
            "tel:+91-9812345678", "+91 98123 45678 ext. 5", "+९१ 98123 45678",
            "\u{feff}+91\u{a0}98123\u{a0}45678",
        ]
        for form in forms {
            let answer = india.answer(form)
            #expect(answer?.text == "+919812345678", "\(form)")
            #expect(answer?.country == country("IN"), "\(form)")
            #expect(answer?.isPlaceholder == false, "\(form)")
        }
    }

    @Test(arguments: [
        "", " ", "+", "00", "n/a", "guest", "12", "+91", "+91 98", "+999 12345678", "+0 12345678",
        "+91 981234567890123", "+1 555 12", "++", "+91+98123", "\u{0}\u{1}",
        "123456789012345678901234567890123456789012345678901234567890123456789",
    ])
    func `what is no number is refused`(text: String) {
        var normaliser = PhoneNormaliser(defaultCountry: country("IN"))
        #expect(normaliser.answer(text) == nil)
    }

    @Test func `bytes that are no text are refused and never trap`() {
        var normaliser = PhoneNormaliser(defaultCountry: country("IN"))
        var random = Random(state: 5)
        var output = [UInt8](repeating: 0, count: PhoneNormaliser.outputMax)
        for _ in 0..<20_000 {
            let alphabet = Array("+0123456789 -().x/;=\u{e9}".utf8) + [0xff, 0x80, 0, 10]
            let input = (0..<random.next(41)).map { _ in alphabet[random.next(alphabet.count)] }
            let phone = output.withUnsafeMutableBytes {
                normaliser.normalise(input.span.bytes, into: $0)
            }
            if let phone { #expect(phone.length > 1 && phone.length <= 20) }
        }
    }

    @Test func `without a default country only calling codes are read`() {
        var nobody = PhoneNormaliser(defaultCountry: 0)
        #expect(nobody.answer("9812345678") == nil)
        #expect(nobody.answer("+48 512 345 678")?.text == "+48512345678")
        #expect(nobody.answer("0048 512 345 678")?.text == "+48512345678")
    }

    @Test func `00 is a calling code's beginning also where other digits are dialled`() {
        var america = PhoneNormaliser(defaultCountry: country("US"))
        #expect(america.answer("0044 20 7946 0018")?.text == "+442079460018")
        #expect(america.answer("011 44 20 7946 0018")?.text == "+442079460018")
        #expect(america.answer("(212) 555-0123")?.text == "+12125550123")
        // In Korea 001 is dialled before one.
        var korea = PhoneNormaliser(defaultCountry: country("KR"))
        #expect(korea.answer("001 44 20 7946 0018")?.text == "+442079460018")
        #expect(korea.answer("00 82 2 312 3456")?.text == "+8223123456")
    }

    @Test func `a prefix for calls inside the country is taken off also behind a calling code`() {
        var normaliser = PhoneNormaliser(defaultCountry: 0)
        #expect(normaliser.answer("+44 (0)20 7946 0018")?.text == "+442079460018")
        // Italy's nought stays.
        #expect(normaliser.answer("+39 06 1234 5678")?.text == "+390612345678")
    }

    @Test(arguments: [
        "9999999999", "1234567890", "+91 99999 99999", "+1 (555) 555-5555", "00000000",
        "+911234567890", "0123456789",
    ])
    func `numbers typed to fill a field are placeholders`(text: String) {
        #expect(PhoneNormaliser.isPlaceholder(Array(text.utf8).span.bytes) || text.contains("+"))
        var normaliser = PhoneNormaliser(defaultCountry: country("IN"))
        if let answer = normaliser.answer(text) { #expect(answer.isPlaceholder) }
    }

    @Test(arguments: ["+919812345678", "+12125550123", "9876501234", "+911112345678"])
    func `other numbers are not`(text: String) {
        var normaliser = PhoneNormaliser(defaultCountry: country("IN"))
        #expect(normaliser.answer(text)?.isPlaceholder == false)
    }

    @Test func `countries that share a calling code are told apart by the digits behind it`() {
        var normaliser = PhoneNormaliser(defaultCountry: 0)
        func found(_ text: String) -> UInt16? { normaliser.answer(text)?.country }
        #expect(found("+1 212 555 0123") == country("US"))
        #expect(found("+1 416 555 0123") == country("CA"))
        #expect(found("+1 876 555 0123") == country("JM"))
        #expect(found("+7 495 123 45 67") == country("RU"))
        #expect(found("+7 701 123 45 67") == country("KZ"))
        #expect(found("+44 7400 123456") == country("GB"))
        #expect(found("+44 7781 123456") == 0 || found("+44 7781 123456") == country("GG"))
        // Free numbers are everybody's.
        #expect(found("+1 800 555 0123") == 0)
        #expect(found("+800 1234 5678") == 0)
    }

    @Test func `an answer does not depend on what was asked before`() {
        var warm = PhoneNormaliser(defaultCountry: country("IN"))
        let texts = (0..<3_000).map { "0\(6_000_000_000 + $0 * 1_234_577)" }
        for text in texts + texts.reversed() {
            #expect(warm.answer(text)?.text == asked(text, "IN"))
        }
    }

    @Test(.enabled(if: !examples.isEmpty, "../shared/data/normalisation is absent"))
    func `every country's numbers are read in all their forms`() {
        // What the installed library is too old to know.
        let known = examples.filter { asked($0.e164) == $0.e164 }
        #expect(known.count > examples.count - 20)
        for (region, examples) in Dictionary(grouping: known, by: \.region) {
            // "001" is no country: services of their own calling code.
            var normaliser = PhoneNormaliser(
                defaultCountry: region.utf8.count == 2 ? country(region) : 0
            )
            for example in examples {
                var forms = [example.e164, example.international]
                if region.utf8.count == 2 { forms.append(example.national) }
                forms.append("00" + example.e164.dropFirst())
                for form in forms {
                    #expect(
                        normaliser.answer(form)?.text == example.e164,
                        "\(region) \(form)"
                    )
                }
            }
        }
    }

    @Test(.enabled(if: !examples.isEmpty, "../shared/data/normalisation is absent"))
    func `a number's country is the library's, or unknown`() {
        var normaliser = PhoneNormaliser(defaultCountry: 0)
        var found = 0
        for example in examples {
            let expected = cphone_country(example.e164, example.e164.utf8.count)
            guard expected != 0, let answer = normaliser.answer(example.e164) else { continue }
            #expect(answer.country == 0 || answer.country == expected, "\(example)")
            if answer.country != 0 { found += 1 }
        }
        #expect(found > examples.count * 4 / 5)
    }

    @Test func `with a calling code the library would say the same`() {
        var normaliser = PhoneNormaliser(defaultCountry: 0)
        var random = Random(state: 11)
        var possible = 0
        for _ in 0..<60_000 {
            // Codes of one, two and three digits alike; lengths around those that are possible.
            let code =
                random.next(2) == 0
                ? [1, 7, 44, 49, 54, 52, 55, 86, 91][random.next(9)]
                : 1 + random.next(999)
            var text = "+\(code)"
            for _ in 0..<4 + random.next(10) { text += String(random.next(10)) }
            let answer = normaliser.answer(text)
            #expect(answer?.text == asked(text), "\(text)")
            if answer != nil { possible += 1 }
        }
        #expect(possible > 10_000)
    }
}

/// Numbers that are the same in every run.
private struct Random {
    var state: UInt64

    mutating func next(_ bound: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int((state >> 33) % UInt64(bound))
    }
}
