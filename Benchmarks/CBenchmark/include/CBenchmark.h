// Google Benchmark for functions that are given by pointer.
#pragma once

#include <stdint.h>

#if defined(__cplusplus)
extern "C" {
#endif

/// Does what is measured so many times.
typedef void (*collie_benchmark_body)(void *context, int64_t iterations);

/// Adds a benchmark; `items` is what one iteration works off, and `allocations_max` how many
/// allocations a thousand items may cost at most (negative is any number).
void collie_benchmark_add(
    const char *name, int64_t items, double allocations_max, collie_benchmark_body body,
    void *context);

/// Runs what was added, with Google Benchmark's own options (`--help` tells); answers how many
/// allocated more than they may, or -1 for options it does not know.
int collie_benchmark_run(int argc, char **argv);

#if defined(__cplusplus)
}
#endif
