/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Expiry: removes every flow within 250 ms of its deadline, at little cost however many there are.
 * A million that end within one second keep a processor busy for that second.
 */
#ifndef SYNWARD_USER_EXPIRY_H
#define SYNWARD_USER_EXPIRY_H

#include <synward/config.h>

#include "daemon/loop.h"

struct synward;
struct sw_sweeper;

/* For the maps of this loaded object; one sweeper a set of maps. 0 or -errno, reported. */
int sw_sweeper_open(struct sw_sweeper **sweeper, const struct synward *object,
		    const struct sw_timeouts *timeouts);
void sw_sweeper_close(struct sw_sweeper *sweeper);

/* How many half-open records the last pass has found. */
__u64 sw_sweeper_halfopen(const struct sw_sweeper *sweeper);

/* Other time-outs are in force. */
void sw_sweeper_follow(struct sw_sweeper *sweeper, const struct sw_timeouts *timeouts);

/*
 * Its duty. The descriptor is readable when a flow has closed, which then is to be removed at once; but
 * between two rounds it rests, since closed flows come in batches.
 */
struct sw_duty sw_sweeper_duty(struct sw_sweeper *sweeper);

#endif
