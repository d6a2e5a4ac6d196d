import Foundation
import Testing

/// The documents say what is there.
@Suite("Documents")
struct DocumentTests {
    static let documents = ["README.md"] + Repository.files(below: "Sources", ending: ".md")

    @Test(arguments: documents)
    func `links lead somewhere`(path: String) throws {
        let folder = URL(fileURLWithPath: path).relativePath
            .split(separator: "/").dropLast().joined(separator: "/")
        for match in try Repository.text(path).matches(of: /\]\(([^)\s]+)\)/) {
            let link = String(match.1)
            if link.hasPrefix("http") || link.hasPrefix("#") { continue }
            let target = link.split(separator: "#").first.map(String.init) ?? link
            let place = folder.isEmpty ? target : folder + "/" + target
            #expect(Repository.exists(place), "\(path): \(link)")
        }
    }

    @Test func `the map shows every module`() throws {
        let map = try Repository.text("Sources/README.md")
        for module in LayerTests.modules where module != "CAllocationCounter" {
            #expect(map.contains("`\(module)`"), "\(module)")
        }
    }

    @Test func `make targets exist`() throws {
        let makefile = try Repository.text("Makefile")
        for path in DocumentTests.documents {
            for match in try Repository.text(path).matches(of: /(?:`|\$ )make ([a-z]+)/) {
                let isThere = makefile.contains("\n\(match.1):")
                #expect(isThere, "\(path): make \(match.1)")
            }
        }
    }

    private static func options(in path: String) throws -> Set<String> {
        let text = try Repository.text(path)
        return Set(text.matches(of: /Option\(\s*name: "([a-z-]+)"/).map { String($0.1) })
    }

    /// The options of each command, read from where it is declared.
    private func commands() throws -> [String: Set<String>] {
        var commands: [String: Set<String>] = [:]
        for path in Repository.files(below: "Sources/collie", ending: "Command.swift") {
            let text = try Repository.text(path)
            guard let name = text.firstMatch(of: /= Command\(\s*name: "([a-z]+)"/)?.1 else {
                continue
            }
            var options = try DocumentTests.options(in: path)
            if text.contains("configOption,") { options.insert("config") }
            if text.contains("trafficOptions") {
                options.formUnion(
                    try DocumentTests.options(in: "Sources/collie/TrafficOptions.swift")
                )
            }
            commands[String(name)] = options.union(["help"])
        }
        return commands
    }

    @Test func `commands and their options exist`() throws {
        let commands = try commands()
        #expect(commands.count >= 6)
        let pages = DocumentTests.documents.filter { $0.hasSuffix("README.md") }
        for path in pages {
            // Lines that a backslash continues are one.
            let text = try Repository.text(path).replacing("\\\n", with: " ")
            for match in text.matches(of: /(?m)(?:^|[`\/$ ])collie ([a-z]+)\b([^`|\n]*)/)
            where isCode(match.range, of: text) {
                let options = try #require(commands[String(match.1)], "\(path): \(match.0)")
                for option in match.2.matches(of: /--([a-z-]+)/) {
                    let isThere = options.contains(String(option.1))
                    #expect(isThere, "\(path): \(match.0)")
                }
            }
        }
    }

    /// Whether a place stands between backquotes: in a span of its line, or in a block.
    private func isCode(_ range: Range<String.Index>, of text: String) -> Bool {
        let before = text[..<range.lowerBound]
        if before.matches(of: /(?m)^```/).count % 2 == 1 { return true }
        if text[range].hasPrefix("`") { return true }
        let line = before.reversed().prefix { $0 != "\n" }
        return line.count { $0 == "`" } % 2 == 1
    }
}
