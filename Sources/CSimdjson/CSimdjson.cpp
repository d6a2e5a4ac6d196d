#include "CSimdjson.h"

#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>

// simdjson's first stage, which On-Demand is built on, finds the place of every token with SIMD and
// checks UTF-8, control characters and quotes. On-Demand's second stage checks only the values that
// are asked for; here every document must be checked completely before it counts as an event. So
// the walk over the tokens is our own: it checks the grammar of all of them and compares keys with
// the plan on the way.

namespace {

constexpr int32_t none = -1;
/// The longest key of a plan, and the most nodes: both fit into 16 bits.
constexpr uint32_t keyMax = 0xffff;

struct Node {
    std::string key;
    int32_t parent = none;
    uint32_t depth = 0;
    /// The node of a list's elements.
    int32_t element = none;
    uint32_t rowsMax = 0;
    /// For lists: which.
    uint32_t list = 0;
    /// For nodes below a list: its elements' node.
    int32_t within = none;
    bool nests = false;
};

/// A key of the plan in the table that all nodes share: small, so that the table stays in the cache.
struct Entry {
    /// The first eight bytes.
    uint64_t word = 0;
    /// The parent in the upper half, the length in the lower.
    uint32_t owner = 0;
    int32_t child = none;
};

/// The rest of a key that has more than eight bytes, by child.
struct Rest {
    /// The last eight bytes.
    uint64_t lastWord = 0;
    /// Where the whole key stands in `keys`.
    uint32_t place = 0;
};

struct List {
    int32_t node = none;
    uint32_t stride = 0;
    /// The first slot of its rows, by set.
    uint32_t first[2] = {0, 0};
    uint32_t count[2] = {0, 0};
};

/// An open object or list that the plan knows.
struct Frame {
    int32_t node;
    uint32_t count;
    /// Where the slot of node 0 would be.
    uint32_t base;
    uint32_t set;
    /// The node's part of its children's hashes.
    uint64_t salt;
};

inline bool isSpace(uint8_t byte) {
    return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

inline bool isDigit(uint8_t byte) { return uint8_t(byte - '0') < 10; }

inline int hexDigit(uint8_t byte) {
    if (isDigit(byte)) return byte - '0';
    const uint8_t lower = byte | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// Four hexadecimal digits, or -1.
inline int hexUnit(const uint8_t *bytes, const uint8_t *end) {
    if (end - bytes < 4) return -1;
    int unit = 0;
    for (int index = 0; index < 4; index++) {
        const int digit = hexDigit(bytes[index]);
        if (digit < 0) return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

/// Reads what follows a backslash; the code point, or -1. Half a surrogate pair is no text.
inline int32_t readEscape(const uint8_t *&bytes, const uint8_t *end) {
    if (bytes == end) return -1;
    switch (*bytes++) {
    case '"': return '"';
    case '\\': return '\\';
    case '/': return '/';
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'u': break;
    default: return -1;
    }
    const int high = hexUnit(bytes, end);
    if (high < 0) return -1;
    bytes += 4;
    if (high < 0xd800 || high > 0xdfff) return high;
    if (high > 0xdbff || end - bytes < 6 || bytes[0] != '\\' || bytes[1] != 'u') return -1;
    const int low = hexUnit(bytes + 2, end);
    if (low < 0xdc00 || low > 0xdfff) return -1;
    bytes += 6;
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

bool checkEscapes(const uint8_t *bytes, const uint8_t *end) {
    while (true) {
        bytes = static_cast<const uint8_t *>(std::memchr(bytes, '\\', size_t(end - bytes)));
        if (bytes == nullptr) return true;
        bytes++;
        if (readEscape(bytes, end) < 0) return false;
        if (bytes == end) return true;
    }
}

/// The type of a number, or CJSON_ABSENT.
inline uint32_t readNumber(const uint8_t *bytes, const uint8_t *end) {
    if (*bytes == '-') bytes++;
    if (bytes == end || !isDigit(*bytes)) return CJSON_ABSENT;
    if (*bytes == '0') {
        bytes++;
    } else {
        while (bytes != end && isDigit(*bytes)) bytes++;
    }
    uint32_t type = CJSON_INTEGER;
    if (bytes != end && *bytes == '.') {
        type = CJSON_DECIMAL;
        const uint8_t *first = ++bytes;
        while (bytes != end && isDigit(*bytes)) bytes++;
        if (bytes == first) return CJSON_ABSENT;
    }
    if (bytes != end && (*bytes | 0x20) == 'e') {
        type = CJSON_EXPONENT;
        bytes++;
        if (bytes != end && (*bytes == '+' || *bytes == '-')) bytes++;
        const uint8_t *first = bytes;
        while (bytes != end && isDigit(*bytes)) bytes++;
        if (bytes == first) return CJSON_ABSENT;
    }
    return bytes == end ? type : uint32_t(CJSON_ABSENT);
}

inline uint64_t firstWord(const uint8_t *key, uint32_t length) {
    uint64_t word;
    std::memcpy(&word, key, 8);
    return length >= 8 ? word : word & ((uint64_t(1) << (8 * length)) - 1);
}

inline uint64_t lastWord(const uint8_t *key, uint32_t length) {
    uint64_t word;
    std::memcpy(&word, key + length - 8, 8);
    return word;
}

inline uint64_t saltOf(int32_t parent) { return uint64_t(parent) * 0xbf58476d1ce4e5b9u; }

inline uint32_t hashKey(uint64_t word, uint32_t length, uint64_t salt) {
    return uint32_t(((word + length) ^ salt) * 0x9e3779b97f4a7c15u >> 40);
}

} // namespace

struct cjson_reader {
    size_t documentMax = 0;
    std::unique_ptr<simdjson::internal::dom_parser_implementation> stage;
    std::vector<Node> nodes;
    std::vector<List> lists;
    std::vector<Entry> table;
    std::vector<Rest> rests;
    std::vector<uint8_t> keys;
    uint32_t mask = 0;
    std::vector<cjson_slot> slots;
    /// By node: the groups it belongs to.
    std::vector<uint64_t> groups;
    /// By set: the groups that have a value.
    uint64_t given[2] = {0, 0};
    uint32_t setSize = 0;
    /// Whether set 1 was written to since it was cleared.
    bool isNested = false;
    /// For each open container, whether it is an object.
    std::vector<uint8_t> kinds;
    /// A key without its escapes.
    std::vector<uint8_t> scratch;

    bool walk(const uint8_t *bytes);
};

bool cjson_reader::walk(const uint8_t *bytes) {
    // Copies, which writing bytes cannot be thought to change.
    const Entry *const table = this->table.data();
    const Rest *const rests = this->rests.data();
    const uint8_t *const keys = this->keys.data();
    const uint64_t *const groups = this->groups.data();
    cjson_slot *const slots = this->slots.data();
    uint8_t *const kinds = this->kinds.data();
    const uint32_t mask = this->mask;
    const uint32_t setSize = this->setSize;
    uint64_t given[2] = {0, 0};
    const uint32_t *token = stage->structural_indexes.get();
    // The first stage writes the document's length behind the last token.
    const uint32_t *const last = token + stage->n_structural_indexes;
    const bool hasEscapes = std::memchr(bytes, '\\', *last) != nullptr;
    // Open containers; the first `known` of them are known to the plan.
    uint32_t depth = 0;
    uint32_t known = 0;
    Frame frames[CJSON_DEPTH_MAX + 4];
    // The node and slot base of the value that comes next.
    int32_t target = 0;
    uint32_t base = 0;
    uint32_t set = 0;
    uint32_t begin;
    uint32_t end;

value: {
    if (token == last) return false;
    begin = *token++;
    uint32_t type;
    const uint8_t first = bytes[begin];
    if (first == '{' || first == '[') {
        const bool isObject = first == '{';
        bool isKnown = false;
        if (target != none) {
            cjson_slot &slot = slots[base + uint32_t(target)];
            const Node &node = nodes[size_t(target)];
            if (slot.type == CJSON_ABSENT) {
                slot = {begin, 0, uint32_t(isObject ? CJSON_OBJECT : CJSON_ARRAY)};
                given[set] |= groups[target];
                isKnown = isObject ? node.element == none : node.element != none;
                if (isKnown && node.nests) {
                    // A document in the document; not one deeper.
                    isKnown = set == 0 && slots[setSize].type == CJSON_ABSENT;
                    if (isKnown) {
                        isNested = true;
                        set = 1;
                        base = setSize;
                        slots[setSize] = slot;
                        target = 0;
                    }
                }
            }
        }
        kinds[depth++] = isObject;
        if (isKnown) frames[known++] = {target, 0, base, set, saltOf(target)};
        if (token != last && bytes[*token] == (isObject ? '}' : ']')) {
            token++;
            goto close;
        }
        if (isObject) goto key;
        goto element;
    }
    end = *token;
    while (isSpace(bytes[end - 1])) end--;
    if (first == '"') {
        // Behind a string's end every byte but a space begins a token.
        if (end - begin < 2 || bytes[end - 1] != '"') return false;
        type = CJSON_STRING;
        if (hasEscapes && std::memchr(bytes + begin, '\\', end - begin) != nullptr) {
            if (!checkEscapes(bytes + begin + 1, bytes + end - 1)) return false;
            type = CJSON_ESCAPED;
        }
        begin++;
        end--;
    } else if (first == 't') {
        if (end - begin != 4 || std::memcmp(bytes + begin, "true", 4) != 0) return false;
        type = CJSON_TRUE;
    } else if (first == 'f') {
        if (end - begin != 5 || std::memcmp(bytes + begin, "false", 5) != 0) return false;
        type = CJSON_FALSE;
    } else if (first == 'n') {
        if (end - begin != 4 || std::memcmp(bytes + begin, "null", 4) != 0) return false;
        type = CJSON_NULL;
    } else {
        type = readNumber(bytes + begin, bytes + end);
        if (type == CJSON_ABSENT) return false;
    }
    if (target != none) {
        cjson_slot &slot = slots[base + uint32_t(target)];
        if (slot.type == CJSON_ABSENT) {
            slot = {begin, end - begin, type};
            if (type != CJSON_NULL) given[set] |= groups[target];
        }
    }
    goto after;
}

key: {
    if (token == last || bytes[begin = *token++] != '"' || token == last) return false;
    end = *token;
    while (isSpace(bytes[end - 1])) end--;
    if (end - begin < 2 || bytes[end - 1] != '"' || bytes[*token] != ':') return false;
    token++;
    const uint8_t *key = bytes + begin + 1;
    uint32_t length = end - begin - 2;
    if (hasEscapes && std::memchr(key, '\\', length) != nullptr) {
        if (!checkEscapes(key, key + length)) return false;
        length = uint32_t(cjson_unescape(key, length, scratch.data()));
        key = scratch.data();
    }
    target = none;
    if (depth == known) {
        Frame &frame = frames[known - 1];
        frame.count++;
        base = frame.base;
        set = frame.set;
        const uint64_t word = firstWord(key, length);
        uint32_t place = hashKey(word, length, frame.salt) & mask;
        const uint32_t owner = uint32_t(frame.node) << 16 | length;
        while (table[place].child != none && length <= keyMax) {
            const Entry &entry = table[place];
            if (entry.word == word && entry.owner == owner) {
                const Rest &rest = rests[entry.child];
                if (length <= 8
                    || (rest.lastWord == lastWord(key, length)
                        && (length <= 16 || std::memcmp(&keys[rest.place], key, length) == 0))) {
                    target = entry.child;
                    break;
                }
            }
            place = (place + 1) & mask;
        }
    }
    goto value;
}

element: {
    target = none;
    if (depth == known) {
        Frame &frame = frames[known - 1];
        const Node &node = nodes[size_t(frame.node)];
        set = frame.set;
        const uint32_t row = frame.count++;
        if (row < node.rowsMax && token != last && bytes[*token] == '{') {
            List &list = lists[node.list];
            const uint32_t place = list.first[set] + list.count[set]++ * list.stride;
            std::memset(&slots[place], 0, list.stride * sizeof(cjson_slot));
            target = node.element;
            // Rows stand behind both sets, and so behind every node's number.
            base = place - uint32_t(node.element);
        }
    }
    goto value;
}

close: {
    if (depth == known) {
        const Frame &frame = frames[--known];
        slots[frame.base + uint32_t(frame.node)].length = frame.count;
    }
    depth--;
    goto after;
}

after: {
    if (depth == 0) {
        this->given[0] = given[0];
        this->given[1] = given[1];
        return token == last;
    }
    if (token == last) return false;
    const uint8_t byte = bytes[*token++];
    if (kinds[depth - 1]) {
        if (byte == ',') goto key;
        if (byte == '}') goto close;
    } else {
        if (byte == ',') goto element;
        if (byte == ']') goto close;
    }
    return false;
}
}

extern "C" {

cjson_reader *cjson_make(size_t document_max) {
    auto *reader = new (std::nothrow) cjson_reader();
    if (reader == nullptr) return nullptr;
    reader->documentMax = document_max;
    const auto error = simdjson::get_active_implementation()->create_dom_parser_implementation(
        document_max, 1, reader->stage);
    if (error != simdjson::SUCCESS) {
        delete reader;
        return nullptr;
    }
    reader->kinds.resize(document_max + 1);
    reader->scratch.resize(document_max + 64);
    reader->nodes.emplace_back();
    // So that there is an address before the reader is sealed.
    reader->slots.resize(1);
    return reader;
}

void cjson_free(cjson_reader *reader) { delete reader; }

int32_t cjson_child(cjson_reader *reader, int32_t parent, const char *key, size_t length) {
    auto &nodes = reader->nodes;
    if (parent < 0 || size_t(parent) >= nodes.size()) return none;
    const Node &above = nodes[size_t(parent)];
    if (above.depth >= CJSON_DEPTH_MAX || above.element != none) return none;
    if (length > keyMax || nodes.size() > keyMax) return none;
    for (size_t index = 1; index < nodes.size(); index++) {
        // Elements have no key of their own; they are not found by one.
        if (nodes[index].parent == parent && nodes[index].within != int32_t(index)
            && nodes[index].key == std::string(key, length))
            return int32_t(index);
    }
    Node node;
    node.key.assign(key, length);
    node.parent = parent;
    node.depth = above.depth + 1;
    node.within = above.within;
    nodes.push_back(std::move(node));
    return int32_t(nodes.size() - 1);
}

int32_t cjson_list(cjson_reader *reader, int32_t node, uint32_t rows_max) {
    auto &nodes = reader->nodes;
    if (node <= 0 || size_t(node) >= nodes.size()) return none;
    if (nodes[size_t(node)].within != none || nodes[size_t(node)].element != none) return none;
    for (const Node &other : nodes)
        if (other.parent == node) return none;
    Node element;
    element.parent = node;
    element.depth = nodes[size_t(node)].depth + 1;
    element.within = int32_t(nodes.size());
    nodes[size_t(node)].element = element.within;
    nodes[size_t(node)].rowsMax = rows_max;
    nodes[size_t(node)].list = uint32_t(reader->lists.size());
    List list;
    list.node = node;
    reader->lists.push_back(list);
    nodes.push_back(std::move(element));
    return int32_t(nodes.size() - 1);
}

void cjson_nest(cjson_reader *reader, int32_t node) {
    if (node > 0 && size_t(node) < reader->nodes.size()) reader->nodes[size_t(node)].nests = true;
}

void cjson_group(cjson_reader *reader, int32_t node, uint32_t group) {
    if (node < 0 || size_t(node) >= reader->nodes.size() || group > 63) return;
    if (reader->groups.size() <= size_t(node)) reader->groups.resize(size_t(node) + 1);
    reader->groups[size_t(node)] |= uint64_t(1) << group;
}

bool cjson_seal(cjson_reader *reader) {
    const auto &nodes = reader->nodes;
    const uint32_t count = uint32_t(nodes.size());
    reader->setSize = count;
    uint32_t slots = count * 2;
    for (List &list : reader->lists) {
        const Node &node = nodes[size_t(list.node)];
        for (const Node &other : nodes) list.stride += other.within == node.element;
        for (uint32_t &first : list.first) {
            first = slots;
            slots += list.stride * node.rowsMax;
        }
    }
    reader->slots.resize(slots);
    uint32_t size = 16;
    while (size < count * 4) size *= 2;
    reader->mask = size - 1;
    reader->table.resize(size);
    reader->rests.resize(count);
    for (uint32_t index = 1; index < count; index++) {
        const Node &node = nodes[index];
        if (node.within == int32_t(index)) continue;
        Entry entry;
        const uint32_t length = uint32_t(node.key.size());
        entry.owner = uint32_t(node.parent) << 16 | length;
        entry.child = int32_t(index);
        reader->rests[index].place = uint32_t(reader->keys.size());
        const std::string padded = node.key + std::string(8, '\0');
        const auto *key = reinterpret_cast<const uint8_t *>(padded.data());
        entry.word = firstWord(key, length);
        if (length > 8) reader->rests[index].lastWord = lastWord(key, length);
        reader->keys.insert(reader->keys.end(), key, key + length);
        uint32_t place = hashKey(entry.word, length, saltOf(node.parent)) & reader->mask;
        while (reader->table[place].child != none) place = (place + 1) & reader->mask;
        reader->table[place] = entry;
    }
    reader->groups.resize(count);
    return true;
}

bool cjson_read(cjson_reader *reader, const uint8_t *bytes, size_t length) {
    const uint32_t used = reader->isNested ? reader->setSize * 2 : reader->setSize;
    std::memset(reader->slots.data(), 0, used * sizeof(cjson_slot));
    reader->isNested = false;
    for (List &list : reader->lists) list.count[0] = list.count[1] = 0;
    if (length == 0 || length > reader->documentMax) return false;
    const auto error = reader->stage->stage1(bytes, length, simdjson::stage1_mode::regular);
    if (error != simdjson::SUCCESS) return false;
    return reader->walk(bytes);
}

const cjson_slot *cjson_slots(const cjson_reader *reader) { return reader->slots.data(); }

uint32_t cjson_set_size(const cjson_reader *reader) { return reader->setSize; }

uint64_t cjson_given(const cjson_reader *reader, uint32_t set) { return reader->given[set & 1]; }

uint32_t cjson_row_count(const cjson_reader *reader, uint32_t set, int32_t list) {
    return reader->lists[reader->nodes[size_t(list)].list].count[set & 1];
}

uint32_t cjson_row_slot(
    const cjson_reader *reader, uint32_t set, int32_t list, uint32_t row, int32_t node) {
    const Node &above = reader->nodes[size_t(list)];
    const List &rows = reader->lists[above.list];
    return rows.first[set & 1] + row * rows.stride + uint32_t(node - above.element);
}

size_t cjson_unescape(const uint8_t *bytes, size_t length, uint8_t *output) {
    const uint8_t *const end = bytes + length;
    uint8_t *next = output;
    while (bytes != end) {
        if (*bytes != '\\') {
            *next++ = *bytes++;
            continue;
        }
        bytes++;
        const int32_t code = readEscape(bytes, end);
        if (code < 0) break;
        if (code < 0x80) {
            *next++ = uint8_t(code);
        } else if (code < 0x800) {
            *next++ = uint8_t(0xc0 | code >> 6);
            *next++ = uint8_t(0x80 | (code & 0x3f));
        } else if (code < 0x10000) {
            *next++ = uint8_t(0xe0 | code >> 12);
            *next++ = uint8_t(0x80 | (code >> 6 & 0x3f));
            *next++ = uint8_t(0x80 | (code & 0x3f));
        } else {
            *next++ = uint8_t(0xf0 | code >> 18);
            *next++ = uint8_t(0x80 | (code >> 12 & 0x3f));
            *next++ = uint8_t(0x80 | (code >> 6 & 0x3f));
            *next++ = uint8_t(0x80 | (code & 0x3f));
        }
    }
    return size_t(next - output);
}
}
