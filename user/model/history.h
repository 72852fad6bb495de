/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * How something that is counted went of late: so much a second, look by look.
 */
#ifndef SYNWARD_USER_HISTORY_H
#define SYNWARD_USER_HISTORY_H

#include <linux/types.h>

#define SW_HISTORY_LOOKS 128

struct sw_history {
	double rate[SW_HISTORY_LOOKS]; /* the newest first */
	int looks;
	__u64 count, time_ns; /* when it was last looked at */
};

/* The counter at this time. One that has begun anew adds nothing. */
void sw_history_look(struct sw_history *history, __u64 count, __u64 time_ns);

/* Of the `looks` newest; 0 if there was nothing. */
double sw_history_highest(const struct sw_history *history, int looks);

#endif
