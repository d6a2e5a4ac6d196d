import CPlatform
import Foundation
import Settings

/// One option of a command.
struct Option: Sendable {
    /// Long name without dashes.
    var name: String
    /// What stands for its value in the help, or nil for a switch.
    var value: String?
    /// May be given several times, or take several values in a row.
    var isRepeated = false
    /// One line of help.
    var help: String
}

/// What a mistake on the command line says; the exit code is 2.
struct UsageError: Error, CustomStringConvertible {
    var description: String
}

/// The options of a command, read with the C library's `getopt_long`, which also understands
/// unambiguous beginnings of names.
struct Arguments {
    private var values: [String: [String]] = [:]
    /// What is no option.
    private(set) var rest: [String] = []

    /// Reads the words behind the command's name.
    init(_ words: [String], options: [Option]) throws(UsageError) {
        let all = options + [Option(name: "help", help: "Shows this.")]
        // Copies for the C library, freed when everything is read.
        let names = unsafe all.map { unsafe strdup($0.name)! }
        let copies = unsafe (["collie"] + words).map { unsafe strdup($0)! }
        defer {
            for index in unsafe names.indices { unsafe free(names[index]) }
            for index in unsafe copies.indices { unsafe free(copies[index]) }
        }
        let table = unsafe all.indices.map {
            unsafe collie_option(name: names[$0], takes_value: all[$0].value != nil)
        }
        let count = Int32(words.count + 1)
        collie_options_begin()
        while Int(collie_options_rest()) < Int(count) || values.isEmpty {
            var found: UnsafePointer<CChar>?
            let code = unsafe collie_options_next(count, copies, table, Int32(all.count), &found)
            let text = unsafe found.map { unsafe String(cString: $0) } ?? ""
            if code == -1 {
                let next = Int(collie_options_rest())
                guard next < count else { break }
                // A word that is no option; options may still follow.
                rest.append(words[next - 1])
                collie_options_skip()
                continue
            }
            guard code >= 0 else { throw Arguments.mistake(text, code, all) }
            let option = all[Int(code)]
            values[option.name, default: []].append(text)
            // A repeated option takes the words that follow it, too.
            guard option.isRepeated else { continue }
            while Int(collie_options_rest()) < count {
                let word = words[Int(collie_options_rest()) - 1]
                if word.hasPrefix("-"), word != "-" { break }
                values[option.name, default: []].append(word)
                collie_options_skip()
            }
        }
    }

    private static func mistake(
        _ word: String,
        _ code: Int32,
        _ options: [Option]
    ) -> UsageError {
        if code == -3 { return UsageError(description: "option \(word) needs a value") }
        // Of `--name=value` the name alone is compared.
        let name = String(word.prefix { $0 != "=" })
        let remedy = Suggestion.remedy(for: name, among: options.map { "--" + $0.name })
        return UsageError(description: "unknown option \(name)\(remedy)")
    }

    /// Whether a switch was given.
    func has(_ name: String) -> Bool { values[name] != nil }

    /// The last value of an option, or nil.
    func last(_ name: String) -> String? { values[name]?.last }

    /// All values of an option.
    func all(_ name: String) -> [String] { values[name] ?? [] }

    /// A whole number within bounds, or the default.
    func number(
        _ name: String,
        default standard: Int,
        in bounds: ClosedRange<Int>
    ) throws(UsageError) -> Int {
        guard let text = last(name) else { return standard }
        guard let number = Int(text), bounds.contains(number) else {
            throw UsageError(
                description: """
                    --\(name) takes a whole number from \(bounds.lowerBound) to \
                    \(bounds.upperBound), not "\(text)"
                    """
            )
        }
        return number
    }

    /// A span such as `90s`, `5m` or `2h` in seconds, or the default.
    func seconds(_ name: String, default standard: Double) throws(UsageError) -> Double {
        guard let text = last(name) else { return standard }
        let units: [Character: Double] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
        let factor = text.last.flatMap { units[$0] }
        guard let number = Double(factor == nil ? text : String(text.dropLast())), number > 0 else {
            throw UsageError(
                description: "--\(name) takes a span such as 30s, 5m or 2h, not \"\(text)\""
            )
        }
        return number * (factor ?? 1)
    }
}
