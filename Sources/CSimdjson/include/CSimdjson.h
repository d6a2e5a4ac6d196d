#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Reads JSON documents with simdjson and keeps only the values that a plan of paths asks for.
 *
 * The plan is a tree of nodes, one for each key on a path; node 0 is the document itself. It is
 * built once (cjson_child, cjson_list) and sealed; then every call of cjson_read fills one slot per
 * node. A document is checked completely, also where the plan asks for nothing. Of equal keys in
 * one object the first counts. Nothing is allocated and nothing is thrown after cjson_seal.
 *
 * A reader belongs to one thread.
 */
typedef struct cjson_reader cjson_reader;

/* What a slot holds. */
enum {
    CJSON_ABSENT = 0,
    CJSON_NULL = 1,
    CJSON_FALSE = 2,
    CJSON_TRUE = 3,
    /* A number without fraction and exponent. */
    CJSON_INTEGER = 4,
    /* A number with a fraction, without exponent. */
    CJSON_DECIMAL = 5,
    /* A number with an exponent. */
    CJSON_EXPONENT = 6,
    /* A string whose bytes are its text. */
    CJSON_STRING = 7,
    /* A string with escapes, for cjson_unescape. */
    CJSON_ESCAPED = 8,
    CJSON_OBJECT = 9,
    CJSON_ARRAY = 10,
};

/* A value: of strings the bytes between the quotes, of numbers their digits; of objects and of the
 * plan's lists the length is the number of members. */
typedef struct {
    uint32_t offset;
    uint32_t length;
    uint32_t type;
} cjson_slot;

/* The most keys that a path may have. */
enum { CJSON_DEPTH_MAX = 12 };

/* A reader of documents of at most so many bytes; NULL without memory. */
cjson_reader *cjson_make(size_t document_max);
void cjson_free(cjson_reader *reader);

/* The node of a key in the object at a node, made if it is not there; -1 if the path is too long or
 * the parent is a list. */
int32_t cjson_child(cjson_reader *reader, int32_t parent, const char *key, size_t length);

/* Makes the value at a node a list of objects, at most so many of which are kept, and returns the
 * node of its elements. All children of that node must be made before any other node. */
int32_t cjson_list(cjson_reader *reader, int32_t node, uint32_t rows_max);

/* Says that an object at this child of node 0 is itself read like a document, into the slots of
 * set 1; its own like-named child is not. */
void cjson_nest(cjson_reader *reader, int32_t node);

/* Puts a node into one of 64 groups. */
void cjson_group(cjson_reader *reader, int32_t node, uint32_t group);

/* Ends the building; false without memory. */
bool cjson_seal(cjson_reader *reader);

/* Reads a document; 64 bytes behind it must be readable. False if it is no JSON, or too long. The
 * type of the whole document is in the slot of node 0. */
bool cjson_read(cjson_reader *reader, const uint8_t *bytes, size_t length);


/* The slots of set 0, of set 1, and of all rows; valid until the reader is freed. */
const cjson_slot *cjson_slots(const cjson_reader *reader);

/* How many slots a set has. */
uint32_t cjson_set_size(const cjson_reader *reader);

/* The groups, a bit each, of which a node has a value other than null. */
uint64_t cjson_given(const cjson_reader *reader, uint32_t set);

/* How many rows of a list were kept. */
uint32_t cjson_row_count(const cjson_reader *reader, uint32_t set, int32_t list);

/* The index of the slot of a node of a list's elements, in a row. */
uint32_t cjson_row_slot(
    const cjson_reader *reader, uint32_t set, int32_t list, uint32_t row, int32_t node);

/* Writes the text of a string with escapes, which is never longer than they are; the bytes must be
 * those of a slot of type CJSON_ESCAPED. Returns the text's length. */
size_t cjson_unescape(const uint8_t *bytes, size_t length, uint8_t *output);

#ifdef __cplusplus
}
#endif
