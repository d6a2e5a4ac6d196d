// What Collie asks of Linux and Swift cannot say itself: threads with names, futexes, clocks,
// processors, stop signals, the terminal. Each function does one thing; none allocates but
// collie_thread_start.
#pragma once

#include "CrashPoints.h"

#include <stdbool.h>
#include <stdint.h>

#if defined(__cplusplus)
extern "C" {
#endif

#pragma clang assume_nonnull begin

// Threads

/// Starts a thread of that name (the first 15 bytes count) which runs `body(context)` with the
/// stop signals blocked. Returns 0 and the thread's id, or an error number.
int collie_thread_start(
    const char *name, void (*body)(void *context), void *context, uint64_t *thread);
/// Waits until the thread has ended.
void collie_thread_join(uint64_t thread);
/// Nobody will join the thread.
void collie_thread_detach(uint64_t thread);
/// The calling thread's id; never 0.
uint64_t collie_thread_current(void);
/// Names the calling thread; the first 15 bytes count.
void collie_thread_set_name(const char *name);
/// Reads the calling thread's name.
void collie_thread_get_name(char *name, int capacity);
/// Keeps the calling thread on one processor; false if that processor is not to be had.
bool collie_thread_pin(int processor);
/// Lets another thread run.
void collie_thread_yield(void);

/// Processors this process may use: affinity and the control group's quota taken into account.
int collie_processor_count(void);

/// Tells the processor that this is a spin loop.
static inline void collie_spin_hint(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("isb" ::: "memory");
#endif
}

// Sleeping and waking

/// Sleeps while `*word` is `expected`, until woken or until the monotonic clock shows
/// `deadline` (nanoseconds; negative is never). May return early. False when the time is up.
bool collie_futex_wait(const uint32_t *word, uint32_t expected, int64_t deadline);
/// Wakes at most `count` threads that sleep on `word`.
void collie_futex_wake(const uint32_t *word, int count);

// Clocks

/// Nanoseconds of the clock that never runs back.
int64_t collie_monotonic_nanoseconds(void);
/// Milliseconds of the clock that never runs back.
int64_t collie_monotonic_milliseconds(void);
/// Milliseconds since 1970 in UTC.
int64_t collie_wall_milliseconds(void);
/// Nanoseconds of processor time the calling thread has used.
int64_t collie_thread_cpu_nanoseconds(void);

// Memory

/// Gives pages that nothing of the C library's heap stands in back to the system; what is freed is
/// else kept for the next time, however much it was. Takes a millisecond or so.
void collie_heap_trim(void);

// Stopping

/// From now on the first SIGTERM or SIGINT is a wish to stop and a second one ends the process at
/// once; a closed pipe is an error of write and no signal. Returns 0 or an error number.
int collie_stop_install(void);
/// Wishes to stop so far.
int collie_stop_count(void);
/// The last stop signal's number; 0 if there was none.
int collie_stop_signal(void);
/// Wishes to stop from within: as the first signal, but never the one that ends at once.
void collie_stop_request(void);
/// Waits for a wish to stop, at most that long (negative is for ever); whether there is one.
bool collie_stop_wait(int milliseconds);
/// Readable once there is a wish to stop; for poll beside others. -1 before installation.
int collie_stop_descriptor(void);

// Copies of the process

/// Forks. In the child answers 0: it has this thread only, the standard files and `report`, and a
/// low priority, and ends with the thread that made it. In the parent answers the child's id, or a negative error number; what the child
/// says at its end is read from `report`.
int64_t collie_fork(int *report);
/// In the child: says `text` (at most 1,000 bytes) and ends.
void collie_child_exit(int report, const char *text) __attribute__((noreturn));
/// In the parent: whether the child has ended; then `report` is closed and `text`, which holds
/// 1,001 bytes, is what it said, empty if it died before.
bool collie_child_has_ended(int64_t child, int report, char *text);
/// In the parent: ends the child at once and closes `report`.
void collie_child_kill(int64_t child, int report);

// Command line

/// One option of a command: its long name without dashes, and whether it takes a value.
typedef struct {
    const char *name;
    bool takes_value;
} collie_option;

/// Reads words (the first is the command's own name) with the C library's getopt_long; one reader
/// at a time. `begin` starts over; `next` answers the position of the option found and its value,
/// -1 at the end, -2 for an unknown or ambiguous option, -3 for one that lacks its value, and then
/// the word in `value`. `rest` is the position of the first word that is no option so far.
void collie_options_begin(void);
int collie_options_next(
    int count, char *_Nonnull const *_Nonnull words, const collie_option *options, int option_count,
    const char *_Nullable *_Nonnull value);
int collie_options_rest(void);
/// Goes on behind the next word: it was taken as a further value.
void collie_options_skip(void);

// Terminal

/// Whether the descriptor is a terminal.
bool collie_is_terminal(int descriptor);
/// Columns of the terminal; 0 if it is none.
int collie_terminal_width(int descriptor);

#pragma clang assume_nonnull end

#if defined(__cplusplus)
}
#endif
