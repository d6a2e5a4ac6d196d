import Settings
import Testing

@Suite("YAML")
struct YAMLTests {
    private func parse(_ text: String) -> (node: YAMLNode?, mistakes: [String]) {
        let mistakes = Mistakes()
        let node = YAMLNode.parse(text, file: "a.yaml", mistakes: mistakes)
        return (node, mistakes.sorted.map(\.description))
    }

    @Test func `every node knows its file, line and column`() throws {
        let (node, mistakes) = parse("a: 1\nb:\n  - x\n  - {c: 'é', d: y}\n")
        #expect(mistakes.isEmpty)
        let root = try #require(node)
        #expect(root["a"]?.mark == Mark(file: "a.yaml", line: 1, column: 4))
        #expect(root["b"]?.elements?[0].mark == Mark(file: "a.yaml", line: 3, column: 5))
        // Columns count characters, not bytes.
        #expect(root["b"]?.elements?[1]["d"]?.mark == Mark(file: "a.yaml", line: 4, column: 17))
        #expect(root.entries?[1].mark == Mark(file: "a.yaml", line: 2, column: 1))
    }

    @Test func `mappings keep their order and quotes are remembered`() throws {
        let root = try #require(parse("z: 1\na: '1'\nm: |\n  text\n").node)
        #expect(root.entries?.map(\.key) == ["z", "a", "m"])
        #expect(root["z"]?.scalar?.isQuoted == false)
        #expect(root["a"]?.scalar?.isQuoted == true)
        #expect(root["m"]?.text == "text\n")
    }

    @Test func `nothing is a truth value or a number by itself`() throws {
        let root = try #require(parse("a: NO\nb: 21:00\nc: 0x10\nd: ~\n").node)
        #expect(root["a"]?.text == "NO")
        #expect(root["b"]?.text == "21:00")
        #expect(root["c"]?.number == nil)
        #expect(root["d"]?.isNull == true)
    }

    @Test func `aliases stand for what they name`() throws {
        let root = try #require(parse("a: &x {k: 1}\nb: *x\n").node)
        #expect(root["b"]?["k"]?.text == "1")
    }

    @Test(arguments: [
        ("a: 1\na: 2\n", "a.yaml:2:1: error: the key `a` stands in line 1 already"),
        ("a:\n\tb: 1\n", "a.yaml:2:1: error: a tab cannot indent YAML; use spaces"),
        ("a: *x\n", "a.yaml:1:4: error: `*x` is no anchor above this place"),
        ("a: &x [*x]\n", "a.yaml:1:8: error: `*x` is no anchor above this place"),
        (
            "a: !!int 3\n",
            "a.yaml:1:4: error: type tags such as `tag:yaml.org,2002:int` are not used; leave it out"
        ),
        ("a: 1\n---\nb: 2\n", "a.yaml:2:1: error: a second document; a file holds one"),
        ("? [a]\n: 1\n", "a.yaml:1:3: error: a key must be a single word, not a list or mapping"),
        (
            "a: b: c\n",
            "a.yaml:1:5: error: a `: ` is not possible here; put a text that contains it in quotes"
        ),
        (
            "a: @b\n",
            "a.yaml:1:4: error: this character cannot begin a value; put the value in quotes"
        ),
        ("a: 'b\n", "a.yaml:2:1: error: the file ends inside a quoted text"),
        (
            "a: 1\n b: 2\n",
            "a.yaml:2:3: error: a `: ` is not possible here; put a text that contains it in quotes"
        ),
    ])
    func `what is wrong is said with its place`(text: String, message: String) {
        #expect(parse(text).mistakes == [message])
    }

    @Test func `bytes that are no text are refused`() {
        let mistakes = Mistakes()
        let node = YAMLNode.parse(
            bytes: Array("a: 1\nb: ".utf8) + [0xff],
            file: "a.yaml",
            mistakes: mistakes
        )
        #expect(node == nil)
        #expect(mistakes.all.first?.mark.line == 2)
        #expect(mistakes.all.first?.text.hasPrefix("this is no UTF-8 text") == true)
    }

    @Test func `an empty file is an empty mapping`() {
        #expect(parse("").node?.entries?.isEmpty == true)
        #expect(parse("# nothing\n").node?.entries?.isEmpty == true)
    }

    @Test func `an alias bomb is refused`() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1..<12 {
            let names = [String](repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            text += "a\(level): &a\(level) [\(names)]\n"
        }
        #expect(
            parse(text).mistakes.first?.hasSuffix("more than 200000 values, aliases included")
                == true
        )
    }

    @Test func `deep nesting is refused`() {
        let text = String(repeating: "[", count: 100_000)
        #expect(
            parse(text).mistakes == ["a.yaml:1:50: error: more than 48 levels inside each other"]
        )
        let dashes = String(repeating: "- ", count: 100_000)
        #expect(parse(dashes).mistakes.count == 1)
    }
}
