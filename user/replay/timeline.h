/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The clock that flows live on, made of the times in a capture. It never goes back and never stands
 * still; time that a wrong stamp would take, or a clock that was set, does not pass on it.
 */
#ifndef SYNWARD_REPLAY_TIMELINE_H
#define SYNWARD_REPLAY_TIMELINE_H

#include <linux/types.h>
#include <stdbool.h>

struct sw_timeline {
	__u64 now_ns; /* 0: nothing has come yet */
	__s64 offset_ns; /* of the capture's clock from this one */
	__s64 other_ns; /* the same before it last jumped */
};

/* Whether this stamp is so far ahead that it takes the next one to believe it. */
bool sw_timeline_doubts(const struct sw_timeline *timeline, __s64 time_ns);

/* The next frame's stamp; that of the one behind it, or NULL where that is not known. */
void sw_timeline_advance(struct sw_timeline *timeline, __s64 time_ns, const __s64 *next_ns);

#endif
