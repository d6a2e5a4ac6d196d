import Foundation

/// One option of a command.
struct Option {
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
        var table: [option] = []
        let names = options.map(\.name) + ["help"]
        let pointers = unsafe names.map { unsafe strdup($0) }
        defer { for pointer in unsafe pointers { unsafe free(pointer) } }
        for (index, name) in names.enumerated() {
            let takesValue = name != "help" && options[index].value != nil
            unsafe table.append(
                option(
                    name: pointers[index], has_arg: takesValue ? 1 : 0, flag: nil,
                    val: Int32(1_000 + index)))
        }
        unsafe table.append(option())
        var arguments = unsafe (["collie"] + words).map { unsafe strdup($0) } + [nil]
        defer { for pointer in unsafe arguments { unsafe free(pointer) } }
        let count = Int32(words.count + 1)
        // The messages are our own: they say what would be right.
        opterr = 0
        optind = 0
        while true {
            let code = unsafe getopt_long(count, &arguments, ":", &table, nil)
            if code == -1 { break }
            let index = Int(code) - 1_000
            guard names.indices.contains(index) else {
                let word = unsafe String(cString: arguments[Int(optind) - 1]!)
                throw Arguments.mistake(word, code, options)
            }
            let value = unsafe optarg.map { unsafe String(cString: $0) } ?? ""
            values[names[index], default: []].append(value)
            // A repeated option takes the words that follow it, too.
            guard index < options.count, options[index].isRepeated else { continue }
            while optind < count {
                let word = unsafe String(cString: arguments[Int(optind)]!)
                if word.hasPrefix("-"), word != "-" { break }
                values[names[index], default: []].append(word)
                optind += 1
            }
        }
        while optind < count {
            unsafe rest.append(String(cString: arguments[Int(optind)]!))
            optind += 1
        }
    }

    private static func mistake(
        _ word: String, _ code: Int32, _ options: [Option]
    ) -> UsageError {
        if code == Int32(UInt8(ascii: ":")) {
            return UsageError(description: "option \(word) needs a value")
        }
        let known = options.map { "--" + $0.name }.joined(separator: " ")
        return UsageError(description: "unknown option \(word); there are: \(known) --help")
    }

    /// Whether a switch was given.
    func has(_ name: String) -> Bool { values[name] != nil }

    /// The last value of an option, or nil.
    func last(_ name: String) -> String? { values[name]?.last }

    /// All values of an option.
    func all(_ name: String) -> [String] { values[name] ?? [] }

    /// A whole number within bounds, or the default.
    func number(
        _ name: String, default standard: Int, in bounds: ClosedRange<Int>
    ) throws(UsageError) -> Int {
        guard let text = last(name) else { return standard }
        guard let number = Int(text), bounds.contains(number) else {
            throw UsageError(
                description: """
                    --\(name) takes a whole number from \(bounds.lowerBound) to \
                    \(bounds.upperBound), not "\(text)"
                    """)
        }
        return number
    }

    /// A span such as `90s`, `5m` or `2h` in seconds, or the default.
    func seconds(_ name: String, default standard: Double) throws(UsageError) -> Double {
        guard let text = last(name) else { return standard }
        let units: [Character: Double] = ["s": 1, "m": 60, "h": 3_600]
        let factor = text.last.flatMap { units[$0] }
        guard let number = Double(factor == nil ? text : String(text.dropLast())), number > 0 else {
            throw UsageError(description: "--\(name) takes a span such as 30s or 5m, not \"\(text)\"")
        }
        return number * (factor ?? 1)
    }
}
