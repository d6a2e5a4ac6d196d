#ifndef COLLIE_CRASH_POINTS_H
#define COLLIE_CRASH_POINTS_H

#include <stdbool.h>

// Crashing

/// Points at which the process can be told to kill itself, so that tests see what is left there.
///
/// `COLLIE_CRASH_AT=after-flush:3` in the environment of `collie run` kills it (SIGKILL, nothing is
/// tidied up) the third time it comes there; without a number it is the first time. Off by default,
/// and then a point costs one look at a variable. Of commits only those with outputs count.
typedef enum {
    /// `before-take-over`: it leads, and has not yet fenced the leader before.
    collie_crash_before_take_over,
    /// `after-take-over`: that one is fenced.
    collie_crash_after_take_over,
    /// `before-flush`: an epoch's outputs and journal record are handed to the client.
    collie_crash_before_flush,
    /// `after-flush`: the broker has them all, and nobody may see them yet.
    collie_crash_after_flush,
    /// `before-commit`: the transaction is complete, with its offsets, and not committed.
    collie_crash_before_commit,
    /// `after-commit`: it is committed, and nobody in the process knows yet.
    collie_crash_after_commit,
    /// `during-snapshot`: some of a snapshot is written; the n-th time it is written to.
    collie_crash_during_snapshot,
    /// `before-rename`: all of it is on the disk, and it has no name yet.
    collie_crash_before_rename,
    /// `after-rename`: it has its name, and nobody in the process knows yet.
    collie_crash_after_rename,
    /// How many there are.
    collie_crash_point_count
} collie_crash_point;

/// Reads the environment, once, before threads start; false if it names no point.
bool collie_crash_arm(void);
/// Kills the process if this is the point, and the time, it was armed for; in a child that writes a
/// snapshot, its parent too.
void collie_crash_pass(collie_crash_point point);

#endif
