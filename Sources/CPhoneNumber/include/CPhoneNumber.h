// The door to libphonenumber: what the fast path of phone numbers must know, read out once at
// start, and the library's own parser for everything that the fast path leaves.

#pragma once

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Prefixes of national numbers are looked at with so many digits.
#define CPHONE_STRIP_DIGITS 3
#define CPHONE_COUNTRY_DIGITS 4
#define CPHONE_STRIP_PREFIXES 1000
#define CPHONE_COUNTRY_PREFIXES 10000

// What is known of numbers behind one calling code.
typedef struct {
    // Bit n: a national number of n digits is possible. 0: there is no such calling code.
    uint32_t lengths;
    // The country as two ASCII letters, first one high; 0 if there are several or none.
    uint16_t country;
    // Whether several countries share the code, so that cphone_countries has an answer.
    uint8_t is_shared;
    // Bit p: the library may take digits off a national number whose first three digits are p,
    // because they look like a national prefix; such a number must go through cphone_parse.
    uint8_t strips[CPHONE_STRIP_PREFIXES / 8];
} cphone_code;

// Fills what is known of a calling code (1...999); false if there is no such code.
bool cphone_describe(int calling_code, cphone_code *_Nonnull description);

// Fills, for a shared calling code, the country of national numbers by their first four digits:
// two ASCII letters, or 0 where those digits do not settle it.
void cphone_countries(int calling_code, uint16_t *_Nonnull countries);

// Parses a number as somebody in that country would write it ("ZZ": nobody's, + required) and
// writes it as E.164. Returns the bytes written, or 0 if it is no possible number; digits that
// begin with 00 must be a number with its calling code there. Allocates.
size_t cphone_parse(
    const char *_Nonnull text, size_t length, const char *_Nonnull region, char *_Nonnull output,
    size_t capacity);

// The country of a valid E.164 number as the library finds it, which tests hold against
// cphone_countries; 0 if there is none. Allocates.
uint16_t cphone_country(const char *_Nonnull text, size_t length);

// Whether the prefix tables could be built; without them nothing takes the fast path.
bool cphone_has_metadata(void);

#ifdef __cplusplus
}
#endif
