// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The data path counts on each CPU apart, and never counts down: what is live is what was opened less
 * what was removed. Half-open records an LRU drops unseen, so they are counted where they lie.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>

#include "model/flow_maps.h"
#include "model/stats.h"

int sw_counters_read(int fd, __u64 sum[SW_COUNTER_MAX])
{
	int cpus = libbpf_num_possible_cpus(), err;
	__u64(*values)[SW_COUNTER_MAX];

	if (cpus < 0)
		return cpus;
	values = calloc((size_t)cpus, sizeof(*values));
	if (!values)
		return -ENOMEM;
	err = sw_map_read_one(fd, values);
	for (int counter = 0; counter < SW_COUNTER_MAX; counter++) {
		sum[counter] = 0;
		for (int cpu = 0; cpu < cpus; cpu++)
			sum[counter] += values[cpu][counter];
	}
	free(values);
	return err;
}

int sw_totals_add(struct sw_totals *totals, const struct sw_map_fds *maps, __u64 now_ns)
{
	__u64 sum[SW_COUNTER_MAX], halfopen;
	int err = sw_counters_read(maps->stats, sum)
			  ?: sw_halfopen_count(maps->halfopen, now_ns, &halfopen);

	if (err)
		return err;
	for (int i = 0; i < SW_COUNTER_MAX; i++)
		totals->count[i] += sum[i];
	totals->flows_live += sum[SW_FLOWS_OPENED] - sum[SW_FLOWS_REMOVED];
	totals->halfopen_live += halfopen;
	return 0;
}
