#include "CBenchmark.h"

#include <benchmark/benchmark.h>

#include <map>
#include <string>

extern "C" uint64_t collie_alloc_count(void);

namespace {

struct Excess {
    double found;
    double max;
};

// By name; the last run of each is the longest.
std::map<std::string, Excess> excesses;

}  // namespace

void collie_benchmark_add(
    const char *name, int64_t items, double allocations_max, collie_benchmark_body body,
    void *context) {
    std::string title = name;
    benchmark::RegisterBenchmark(name, [=](benchmark::State &state) {
        uint64_t allocations = 0;
        while (state.KeepRunningBatch(state.max_iterations)) {
            uint64_t before = collie_alloc_count();
            body(context, state.max_iterations);
            allocations += collie_alloc_count() - before;
        }
        double done = double(state.iterations()) * double(items);
        state.SetItemsProcessed(int64_t(done));
        double found = double(allocations) * 1000 / done;
        state.counters["allocations/1000"] = found;
        excesses[title] = {found, allocations_max};
    });
}

int collie_benchmark_run(int argc, char **argv) {
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return -1;
    benchmark::RunSpecifiedBenchmarks();
    int count = 0;
    for (const auto &[name, excess] : excesses) {
        if (excess.max < 0 || excess.found <= excess.max) continue;
        fprintf(stderr, "%s: %.3f allocations a thousand items, at most %.3f are allowed\n",
                name.c_str(), excess.found, excess.max);
        count++;
    }
    return count;
}
