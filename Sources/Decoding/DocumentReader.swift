import CSimdjson
import Events

/// What a value of a document is; the numbers are the reader's.
struct ValueKind: Equatable, BitwiseCopyable {
    var rawValue: UInt32

    static var absent: ValueKind { ValueKind(rawValue: 0) }
    static var null: ValueKind { ValueKind(rawValue: 1) }
    static var `false`: ValueKind { ValueKind(rawValue: 2) }
    static var `true`: ValueKind { ValueKind(rawValue: 3) }
    /// A number without fraction and exponent.
    static var integer: ValueKind { ValueKind(rawValue: 4) }
    /// A number with a fraction, without exponent.
    static var decimal: ValueKind { ValueKind(rawValue: 5) }
    /// A number with an exponent.
    static var exponent: ValueKind { ValueKind(rawValue: 6) }
    static var string: ValueKind { ValueKind(rawValue: 7) }
    /// A string with escapes.
    static var escaped: ValueKind { ValueKind(rawValue: 8) }
    static var object: ValueKind { ValueKind(rawValue: 9) }
    static var array: ValueKind { ValueKind(rawValue: 10) }

    /// Whether it is a string.
    @inline(__always)
    var isString: Bool { rawValue == 7 || rawValue == 8 }

    /// Whether it is a number.
    @inline(__always)
    var isNumber: Bool { rawValue >= 4 && rawValue <= 6 }

    /// Whether it is a string, or a number that can be an id.
    @inline(__always)
    var isName: Bool { isString || rawValue == 4 || rawValue == 5 }
}

/// A value of a document: the bytes between a string's quotes, or a number's digits.
struct DocumentValue: BitwiseCopyable {
    var kind: ValueKind
    /// Where the bytes stand in the block.
    var text: Text

    /// No value.
    static var absent: DocumentValue { DocumentValue(kind: .absent, text: .none) }

    /// Whether there is a value at all; `null` is none.
    @inline(__always)
    var isGiven: Bool { kind.rawValue > 1 }
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

    /// Puts a node into a group.
    func group(_ node: Int32, _ group: Int) { unsafe cjson_group(reader, node, UInt32(group)) }

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

    /// The groups that have a value in the document read last, a bit each.
    func given(set: Int) -> UInt64 { unsafe cjson_given(reader, UInt32(set)) }

    /// A value of the document read last, whose bytes begin at an offset of the block.
    @inline(__always)
    func value(_ slot: Int, from offset: UInt32) -> DocumentValue {
        // Slots are numbered by the reader itself.
        let slot = unsafe slots[slot]
        return DocumentValue(
            kind: ValueKind(rawValue: slot.type),
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
