import CSimdjson
import Events

/// What a value of a document is.
enum ValueKind: UInt32, BitwiseCopyable {
    case absent
    case null
    case `false`
    case `true`
    /// A number without fraction and exponent.
    case integer
    /// A number with a fraction, without exponent.
    case decimal
    /// A number with an exponent.
    case exponent
    case string
    /// A string with escapes.
    case escaped
    case object
    case array

    /// Whether it is a string.
    var isString: Bool { self == .string || self == .escaped }

    /// Whether it is a number.
    var isNumber: Bool { self == .integer || self == .decimal || self == .exponent }
}

/// A value of a document: the bytes between a string's quotes, or a number's digits.
struct DocumentValue: BitwiseCopyable {
    var kind: ValueKind
    /// Where the bytes stand in the block.
    var text: Text

    /// No value.
    static var absent: DocumentValue { DocumentValue(kind: .absent, text: .none) }

    /// Whether there is a value at all; `null` is none.
    var isGiven: Bool { kind.rawValue > ValueKind.null.rawValue }
}

/// The decoder's door to simdjson: walks a document once and keeps what the plan's paths ask for.
///
/// Owned by one decoder. Allocates only until it is sealed.
@safe
struct DocumentReader: ~Copyable {
    /// The node of the whole document.
    static var root: Int32 { 0 }

    private let reader: OpaquePointer
    // The slots of both sets and of all rows, after `seal`.
    private var slots: UnsafePointer<cjson_slot>
    /// How many slots a set has.
    private(set) var setSize = 0

    /// Makes a reader of documents of at most so many bytes.
    init(documentMax: Int) {
        precondition(documentMax > 0 && documentMax < Int(UInt32.max))
        // Freed in deinit; there is nothing to go on with without memory.
        let made = unsafe cjson_make(documentMax)
        guard let made = unsafe made else { preconditionFailure("no memory for a decoder") }
        unsafe reader = unsafe made
        unsafe slots = unsafe cjson_slots(made)
    }

    deinit {
        // Made in init, and used by nobody else.
        unsafe cjson_free(reader)
    }

    // MARK: Building

    /// The node of a dotted path below another; nil if it has too many parts or leads into a list.
    func node(_ path: String, below parent: Int32 = root) -> Int32? {
        var node = parent
        for key in path.split(separator: ".", omittingEmptySubsequences: false) {
            var key = String(key)
            // The library copies the key; the reader lives as long as `self`, here and below.
            node = key.withUTF8 { bytes in
                unsafe bytes.withMemoryRebound(to: CChar.self) { characters in
                    unsafe cjson_child(reader, node, characters.baseAddress, characters.count)
                }
            }
            if node < 0 { return nil }
        }
        return node
    }

    /// Makes a node a list of objects; the node of its elements, or nil if it already means
    /// something else.
    func list(_ node: Int32, rowsMax: Int) -> Int32? {
        let element = unsafe cjson_list(reader, node, UInt32(rowsMax))
        return element < 0 ? nil : element
    }

    /// Says that the object at a node is read like a document, into set 1.
    func nest(_ node: Int32) { unsafe cjson_nest(reader, node) }

    /// Ends the building.
    mutating func seal() {
        guard unsafe cjson_seal(reader) else { preconditionFailure("no memory for a decoder") }
        unsafe slots = unsafe cjson_slots(reader)
        setSize = Int(unsafe cjson_set_size(reader))
    }

    // MARK: Reading

    /// Reads a record's value; false if it is no JSON.
    func read(_ text: Text, of block: EventBlock) -> Bool {
        precondition(Int(text.offset) + Int(text.length) <= block.capacity.rawBytes)
        // Raw records are followed by the block's padding, which is more than the reader needs.
        return unsafe cjson_read(
            reader,
            block.memory.baseAddress!.assumingMemoryBound(to: UInt8.self) + Int(text.offset),
            Int(text.length)
        )
    }

    /// A value of the document read last, whose bytes begin at an offset of the block.
    func value(_ slot: Int, from offset: UInt32) -> DocumentValue {
        // Slots are numbered by the reader itself.
        let slot = unsafe slots[slot]
        let kind = ValueKind(rawValue: slot.type)
        return DocumentValue(
            kind: kind ?? .absent,
            text: Text(offset: offset &+ slot.offset, length: slot.length)
        )
    }

    /// How many rows of a list were kept.
    func rowCount(_ list: Int32, set: Int) -> Int {
        unsafe Int(cjson_row_count(reader, UInt32(set), list))
    }

    /// The slot of an element's node in a row.
    func rowSlot(_ list: Int32, set: Int, row: Int, node: Int32) -> Int {
        unsafe Int(cjson_row_slot(reader, UInt32(set), list, UInt32(row), node))
    }

    /// Appends the text of a string with escapes to the block; nil if it does not fit.
    func unescape(_ text: Text, into block: EventBlock) -> Text? {
        let room = unsafe block.memory.count - block.textEnd
        guard Int(text.length) <= room else { return nil }
        let memory = unsafe block.memory.baseAddress!.assumingMemoryBound(to: UInt8.self)
        // The text is never longer than its escapes, for which there is room; the raw records and
        // the texts do not overlap.
        let length = unsafe cjson_unescape(
            memory + Int(text.offset),
            Int(text.length),
            memory + block.textEnd
        )
        defer { block.textEnd += length }
        return Text(offset: UInt32(block.textEnd), length: UInt32(length))
    }
}
