#define _GNU_SOURCE
#include "CPlatform.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <linux/futex.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// Threads

_Static_assert(sizeof(pthread_t) <= sizeof(uint64_t), "a thread's id fits into 64 bits");

struct start {
    void (*body)(void *);
    void *context;
    char name[16];
};

static void copy_name(char target[16], const char *name) {
    strncpy(target, name, 15);
    target[15] = 0;
}

static void *thread_main(void *argument) {
    struct start start = *(struct start *)argument;
    free(argument);
    pthread_setname_np(pthread_self(), start.name);
    start.body(start.context);
    return NULL;
}

int collie_thread_start(
    const char *name, void (*body)(void *context), void *context, uint64_t *thread) {
    struct start *start = malloc(sizeof *start);
    if (start == NULL) return ENOMEM;
    start->body = body;
    start->context = context;
    copy_name(start->name, name);

    // Stop signals are for the main thread: no call of an engine thread is interrupted by one.
    sigset_t stops, before;
    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    pthread_sigmask(SIG_BLOCK, &stops, &before);
    pthread_t handle;
    int error = pthread_create(&handle, NULL, thread_main, start);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        free(start);
        return error;
    }
    *thread = (uint64_t)handle;
    return 0;
}

void collie_thread_join(uint64_t thread) { pthread_join((pthread_t)thread, NULL); }

void collie_thread_detach(uint64_t thread) { pthread_detach((pthread_t)thread); }

uint64_t collie_thread_current(void) { return (uint64_t)pthread_self(); }

void collie_thread_set_name(const char *name) {
    char copy[16];
    copy_name(copy, name);
    pthread_setname_np(pthread_self(), copy);
}

void collie_thread_get_name(char *name, int capacity) {
    if (capacity <= 0) return;
    if (pthread_getname_np(pthread_self(), name, (size_t)capacity) != 0) name[0] = 0;
}

bool collie_thread_pin(int processor) {
    if (processor < 0 || processor >= CPU_SETSIZE) return false;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    return pthread_setaffinity_np(pthread_self(), sizeof set, &set) == 0;
}

void collie_thread_yield(void) { sched_yield(); }

/// Whole processors the control group's quota allows; INT_MAX if it sets none.
static int quota_of_control_group(void) {
    FILE *file = fopen("/sys/fs/cgroup/cpu.max", "re");
    if (file == NULL) return INT_MAX;
    long long quota, period;
    int fields = fscanf(file, "%lld %lld", &quota, &period);
    fclose(file);
    if (fields != 2 || quota <= 0 || period <= 0) return INT_MAX;
    long long count = (quota + period - 1) / period;
    return count < INT_MAX ? (int)count : INT_MAX;
}

int collie_processor_count(void) {
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof set, &set) == 0
        ? CPU_COUNT(&set)
        : (int)sysconf(_SC_NPROCESSORS_ONLN);
    int quota = quota_of_control_group();
    if (count > quota) count = quota;
    return count > 0 ? count : 1;
}

// Sleeping and waking

bool collie_futex_wait(const uint32_t *word, uint32_t expected, int64_t deadline) {
    struct timespec time = {
        .tv_sec = (time_t)(deadline / 1000000000),
        .tv_nsec = (long)(deadline % 1000000000),
    };
    // The bit-set form is the one that takes a point in time, so an early return costs no drift.
    long result = syscall(
        SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, expected, deadline < 0 ? NULL : &time, NULL,
        FUTEX_BITSET_MATCH_ANY);
    return result == 0 || errno != ETIMEDOUT;
}

void collie_futex_wake(const uint32_t *word, int count) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

// Clocks

static int64_t nanoseconds(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int64_t collie_monotonic_nanoseconds(void) { return nanoseconds(CLOCK_MONOTONIC); }

int64_t collie_monotonic_milliseconds(void) { return nanoseconds(CLOCK_MONOTONIC) / 1000000; }

int64_t collie_wall_milliseconds(void) { return nanoseconds(CLOCK_REALTIME) / 1000000; }

int64_t collie_thread_cpu_nanoseconds(void) { return nanoseconds(CLOCK_THREAD_CPUTIME_ID); }

// Memory

void collie_heap_trim(void) {
#if defined(__GLIBC__)
    malloc_trim(0);
#endif
}

// Stopping

static atomic_int stop_count;
static atomic_int stop_number;
static atomic_int stop_event = -1;

/// Makes the descriptor readable. Called in a signal handler: only write is allowed here.
static void announce_stop(void) {
    int event = atomic_load(&stop_event);
    uint64_t one = 1;
    if (event >= 0 && write(event, &one, sizeof one) < 0) {
        // A full counter is readable already.
    }
}

static void on_stop_signal(int number) {
    int error = errno;
    // Only signals count for the second: a request from within leaves room for a first.
    if (atomic_exchange(&stop_number, number) != 0) _exit(128 + number);
    atomic_fetch_add(&stop_count, 1);
    announce_stop();
    errno = error;
}

int collie_stop_install(void) {
    if (atomic_load(&stop_event) < 0) {
        int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (event < 0) return errno;
        atomic_store(&stop_event, event);
    }
    struct sigaction action = {.sa_handler = on_stop_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGTERM, &action, NULL) != 0 || sigaction(SIGINT, &action, NULL) != 0)
        return errno;
    // A parent may have left them blocked, and then nobody could stop this process but by force.
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    int error = pthread_sigmask(SIG_UNBLOCK, &stops, NULL);
    if (error != 0) return error;
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigemptyset(&ignore.sa_mask);
    return sigaction(SIGPIPE, &ignore, NULL) == 0 ? 0 : errno;
}

int collie_stop_count(void) { return atomic_load(&stop_count); }

int collie_stop_signal(void) { return atomic_load(&stop_number); }

void collie_stop_request(void) {
    atomic_fetch_add(&stop_count, 1);
    announce_stop();
}

bool collie_stop_wait(int milliseconds) {
    int64_t deadline = collie_monotonic_milliseconds() + milliseconds;
    while (atomic_load(&stop_count) == 0) {
        int64_t left = milliseconds < 0 ? -1 : deadline - collie_monotonic_milliseconds();
        if (milliseconds >= 0 && left <= 0) return false;
        struct pollfd event = {.fd = atomic_load(&stop_event), .events = POLLIN};
        poll(&event, 1, (int)left);
    }
    return true;
}

int collie_stop_descriptor(void) { return atomic_load(&stop_event); }

// Copies of the process

#define REPORT_MAX 1000

int64_t collie_fork(int *report) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK)) return -errno;
    pid_t parent = getpid();
    pid_t child = fork();
    if (child < 0) {
        int error = errno;
        close(ends[0]);
        close(ends[1]);
        return -error;
    }
    if (child > 0) {
        close(ends[1]);
        *report = ends[0];
        return child;
    }
    // Whoever follows the parent may write to the same folder.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    // Connections must end with the parent, whatever becomes of its child.
    dup2(ends[1], 3);
    syscall(SYS_close_range, 4u, ~0u, 0u);
    setpriority(PRIO_PROCESS, 0, 10);
    *report = 3;
    return 0;
}

void collie_child_exit(int report, const char *text) {
    size_t length = strlen(text);
    ssize_t written = write(report, text, length < REPORT_MAX ? length : REPORT_MAX);
    _exit(written < 0);
}

static void read_report(int report, char *text) {
    ssize_t length = read(report, text, REPORT_MAX);
    text[length > 0 ? length : 0] = 0;
    close(report);
}

bool collie_child_has_ended(int64_t child, int report, char *text) {
    pid_t ended = waitpid((pid_t)child, NULL, WNOHANG);
    if (ended == 0 || (ended < 0 && errno == EINTR)) return false;
    read_report(report, text);
    return true;
}

void collie_child_kill(int64_t child, int report) {
    kill((pid_t)child, SIGKILL);
    while (waitpid((pid_t)child, NULL, 0) < 0 && errno == EINTR) {}
    close(report);
}

// Command line

void collie_options_begin(void) {
    // Zero makes glibc forget where it was; messages are the caller's.
    optind = 0;
    opterr = 0;
}

int collie_options_next(
    int count, char *const *words, const collie_option *options, int option_count,
    const char **value) {
    struct option table[64] = {0};
    if (option_count > 63) return -1;
    for (int i = 0; i < option_count; i++) {
        table[i].name = options[i].name;
        table[i].has_arg = options[i].takes_value ? required_argument : no_argument;
        table[i].val = 1000 + i;
    }
    *value = NULL;
    // '+' stops at the first word that is no option, so that words keep their order.
    int code = getopt_long(count, words, "+:h", table, NULL);
    if (code == -1) return -1;
    if (code == 'h') {
        for (int i = 0; i < option_count; i++)
            if (strcmp(options[i].name, "help") == 0) return i;
    }
    if (code < 1000) {
        *value = words[optind - 1];
        return code == ':' ? -3 : -2;
    }
    *value = optarg;
    return code - 1000;
}

int collie_options_rest(void) { return optind; }

void collie_options_skip(void) { optind += 1; }

// Terminal

bool collie_is_terminal(int descriptor) { return isatty(descriptor) == 1; }

int collie_terminal_width(int descriptor) {
    struct winsize size;
    return ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}
