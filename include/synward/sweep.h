/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The arguments of the two syscall programs by which user space makes flows expire.
 */
#ifndef SYNWARD_SWEEP_H
#define SYNWARD_SWEEP_H

#include <synward/flow.h>

/*
 * synward_sweep: one pass over both flow maps. Removes every flow past its deadline; puts each other
 * flow whose deadline comes before horizon_ns into the ring buffer sw_due.
 */
struct sw_sweep {
	__u64 horizon_ns; /* in: CLOCK_MONOTONIC */
	__u32 flows; /* out: entries left in sw_flows */
	__u32 halfopen; /* out: entries left in sw_halfopen */
	__u32 removed; /* out: entries removed */
	__u32 due_lost; /* out: flows that found sw_due full */
};

/*
 * synward_expire: removes those of a batch of flows that are past their deadline, or all of them. The
 * batch stands in the program's own memory, the skeleton's bss->expire_batch.
 */
#define SW_EXPIRE_FLOWS 512

struct sw_expire_batch {
	__u32 count;
	__u32 live_too; /* somebody wants them gone */
	__u32 removed; /* out, if so: so many were there */
	struct sw_flow_key key[SW_EXPIRE_FLOWS];
};

_Static_assert(sizeof(struct sw_sweep) == 24, "no hidden padding");
_Static_assert(offsetof(struct sw_sweep, flows) == 8, "what comes out follows what goes in");
_Static_assert(offsetof(struct sw_expire_batch, key) == 12, "the keys come last");
_Static_assert(sizeof(struct sw_expire_batch) == 12 + SW_EXPIRE_FLOWS * sizeof(struct sw_flow_key),
	       "no hidden padding");

#endif
