/// How much of a file is taken, whatever it says.
package struct YAMLLimits: Sendable {
    /// Bytes of a file.
    package var bytesMax = 4 << 20
    /// Nodes, aliases counted as often as they are used.
    package var nodesMax = 200_000
    /// Mappings and sequences inside each other.
    package var depthMax = 48

    /// The defaults.
    package init() {}
}

extension YAMLNode {
    /// Reads a text that holds one YAML document; nil after an error that leaves no tree.
    ///
    /// An empty file is an empty mapping. Every error goes to `mistakes`.
    package static func parse(
        _ text: String,
        file: String,
        mistakes: Mistakes,
        limits: YAMLLimits = YAMLLimits()
    ) -> YAMLNode? {
        parse(bytes: Array(text.utf8), file: file, mistakes: mistakes, limits: limits)
    }

    /// Reads bytes that hold one YAML document; nil after an error that leaves no tree.
    package static func parse(
        bytes: [UInt8],
        file: String,
        mistakes: Mistakes,
        limits: YAMLLimits = YAMLLimits()
    ) -> YAMLNode? {
        let start = Mark(file: file, line: 1, column: 1)
        guard bytes.count <= limits.bytesMax else {
            mistakes.add("the file is longer than \(limits.bytesMax) bytes", at: start)
            return nil
        }
        var composer = YAMLComposer(
            events: YAMLEvents(bytes, file: file),
            limits: limits,
            mistakes: mistakes
        )
        do {
            return try composer.document() ?? YAMLNode(.mapping([]), at: start)
        } catch {
            mistakes.add(error.text, at: error.mark)
            return nil
        }
    }
}

/// Builds the tree of a document out of its events.
///
/// Recursive, but never deeper than the limit allows.
private struct YAMLComposer: ~Copyable {
    /// What ends the reading of a file.
    struct Failure: Error {
        var text: String
        var mark: Mark
    }

    private var events: YAMLEvents
    private let limits: YAMLLimits
    private let mistakes: Mistakes
    // What anchors stand for, with the number of nodes in it; looked up by name only.
    private var anchors: [String: (node: YAMLNode, count: Int)] = [:]
    private var count = 0

    init(events: consuming YAMLEvents, limits: YAMLLimits, mistakes: Mistakes) {
        self.events = events
        self.limits = limits
        self.mistakes = mistakes
    }

    /// The only document, or nil if there is none.
    mutating func document() throws(Failure) -> YAMLNode? {
        var root: YAMLNode?
        while true {
            let event = events.next()
            switch event {
            case .end: return root
            case .documentStart:
                if root != nil { throw failure("a second document; a file holds one") }
                root = try node(events.next(), depth: 0)
            case .failure(let text): throw failure(text)
            default: continue
            }
        }
    }

    private func failure(_ text: String) -> Failure { Failure(text: text, mark: events.mark) }

    private mutating func node(_ event: YAMLEvent, depth: Int) throws(Failure) -> YAMLNode {
        guard depth <= limits.depthMax else {
            throw failure("more than \(limits.depthMax) levels inside each other")
        }
        let mark = events.mark
        let before = count
        try take(1)
        let node: YAMLNode
        let name: String?
        switch event {
        case .scalar(let text, let isQuoted, let anchor):
            node = YAMLNode(text: text, isQuoted: isQuoted, at: mark)
            name = anchor
        case .sequenceStart(let anchor):
            node = YAMLNode(.sequence(try elements(depth: depth)), at: mark)
            name = anchor
        case .mappingStart(let anchor):
            node = YAMLNode(.mapping(try entries(depth: depth)), at: mark)
            name = anchor
        case .alias(let anchor):
            guard let known = anchors[anchor] else {
                throw failure("`*\(anchor)` is no anchor above this place")
            }
            try take(known.count)
            return known.node
        case .tagged(let tag):
            throw failure("type tags such as `\(tag)` are not used; leave it out")
        case .failure(let text):
            throw failure(text)
        default:
            throw failure("the file ends too early")
        }
        if let name { anchors[name] = (node, count - before) }
        return node
    }

    // An alias counts as much as what it stands for: ten lines cannot become a billion nodes.
    private mutating func take(_ more: Int) throws(Failure) {
        count += more
        if count > limits.nodesMax {
            throw failure("more than \(limits.nodesMax) values, aliases included")
        }
    }

    private mutating func elements(depth: Int) throws(Failure) -> [YAMLNode] {
        var elements: [YAMLNode] = []
        while true {
            let event = events.next()
            if case .sequenceEnd = event { return elements }
            elements.append(try node(event, depth: depth + 1))
        }
    }

    private mutating func entries(depth: Int) throws(Failure) -> [YAMLNode.Entry] {
        var entries: [YAMLNode.Entry] = []
        var lines: [String: Int] = [:]
        while true {
            let event = events.next()
            if case .mappingEnd = event { return entries }
            let mark = events.mark
            let key = try node(event, depth: depth + 1)
            guard let text = key.text else {
                throw Failure(
                    text: "a key must be a single word, not a list or mapping",
                    mark: mark
                )
            }
            let value = try node(events.next(), depth: depth + 1)
            if let line = lines[text] {
                mistakes.add("the key `\(text)` stands in line \(line) already", at: mark)
            } else {
                lines[text] = mark.line
                entries.append(YAMLNode.Entry(key: text, mark: mark, value: value))
            }
        }
    }
}
