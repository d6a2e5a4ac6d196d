// What a module of flat tables asks of the processor and of Linux and Swift cannot say: memory in
// large pages, and a word ahead of what will be read. Pure otherwise: no clock, no file, no thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#if defined(__cplusplus)
extern "C" {
#endif

#pragma clang assume_nonnull begin

/// Zeroed memory for a table of some size, at the start of a large page and in such pages where
/// the system has them; null without memory. `size` is a multiple of 2 MiB.
void *_Nullable collie_memory_map(size_t size);
/// Gives back what `collie_memory_map` gave.
void collie_memory_unmap(void *memory, size_t size);

/// Whether so many bytes are the same.
static inline bool collie_memory_is_equal(const void *left, const void *right, size_t count) {
    return memcmp(left, right, count) == 0;
}

/// Tells the processor that this address will be written soon.
static inline void collie_memory_prefetch(const void *address) {
    __builtin_prefetch(address, 1, 3);
}

#pragma clang assume_nonnull end

#if defined(__cplusplus)
}
#endif
