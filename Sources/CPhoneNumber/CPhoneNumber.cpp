// libphonenumber behind a C interface.
//
// Which digits the library would take off a number is not part of its public interface, but the
// metadata that says so is exported and its classes' header is installed. They hold regular
// expressions; asked is only which first digits could match one, which the small matcher below
// answers.

#include "CPhoneNumber.h"

#include <phonenumbers/phonemetadata.pb.h>
#include <phonenumbers/phonenumberutil.h>

#include <cstring>
#include <functional>
#include <list>
#include <string>
#include <vector>

namespace i18n {
namespace phonenumbers {
// Declared in a header that is not installed; weak, for a library that does not export them.
const void *metadata_get() __attribute__((weak));
int metadata_size() __attribute__((weak));
}  // namespace phonenumbers
}  // namespace i18n

namespace {

using i18n::phonenumbers::PhoneMetadata;
using i18n::phonenumbers::PhoneMetadataCollection;
using i18n::phonenumbers::PhoneNumber;
using i18n::phonenumbers::PhoneNumberDesc;
using i18n::phonenumbers::PhoneNumberUtil;

// A regular expression of the metadata: digits, \d, sets, groups, |, ?, {n}, {n,m}, $.
struct Node {
    enum Kind { digit, group, end } kind = digit;
    unsigned digits = 0;
    int least = 1;
    int most = 1;
    // Of a group: alternatives, each a sequence.
    std::vector<std::vector<Node>> alternatives;
};

class Parser {
  public:
    explicit Parser(const std::string &text) : text(text) {}

    // Reads alternatives up to a closing bracket or the end.
    Node group() {
        Node node;
        node.kind = Node::group;
        node.alternatives.emplace_back();
        while (at < text.size() && text[at] != ')') {
            if (text[at] == '|') {
                at += 1;
                node.alternatives.emplace_back();
                continue;
            }
            node.alternatives.back().push_back(item());
        }
        return node;
    }

    bool isWhole() const { return understood && at == text.size(); }

  private:
    Node item() {
        Node node;
        char character = text[at++];
        if (character == '(') {
            if (text.compare(at, 2, "?:") == 0) at += 2;
            node = group();
            at += 1;
        } else if (character == '[') {
            while (at < text.size() && text[at] != ']') {
                int first = text[at++] - '0';
                int last = first;
                if (at + 1 < text.size() && text[at] == '-') {
                    last = text[at + 1] - '0';
                    at += 2;
                }
                if (first < 0 || last > 9) understood = false;
                for (int digit = first; digit <= last && understood; digit++) {
                    node.digits |= 1u << digit;
                }
            }
            at += 1;
        } else if (character == '\\' && at < text.size() && text[at] == 'd') {
            at += 1;
            node.digits = 0x3ff;
        } else if (character == '$') {
            node.kind = Node::end;
        } else if (character >= '0' && character <= '9') {
            node.digits = 1u << (character - '0');
        } else {
            understood = false;
        }
        if (at < text.size() && text[at] == '?') {
            at += 1;
            node.least = 0;
        } else if (at < text.size() && text[at] == '{') {
            at += 1;
            node.least = number();
            node.most = node.least;
            if (at < text.size() && text[at] == ',') {
                at += 1;
                node.most = number();
            }
            at += 1;
        }
        return node;
    }

    int number() {
        int value = 0;
        while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
            value = value * 10 + (text[at++] - '0');
        }
        return value;
    }

    const std::string &text;
    size_t at = 0;
    bool understood = true;
};

// Whether an expression, anchored at the start, could match a number that begins with `prefix`
// and go at least one digit far into it.
class PrefixMatcher {
  public:
    explicit PrefixMatcher(const std::string &pattern) {
        Parser parser(pattern);
        root = parser.group();
        isUnderstood = parser.isWhole();
    }

    bool couldMatch(const std::string &prefix) const {
        // Rather too often than too rarely: what is not understood matches.
        if (!isUnderstood) return true;
        return matchGroup(root, prefix, 0, [](size_t position) { return position > 0; });
    }

  private:
    // Gets the position behind a match; true ends the search.
    using Then = std::function<bool(size_t)>;

    static bool matchGroup(
        const Node &node, const std::string &text, size_t position, const Then &then
    ) {
        for (const auto &sequence : node.alternatives) {
            if (matchSequence(sequence, 0, text, position, then)) return true;
        }
        return false;
    }

    static bool matchSequence(
        const std::vector<Node> &sequence, size_t index, const std::string &text, size_t position,
        const Then &then
    ) {
        if (index == sequence.size()) return then(position);
        return matchRepeated(sequence[index], 0, text, position, [&](size_t next) {
            return matchSequence(sequence, index + 1, text, next, then);
        });
    }

    static bool matchRepeated(
        const Node &node, int count, const std::string &text, size_t position, const Then &then
    ) {
        if (node.kind == Node::end) return false;
        if (count < node.most) {
            // The text is only the beginning of the number: what would go on reading could match.
            if (node.kind == Node::digit) {
                if (position == text.size()) {
                    if (count < node.least) return true;
                } else if (node.digits >> (text[position] - '0') & 1) {
                    if (matchRepeated(node, count + 1, text, position + 1, then)) return true;
                }
            } else if (matchGroup(node, text, position, [&](size_t next) {
                           // A match of nothing counts once, or it would repeat for ever.
                           return (next > position || count < node.least)
                               && matchRepeated(node, count + 1, text, next, then);
                       })) {
                return true;
            }
        }
        return count >= node.least && then(position);
    }

    Node root;
    bool isUnderstood = true;
};

const PhoneNumberUtil &library() { return *PhoneNumberUtil::GetInstance(); }

const PhoneMetadataCollection &metadata() {
    static const PhoneMetadataCollection *collection = [] {
        auto *parsed = new PhoneMetadataCollection();
        using namespace i18n::phonenumbers;
        if (metadata_get == nullptr || metadata_size == nullptr
            || !parsed->ParseFromArray(metadata_get(), metadata_size())) {
            parsed->Clear();
        }
        return parsed;
    }();
    return *collection;
}

const PhoneMetadata *metadata(const std::string &region) {
    for (const auto &candidate : metadata().metadata()) {
        if (candidate.id() == region) return &candidate;
    }
    return nullptr;
}

uint16_t packed(const std::string &region) {
    if (region.size() != 2 || region[0] < 'A' || region[1] < 'A') return 0;
    return static_cast<uint16_t>(region[0] << 8 | region[1]);
}

std::list<std::string> regions(int calling_code) {
    std::list<std::string> found;
    library().GetRegionCodesForCountryCallingCode(calling_code, &found);
    return found;
}

// The expressions of which one must match for a number to be of that region.
std::vector<PrefixMatcher> matchers(const PhoneMetadata &region) {
    std::vector<PrefixMatcher> found;
    if (region.has_leading_digits()) {
        found.emplace_back(region.leading_digits());
        return found;
    }
    const PhoneNumberDesc *kinds[] = {
        &region.fixed_line(), &region.mobile(), &region.toll_free(), &region.premium_rate(),
        &region.shared_cost(), &region.personal_number(), &region.voip(), &region.pager(),
        &region.uan(), &region.voicemail(),
    };
    for (const PhoneNumberDesc *kind : kinds) {
        if (kind->has_national_number_pattern() && !kind->national_number_pattern().empty()) {
            found.emplace_back(kind->national_number_pattern());
        }
    }
    return found;
}

bool anyMatches(const std::vector<PrefixMatcher> &matchers, const std::string &prefix) {
    for (const auto &matcher : matchers) {
        if (matcher.couldMatch(prefix)) return true;
    }
    return false;
}

// Notes the country at all prefixes of four digits below `prefix`, leaving out those below a
// shorter one that no number of the country begins with.
void note(
    uint16_t country, const std::vector<PrefixMatcher> &matchers, const std::string &prefix,
    uint16_t *countries, std::vector<bool> &isDisputed
) {
    if (!prefix.empty() && !anyMatches(matchers, prefix)) return;
    if (prefix.size() < CPHONE_COUNTRY_DIGITS) {
        for (char digit = '0'; digit <= '9'; digit++) {
            note(country, matchers, prefix + digit, countries, isDisputed);
        }
        return;
    }
    int index = std::stoi(prefix);
    if (countries[index] != 0) isDisputed[index] = true;
    countries[index] = country;
}

}  // namespace

extern "C" bool cphone_has_metadata(void) { return metadata().metadata_size() > 0; }

extern "C" bool cphone_describe(int calling_code, cphone_code *description) {
    std::memset(description, 0, sizeof *description);
    const auto found = regions(calling_code);
    if (found.empty()) return false;
    for (int length = 2; length <= 17; length++) {
        PhoneNumber number;
        uint64_t digits = 1;
        for (int count = 1; count < length; count++) digits *= 10;
        number.set_country_code(calling_code);
        number.set_national_number(digits);
        if (library().IsPossibleNumberWithReason(number) == PhoneNumberUtil::IS_POSSIBLE) {
            description->lengths |= 1u << length;
        }
    }
    if (found.size() == 1) description->country = packed(found.front());
    description->is_shared = found.size() > 1;

    // Numbers with a calling code are judged by the rules of its main country.
    std::string main;
    library().GetRegionCodeForCountryCode(calling_code, &main);
    const PhoneMetadata *rules = metadata(main);
    bool isGeographic = packed(main) != 0;
    if (!cphone_has_metadata() || (isGeographic && rules == nullptr)) {
        std::memset(description->strips, 0xff, sizeof description->strips);
        return true;
    }
    if (!isGeographic) {
        // Metadata of international services go by "001" each; told apart by their code.
        for (const auto &candidate : metadata().metadata()) {
            if (candidate.country_code() == calling_code) rules = &candidate;
        }
    }
    if (rules == nullptr || rules->national_prefix_for_parsing().empty()) return true;
    PrefixMatcher matcher(rules->national_prefix_for_parsing());
    for (int prefix = 0; prefix < CPHONE_STRIP_PREFIXES; prefix++) {
        std::string digits = std::to_string(prefix);
        digits.insert(0, CPHONE_STRIP_DIGITS - digits.size(), '0');
        if (matcher.couldMatch(digits)) description->strips[prefix / 8] |= 1 << prefix % 8;
    }
    return true;
}

extern "C" void cphone_countries(int calling_code, uint16_t *countries) {
    std::memset(countries, 0, CPHONE_COUNTRY_PREFIXES * sizeof *countries);
    std::vector<bool> isDisputed(CPHONE_COUNTRY_PREFIXES, false);
    for (const auto &region : regions(calling_code)) {
        const PhoneMetadata *rules = metadata(region);
        if (rules == nullptr) continue;
        note(packed(region), matchers(*rules), "", countries, isDisputed);
    }
    for (int index = 0; index < CPHONE_COUNTRY_PREFIXES; index++) {
        if (isDisputed[index]) countries[index] = 0;
    }
}

extern "C" size_t cphone_parse(
    const char *text, size_t length, const char *region, char *output, size_t capacity
) {
    try {
        std::string written(text, length);
        PhoneNumber number;
        auto outcome = library().ParseAndKeepRawInput(written, region, &number);
        if (outcome != PhoneNumberUtil::NO_PARSING_ERROR) return 0;
        if (library().IsPossibleNumberWithReason(number) != PhoneNumberUtil::IS_POSSIBLE) return 0;
        // No number inside a country begins with 00, however long it may be there.
        if (written.compare(0, 2, "00") == 0
            && number.country_code_source() != PhoneNumber::FROM_NUMBER_WITH_IDD) {
            return 0;
        }
        std::string formatted;
        library().Format(number, PhoneNumberUtil::E164, &formatted);
        if (formatted.size() > capacity) return 0;
        std::memcpy(output, formatted.data(), formatted.size());
        return formatted.size();
    } catch (...) {
        // Only memory can be short here; a number that was not understood is none.
        return 0;
    }
}

extern "C" uint16_t cphone_country(const char *text, size_t length) {
    PhoneNumber number;
    auto outcome = library().Parse(std::string(text, length), "ZZ", &number);
    if (outcome != PhoneNumberUtil::NO_PARSING_ERROR) return 0;
    std::string region;
    library().GetRegionCodeForNumber(number, &region);
    return region == "ZZ" ? 0 : packed(region);
}
