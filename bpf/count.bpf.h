/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The counters of this CPU.
 */
#ifndef SYNWARD_COUNT_BPF_H
#define SYNWARD_COUNT_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <synward/stats.h>

#include "maps.bpf.h"

/* By enum sw_counter; of this CPU, and programs do not preempt each other on one. */
static __always_inline __u64 *sw_counters(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&sw_stats, &zero);
}

static __always_inline void sw_count_all(enum sw_counter counter, __u64 number)
{
	__u64 *counters = sw_counters();

	if (counters && counter < SW_COUNTER_MAX)
		counters[counter] += number;
}

static __always_inline void sw_count(enum sw_counter counter)
{
	sw_count_all(counter, 1);
}

#endif
