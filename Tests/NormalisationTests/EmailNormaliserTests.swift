import Foundation
import Normalisation
import TestData
import Testing

private func normalise(_ text: String, _ options: EmailNormaliser.Options = []) -> String? {
    normalise(bytes: Array(text.utf8), options)
}

private func normalise(bytes: [UInt8], _ options: EmailNormaliser.Options = []) -> String? {
    var output = [UInt8](repeating: 0, count: EmailNormaliser.outputMax)
    let length = output.withUnsafeMutableBytes {
        EmailNormaliser(options).normalise(bytes.span.bytes, into: $0)
    }
    return length.map { String(decoding: output.prefix($0), as: UTF8.self) }
}

/// A row of the file: its options are those of validator.js.
private struct Row: Decodable {
    var input: String
    var options: [String: Bool]
    var expected: Expected

    enum Expected: Decodable {
        case address(String)
        case refused

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let address = try? container.decode(String.self) {
                self = .address(address)
            } else {
                self = .refused
            }
        }
    }
}

private let rows: [Row] =
    sharedFile("data/normalisation/email_normalise.json")
    .flatMap { try? JSONDecoder().decode([Row].self, from: $0) } ?? []

@Suite("E-mail addresses")
struct EmailNormaliserTests {
    @Test(arguments: [
        (" Foo@X.com ", "foo@x.com"), ("foo@x.com", "foo@x.com"),
        ("\tA.B+c@GMAIL.com\r\n", "a.b+c@gmail.com"),
        ("\"foo@bar\"@baz.com", "\"foo@bar\"@baz.com"),
        ("HANS@M\u{dc}LLER.de", "hans@m\u{fc}ller.de"),
        // Composed and decomposed are one address.
        ("cafe\u{301}@x.com", "caf\u{e9}@x.com"), ("caf\u{e9}@x.com", "caf\u{e9}@x.com"),
        ("\u{feff}a@x.com\u{200b}", "a@x.com"), ("\u{a0}a@x.com\u{3000}", "a@x.com"),
    ])
    func `an address is trimmed, lower-cased and composed`(text: String, expected: String) {
        let result = normalise(text)
        #expect(result.map { Array($0.utf8) } == Array(expected.utf8), "\(result ?? "nil")")
    }

    @Test(arguments: [
        "", " ", "@", "a@", "@x.com", "guest", "a b@x.com", "a@x .com", "a@b@x.com",
        "a@x.com\u{0}b",
        "a\u{7f}@x.com", "\u{e9} e@x.com", "\u{e9}\u{a0}e@x.com", "\u{e9}@", "@\u{e9}",
    ])
    func `what is no address is refused`(text: String) {
        #expect(normalise(text) == nil)
    }

    @Test func `invalid UTF-8 is refused`() {
        #expect(normalise(bytes: [0xc3, 0x28, 0x40, 0x78]) == nil)
        #expect(normalise(bytes: [0xff, 0x40, 0x78]) == nil)
    }

    @Test func `an address has at most 254 bytes`() {
        let domain = "@x.com"
        let longest = String(repeating: "a", count: 254 - domain.count) + domain
        #expect(normalise(longest) == longest)
        #expect(normalise("a" + longest) == nil)
        #expect(normalise("\u{e9}" + longest.dropFirst()) == nil)
        #expect(normalise(String(repeating: " ", count: 100) + longest) == longest)
    }

    @Test func `mailboxes that Gmail takes for one are one only if asked for`() {
        #expect(normalise("a.b+c@googlemail.com") == "a.b+c@googlemail.com")
        #expect(normalise("a.b+c@googlemail.com", .ignoreDots) == "ab+c@gmail.com")
        #expect(normalise("a.b+c@gmail.com", .ignorePlusTags) == "a.b@gmail.com")
        #expect(normalise("A.b+c@Gmail.com", [.ignoreDots, .ignorePlusTags]) == "ab@gmail.com")
        #expect(normalise("a.b+c@x.com", [.ignoreDots, .ignorePlusTags]) == "a.b+c@x.com")
        #expect(normalise("+c@gmail.com", .ignorePlusTags) == nil)
        #expect(normalise("a.b.c.d.e.f.g.@gmail.com", .ignoreDots) == "abcdefg@gmail.com")
    }

    @Test(.enabled(if: !rows.isEmpty, "../shared/data/normalisation is absent"))
    func `addresses normalise as in other products where the options are ours`() {
        var compared = 0
        for row in rows {
            // Ours: lower case always, Gmail's dots, tags and two domains, and no other provider's.
            let lower = row.input.lowercased()
            let isGmail = lower.hasSuffix("@gmail.com") || lower.hasSuffix("@googlemail.com")
            let others = ["icloud", "me", "outlook", "hotmail", "live", "msn", "yahoo", "ymail"]
            let isFolded =
                others.contains { lower.contains("@\($0).") }
                && lower.contains { "+-".contains($0) }
            let isYandex = lower.contains("@ya")
            guard !isYandex, !isFolded else { continue }
            guard row.options["gmail_convert_googlemaildotcom"] != false else { continue }
            var options: EmailNormaliser.Options = []
            if isGmail {
                if row.options["gmail_remove_dots"] != false { options.insert(.ignoreDots) }
                if row.options["gmail_remove_subaddress"] != false {
                    options.insert(.ignorePlusTags)
                }
            }
            switch row.expected {
            case .refused: #expect(normalise(row.input, options) == nil, "\(row.input)")
            case .address(let address):
                // Lower case is not an option of ours.
                #expect(normalise(row.input, options) == address.lowercased(), "\(row)")
            }
            compared += 1
        }
        #expect(compared > 50)
    }
}
