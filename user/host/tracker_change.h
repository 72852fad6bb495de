/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Interfaces that come and go while the tracker runs, in two steps: what is to be is looked at, and then
 * brought about; or it is given up, and nothing has been changed.
 */
#ifndef SYNWARD_USER_TRACKER_CHANGE_H
#define SYNWARD_USER_TRACKER_CHANGE_H

#include "host/tracker.h"

struct sw_tracker_change {
	size_t stay; /* so many interfaces of the tracker's stay; those that are new follow */
	size_t leave; /* so many leave, and stand behind what the tracker counts */
};

/* Sees to it that the tracker has the named interfaces; NULL: those that it has. 0 or -errno, reported: it is as it was. */
int sw_tracker_change(struct sw_tracker *tracker, char *const *names,
		      struct sw_tracker_change *change);

/* It is as it was. */
void sw_tracker_change_undo(struct sw_tracker *tracker, const struct sw_tracker_change *change);

/*
 * Takes the programs off those that leave, and says which came and went; the caller has attached to what
 * is new, and holds the lock of sw_lock_setup(). What can't be taken off is reported.
 */
void sw_tracker_change_end(struct sw_tracker *tracker, const struct sw_tracker_change *change);

#endif
