// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Small steps are taken as they are, small steps back as none. A large one is a pause of the capture,
 * unless the next stamp takes it back: then, or if it is back or years ahead, the clock has jumped and
 * no time has passed. A clock that returns to where it was before it jumped is at its old place.
 */
#include <stddef.h>

#include <synward/types.h>

#include "replay/timeline.h"

#define START_NS ((__u64)SW_NS_PER_S)
#define BACK_NS  (10 * (__s64)SW_NS_PER_S) /* capture on many queues, clocks kept by NTP */
#define AHEAD_NS (60 * (__s64)SW_NS_PER_S) /* no time-out is shorter by default */
#define YEARS_NS (5LL * 365 * 24 * 3600 * (__s64)SW_NS_PER_S)

/* How far the stamp is ahead of now, by a clock of this offset. */
static __s64 ahead(const struct sw_timeline *timeline, __s64 time_ns, __s64 offset_ns)
{
	return time_ns - offset_ns - (__s64)timeline->now_ns;
}

static bool is_small(__s64 step)
{
	return step >= -BACK_NS && step <= AHEAD_NS;
}

bool sw_timeline_doubts(const struct sw_timeline *timeline, __s64 time_ns)
{
	return timeline->now_ns && ahead(timeline, time_ns, timeline->offset_ns) > AHEAD_NS;
}

static void step(struct sw_timeline *timeline, __s64 ns)
{
	timeline->now_ns += ns > 0 ? (__u64)ns : 1;
}

static void jump(struct sw_timeline *timeline, __s64 time_ns)
{
	step(timeline, 0);
	timeline->other_ns = timeline->offset_ns;
	timeline->offset_ns = time_ns - (__s64)timeline->now_ns;
}

void sw_timeline_advance(struct sw_timeline *timeline, __s64 time_ns, const __s64 *next_ns)
{
	__s64 ns = ahead(timeline, time_ns, timeline->offset_ns);
	__s64 other = ahead(timeline, time_ns, timeline->other_ns);

	if (!timeline->now_ns) {
		timeline->now_ns = START_NS;
		timeline->offset_ns = timeline->other_ns = time_ns - (__s64)START_NS;
	} else if (is_small(ns)) {
		step(timeline, ns);
	} else if (is_small(other)) {
		step(timeline, other);
		timeline->other_ns = timeline->offset_ns;
		timeline->offset_ns = time_ns - (__s64)timeline->now_ns;
	} else if (ns < 0 || ns > YEARS_NS ||
		   (next_ns && ahead(timeline, *next_ns, timeline->offset_ns) < ns / 2)) {
		jump(timeline, time_ns);
	} else {
		step(timeline, ns);
	}
}
