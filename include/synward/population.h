/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the flow table holds, counted as it changes, so that nobody need walk it: by state, and how late
 * flows were removed. Each CPU counts for itself, and the sums alone mean something.
 */
#ifndef SYNWARD_POPULATION_H
#define SYNWARD_POPULATION_H

#include <synward/flow.h>

/* Upper bounds in milliseconds: X(ms); 250 is what is promised (L5). */
#define SW_LATE_BOUNDS(X) X(25) X(50) X(100) X(150) X(200) X(250) X(1000)
#define SW_LATE_ONE(ms)   +1
#define SW_LATE_BUCKETS   (0 SW_LATE_BOUNDS(SW_LATE_ONE) + 1) /* the last: beyond all bounds */

/* The value of the per-CPU map sw_population, one element. */
struct sw_population {
	__u64 ends
		[SW_STATES]; /* of flows in sw_flows: came into the state less left it; may wrap */
	__u64 late[SW_LATE_BUCKETS]; /* flows removed past their deadline, by how much */
	__u64 late_ns; /* the sum of that */
};

_Static_assert(sizeof(struct sw_population) == 8 * (SW_STATES + SW_LATE_BUCKETS + 1),
	       "no hidden padding");

/* The bucket of a delay. */
SW_INLINE __u32 sw_late_bucket(__u64 late_ns)
{
	__u32 bucket = 0;

#define SW_LATE_BEYOND(ms) bucket += late_ns > (ms)*SW_NS_PER_MS;
	SW_LATE_BOUNDS(SW_LATE_BEYOND)
#undef SW_LATE_BEYOND
	return bucket;
}

#endif
