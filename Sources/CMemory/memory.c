#include "CMemory.h"

#include <stdint.h>
#include <sys/mman.h>

static const size_t page = (size_t)2 << 20;

void *collie_memory_map(size_t size) {
    // A page more than asked for, of which what stands before and behind whole pages goes back.
    char *begin = mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (begin == MAP_FAILED) return NULL;
    size_t before = (page - (uintptr_t)begin % page) % page;
    if (before > 0) munmap(begin, before);
    char *memory = begin + before;
    if (page - before > 0) munmap(memory + size, page - before);
    // A system without large pages serves as well.
    (void)madvise(memory, size, MADV_HUGEPAGE);
    return memory;
}

void collie_memory_unmap(void *memory, size_t size) {
    munmap(memory, size);
}
