// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What one CPU has counted into a state another one may have counted out of it: no sum is below zero for
 * longer than it takes to read them all.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>

#include "model/map_fds.h"
#include "model/population.h"

int sw_population_read(int population_fd, struct sw_population *sum)
{
	int cpus = libbpf_num_possible_cpus(), err;
	struct sw_population *each;

	*sum = (struct sw_population){};
	if (cpus < 0)
		return cpus;
	each = calloc((size_t)cpus, sizeof(*each));
	if (!each)
		return -ENOMEM;
	err = sw_map_read_one(population_fd, each);
	for (int cpu = 0; !err && cpu < cpus; cpu++) {
		for (int state = 0; state < SW_STATES; state++)
			sum->ends[state] += each[cpu].ends[state];
		for (int bucket = 0; bucket < SW_LATE_BUCKETS; bucket++)
			sum->late[bucket] += each[cpu].late[bucket];
		sum->late_ns += each[cpu].late_ns;
	}
	for (int state = 0; state < SW_STATES; state++)
		if ((__s64)sum->ends[state] < 0)
			sum->ends[state] = 0;
	free(each);
	return err;
}
