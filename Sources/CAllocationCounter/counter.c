#define _GNU_SOURCE
#include "CAllocationCounter.h"

#include <errno.h>
#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define COLLIE_SANITIZED 1
#endif
#endif

// Initial-exec: reading it must not itself call malloc, as the other models may.
#define THREAD_COUNT static __thread __attribute__((tls_model("initial-exec")))
THREAD_COUNT uint64_t allocations;
THREAD_COUNT uint64_t frees;
THREAD_COUNT bool trapping;

uint64_t collie_alloc_count(void) { return allocations; }

uint64_t collie_free_count(void) { return frees; }

void collie_alloc_trap(bool on) { trapping = on; }

#if defined(COLLIE_SANITIZED) || !defined(__GLIBC__)

bool collie_alloc_is_counted(void) { return false; }

#else

bool collie_alloc_is_counted(void) { return true; }

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *pointer, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *pointer);

static inline void count(void) {
    allocations += 1;
    if (__builtin_expect(trapping, 0)) __builtin_trap();
}

#define EXPORTED __attribute__((visibility("default"), used))

EXPORTED void *malloc(size_t size) {
    count();
    return __libc_malloc(size);
}

EXPORTED void *calloc(size_t number, size_t size) {
    count();
    return __libc_calloc(number, size);
}

EXPORTED void *realloc(void *pointer, size_t size) {
    count();
    return __libc_realloc(pointer, size);
}

EXPORTED void *memalign(size_t alignment, size_t size) {
    count();
    return __libc_memalign(alignment, size);
}

EXPORTED void *aligned_alloc(size_t alignment, size_t size) {
    count();
    return __libc_memalign(alignment, size);
}

EXPORTED int posix_memalign(void **pointer, size_t alignment, size_t size) {
    count();
    bool power = alignment != 0 && (alignment & (alignment - 1)) == 0;
    if (!power || alignment % sizeof(void *) != 0) return EINVAL;
    int error = errno;
    void *block = __libc_memalign(alignment, size);
    errno = error;
    if (block == NULL) return ENOMEM;
    *pointer = block;
    return 0;
}

EXPORTED void free(void *pointer) {
    frees += pointer != NULL;
    __libc_free(pointer);
}

#endif
