#include "CrashPoints.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const labels[collie_crash_point_count] = {
    [collie_crash_before_take_over] = "before-take-over",
    [collie_crash_after_take_over] = "after-take-over",
    [collie_crash_before_flush] = "before-flush",
    [collie_crash_after_flush] = "after-flush",
    [collie_crash_before_commit] = "before-commit",
    [collie_crash_after_commit] = "after-commit",
    [collie_crash_during_snapshot] = "during-snapshot",
    [collie_crash_before_rename] = "before-rename",
    [collie_crash_after_rename] = "after-rename",
};

static int armed = -1;
static atomic_long passes_left;
static pid_t armed_process;

bool collie_crash_arm(void) {
    const char *text = getenv("COLLIE_CRASH_AT");
    if (!text) return true;
    const char *colon = strchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : strlen(text);
    char *end = "";
    long passes = colon ? strtol(colon + 1, &end, 10) : 1;
    if (passes < 1 || *end) return false;
    for (int point = 0; point < collie_crash_point_count; point++) {
        if (strlen(labels[point]) != length || strncmp(labels[point], text, length)) continue;
        atomic_store(&passes_left, passes);
        armed = point;
        armed_process = getpid();
        return true;
    }
    return false;
}

void collie_crash_pass(collie_crash_point point) {
    if ((int)point != armed) return;
    if (atomic_fetch_sub(&passes_left, 1) != 1) return;
    // A copy of the process has its parent die, too.
    kill(armed_process, SIGKILL);
    kill(getpid(), SIGKILL);
}
