// Counts what the calling thread allocates, so that tests can show that a path allocates nothing.
// For tests only: linking this target puts malloc and its relatives in front of glibc's.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#if defined(__cplusplus)
extern "C" {
#endif

/// Whether allocations are counted: not under a sanitizer, which brings its own malloc.
bool collie_alloc_is_counted(void);
/// Allocations and reallocations of the calling thread since it began.
uint64_t collie_alloc_count(void);
/// Frees of the calling thread since it began.
uint64_t collie_free_count(void);
/// Stops the process at the calling thread's next allocation, for a debugger or a backtrace.
void collie_alloc_trap(bool on);

#if defined(__cplusplus)
}
#endif
