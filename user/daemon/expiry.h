/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Expiry: removes every flow within 250 ms of its deadline, at little cost however many there are.
 * A million that end within one second keep a processor busy for that second.
 */
#ifndef SYNWARD_USER_SWEEP_H
#define SYNWARD_USER_SWEEP_H

#include <synward/config.h>

struct synward;
struct sw_sweeper;

/* For the maps of this loaded object; one sweeper a set of maps. 0 or -errno, reported. */
int sw_sweeper_open(struct sw_sweeper **sweeper, const struct synward *object,
		    const struct sw_timeouts *timeouts);
void sw_sweeper_close(struct sw_sweeper *sweeper);

/*
 * The caller's loop: rest, do the work, wait until the descriptor is readable (a flow has closed,
 * which then is to be removed at once) or the time is over. In milliseconds.
 */
int sw_sweeper_rest_ms(const struct sw_sweeper *sweeper);
int sw_sweeper_work(struct sw_sweeper *sweeper); /* 0 or -errno, not reported; go on after it */
int sw_sweeper_wait_ms(const struct sw_sweeper *sweeper);
int sw_sweeper_fd(const struct sw_sweeper *sweeper);

#endif
