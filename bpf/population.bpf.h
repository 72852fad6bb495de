/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Counts what comes into the flow table, changes in it, and leaves it.
 *
 * Two CPUs that change a flow and remove it in the same instant may count a state that it no longer had:
 * the gauge of that state is then off by one, until the maps are new.
 */
#ifndef SYNWARD_POPULATION_BPF_H
#define SYNWARD_POPULATION_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <synward/population.h>

#include "count.bpf.h"
#include "maps.bpf.h"

static __always_inline struct sw_population *sw_population_here(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&sw_population, &zero);
}

/* Both ends of a flow; `more` is 1, or -1 for less. */
static __always_inline void sw_populate(const enum sw_state *states, __s64 more)
{
	struct sw_population *here = sw_population_here();

	for (int end = 0; here && end < 2; end++) {
		__u32 state = sw_opaque(states[end]); /* tested and used in one register */

		if (state < SW_STATES)
			here->ends[state] += more;
	}
}

/* A flow that was in these states has been removed from the flow table. */
static __always_inline void sw_leave_table(const enum sw_state *states)
{
	sw_count(SW_FLOWS_REMOVED);
	sw_populate(states, -1);
}

static __always_inline void sw_note_late(__u64 late_ns)
{
	struct sw_population *here = sw_population_here();
	__u32 bucket = sw_opaque(sw_late_bucket(late_ns));

	if (!here || bucket >= SW_LATE_BUCKETS)
		return;
	here->late[bucket]++;
	here->late_ns += late_ns;
}

#endif
