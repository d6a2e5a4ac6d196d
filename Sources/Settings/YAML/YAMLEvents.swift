import CYAML

/// One thing that the parser met.
enum YAMLEvent {
    case documentStart
    case alias(anchor: String)
    case scalar(text: String, isQuoted: Bool, anchor: String?)
    case sequenceStart(anchor: String?)
    case sequenceEnd
    case mappingStart(anchor: String?)
    case mappingEnd
    /// A type tag such as `!!int`, which Collie's files do without.
    case tagged(String)
    case end
    /// The file is no YAML from here on.
    case failure(String)
    /// Nothing that matters.
    case other
}

/// libyaml's events, one by one: the only place where the C library is touched.
@safe
struct YAMLEvents: ~Copyable {
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let bytes: UnsafeMutableBufferPointer<UInt8>
    // The same bytes, for finding places in them.
    private let source: [UInt8]
    private let file: String
    /// Where the last event begins.
    private(set) var mark: Mark

    /// Begins reading; the bytes are copied, since libyaml reads them little by little.
    init(_ text: [UInt8], file: String) {
        self.file = file
        source = text
        mark = Mark(file: file, line: 1, column: 1)
        // The parser lives at one address until the deinit, as libyaml wants it.
        unsafe parser = .allocate(capacity: 1)
        unsafe parser.initialize(to: yaml_parser_t())
        unsafe bytes = .allocate(capacity: max(1, text.count))
        unsafe _ = bytes.initialize(from: text)
        guard unsafe yaml_parser_initialize(parser) == 1 else {
            fatalError("libyaml has no memory")
        }
        unsafe yaml_parser_set_input_string(parser, bytes.baseAddress, text.count)
    }

    deinit {
        // Both were allocated in the initialiser and are used by nobody else.
        unsafe yaml_parser_delete(parser)
        unsafe parser.deallocate()
        unsafe bytes.deallocate()
    }

    /// The next event; after `end` or `failure` there is none.
    mutating func next() -> YAMLEvent {
        var event = unsafe yaml_event_t()
        guard unsafe yaml_parser_parse(parser, &event) == 1 else { return failure() }
        // The event owns its texts; they are copied into strings before it is given back.
        defer { unsafe yaml_event_delete(&event) }
        mark = position(unsafe event.start_mark)
        switch unsafe event.type {
        case YAML_DOCUMENT_START_EVENT: return .documentStart
        case YAML_STREAM_END_EVENT: return .end
        case YAML_ALIAS_EVENT:
            return .alias(anchor: unsafe text(event.data.alias.anchor) ?? "")
        case YAML_SCALAR_EVENT:
            let scalar = unsafe event.data.scalar
            if let tag = unsafe text(scalar.tag) { return .tagged(tag) }
            let value = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            return .scalar(
                text: unsafe String(decoding: value, as: UTF8.self),
                isQuoted: unsafe scalar.style != YAML_PLAIN_SCALAR_STYLE,
                anchor: unsafe text(scalar.anchor)
            )
        case YAML_SEQUENCE_START_EVENT:
            let start = unsafe event.data.sequence_start
            if let tag = unsafe text(start.tag) { return .tagged(tag) }
            return .sequenceStart(anchor: unsafe text(start.anchor))
        case YAML_SEQUENCE_END_EVENT: return .sequenceEnd
        case YAML_MAPPING_START_EVENT:
            let start = unsafe event.data.mapping_start
            if let tag = unsafe text(start.tag) { return .tagged(tag) }
            return .mappingStart(anchor: unsafe text(start.anchor))
        case YAML_MAPPING_END_EVENT: return .mappingEnd
        default: return .other
        }
    }

    // A C string of libyaml, which always ends with a zero.
    private func text(_ bytes: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        unsafe bytes.map { unsafe String(cString: $0) }
    }

    private func position(_ mark: yaml_mark_t) -> Mark {
        Mark(file: file, line: Int(mark.line) + 1, column: Int(mark.column) + 1)
    }

    private mutating func failure() -> YAMLEvent {
        // `problem` is a constant text inside libyaml.
        let problem = unsafe parser.pointee.problem.map { unsafe String(cString: $0) }
        if unsafe parser.pointee.error == YAML_READER_ERROR {
            mark = position(ofByte: unsafe parser.pointee.problem_offset)
            return .failure("this is no UTF-8 text (\(problem ?? "unreadable byte"))")
        }
        mark = position(unsafe parser.pointee.problem_mark)
        return .failure(explain(problem ?? "cannot be read"))
    }

    // Says in Collie's words what libyaml says in its own.
    private func explain(_ problem: String) -> String {
        switch problem {
        case "found character that cannot start any token":
            return character(at: mark) == UInt8(ascii: "\t")
                ? "a tab cannot indent YAML; use spaces"
                : "this character cannot begin a value; put the value in quotes"
        case "mapping values are not allowed in this context":
            return "a `: ` is not possible here; put a text that contains it in quotes"
        case "could not find expected ':'":
            return "a key without a value: `key: value` was expected"
        case "did not find expected node content":
            return "a value is missing here; a list or mapping is not closed"
        case "did not find expected key", "did not find expected '-' indicator":
            return "the indentation does not fit to what stands above"
        case "found unexpected end of stream":
            return "the file ends inside a quoted text"
        case "did not find expected ',' or '}'", "did not find expected ',' or ']'":
            return problem.replacing("did not find expected", with: "here belongs")
        default:
            return "no valid YAML: \(problem)"
        }
    }

    private func character(at mark: Mark) -> UInt8? {
        var line = 1
        var column = 1
        // Characters are counted as libyaml counts: continuation bytes do not.
        for byte in source {
            if line == mark.line, column == mark.column { return byte }
            if byte == UInt8(ascii: "\n") {
                (line, column) = (line + 1, 1)
            } else if byte & 0xc0 != 0x80 {
                column += 1
            }
        }
        return nil
    }

    private func position(ofByte offset: Int) -> Mark {
        var mark = Mark(file: file, line: 1, column: 1)
        for byte in source.prefix(max(0, offset)) {
            if byte == UInt8(ascii: "\n") {
                (mark.line, mark.column) = (mark.line + 1, 1)
            } else if byte & 0xc0 != 0x80 {
                mark.column += 1
            }
        }
        return mark
    }
}
