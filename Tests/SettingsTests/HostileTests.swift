import Settings
import Testing

/// SplitMix64 (Steele, Lea, Flood 2014), so that a failing seed can be run again.
private struct Random: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }
}

@Suite("Hostile files")
struct HostileTests {
    private static let files = ConfigSource(folder: Repository.config, environment: [:]).files

    @Test func `a file that ends anywhere is refused or read, never a crash`() {
        for file in HostileTests.files {
            for end in stride(from: 0, to: file.bytes.count, by: 23) {
                let mistakes = Mistakes()
                _ = YAMLNode.parse(
                    bytes: Array(file.bytes.prefix(end)),
                    file: file.name,
                    mistakes: mistakes
                )
            }
        }
    }

    @Test(arguments: 0..<24)
    func `changed bytes are refused or read, never a crash`(seed: UInt64) {
        var random = Random(state: seed)
        let pieces = [
            "[", "{", "}", "- ", ": ", "\t", "\0", "&a ", "*a", "'", "\"", "|", "${", "\u{2028}",
            "~", "9999999999999999999999", "!", "%", "\n\n", "? ",
        ]
        for _ in 0..<12 {
            var source = ConfigSource(folder: Repository.config, environment: [:])
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let index = Int.random(in: source.files.indices, using: &random)
                guard !source.files[index].bytes.isEmpty else { continue }
                let place = Int.random(in: source.files[index].bytes.indices, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: source.files[index].bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: source.files[index].bytes.removeSubrange(place...)
                case 2:
                    let piece = pieces.randomElement(using: &random) ?? ""
                    source.files[index].bytes.insert(contentsOf: piece.utf8, at: place)
                default:
                    let end = min(place + 40, source.files[index].bytes.count)
                    source.files[index].bytes.removeSubrange(place..<end)
                }
            }
            let report = ConfigReport(source)
            #expect(report.isValid == !report.mistakes.contains { $0.severity == .error })
        }
    }

    @Test(arguments: 0..<8)
    func `what is written is read back`(seed: UInt64) throws {
        var random = Random(state: seed)
        for _ in 0..<20 {
            let tree = tree(depth: 0, &random)
            let text = tree.yaml(masksKeys: false)
            let mistakes = Mistakes()
            let back = YAMLNode.parse(text, file: "a.yaml", mistakes: mistakes)
            #expect(mistakes.all.isEmpty, "\(text)")
            #expect(back.map(values) == values(tree), "\(text)")
        }
    }

    // What a tree means: its marks and the style of its texts do not matter.
    private func values(_ node: YAMLNode) -> String {
        switch node.content {
        case .scalar(let scalar):
            if node.isNull {
                "null"
            } else if let number = node.number {
                "\(number)"
            } else {
                "'\(scalar.text)'"
            }
        case .sequence(let elements): "[\(elements.map(values).joined(separator: ", "))]"
        case .mapping(let entries):
            "{\(entries.map { "\($0.key): \(values($0.value))" }.joined(separator: ", "))}"
        }
    }

    private func tree(depth: Int, _ random: inout Random) -> YAMLNode {
        let mark = Mark(file: "", line: 0, column: 0)
        let texts = [
            "", "a", "a: b", "- x", "#", "x #y", "'", "\"", "\\", "\n", "a\nb\n", " a ", "5", "-5",
            "1e+5",
            "0x10", "~", "null", "true", "é", "\u{1F600}", "[", "{}", "&a", "*a", "!x", "%", "@",
            "`", "\t",
            "\u{7f}", "\u{85}", "\u{2028}", "\u{feff}", "a  b", "${X}", "http://u@h/x", "-", "--- ",
            "...",
        ]
        let text = texts.randomElement(using: &random) ?? ""
        switch depth > 3 ? 0 : Int.random(in: 0..<4, using: &random) {
        case 0, 1:
            return YAMLNode(text: text, isQuoted: Bool.random(using: &random), at: mark)
        case 2:
            let count = Int.random(in: 0..<4, using: &random)
            return YAMLNode(
                .sequence((0..<count).map { _ in tree(depth: depth + 1, &random) }),
                at: mark
            )
        default:
            let count = Int.random(in: 0..<4, using: &random)
            let entries = (0..<count).map { number in
                YAMLNode.Entry(
                    key: "\(text)\(number)",
                    mark: mark,
                    value: tree(depth: depth + 1, &random)
                )
            }
            return YAMLNode(.mapping(entries), at: mark)
        }
    }

    @Test func `a mountain of mistakes is cut`() {
        let keys = (0..<5_000).map { "k\($0): 1" }.joined(separator: "\n")
        #expect(Samples.mistakes(Samples.files(policies: keys)).count == Mistakes.max)
    }

    @Test func `a condition nested deeply is refused`() {
        let deep =
            String(repeating: "{not: ", count: 30) + "{country: IN}"
            + String(repeating: "}", count: 30)
        let found = Samples.mistakes(Samples.files(flow: Samples.flow + "\nentry: \(deep)\n"))
        #expect(found.count == 1)
        #expect(found.first?.contains("a condition nested too deeply") == true)
    }

    @Test func `the same files give the same report`() {
        let source = ConfigSource(folder: Repository.config, environment: [:])
        #expect(ConfigReport(source).description == ConfigReport(source).description)
    }
}
