/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Every counter, added up over the CPUs, and the two gauges.
 */
#ifndef SYNWARD_USER_STATS_H
#define SYNWARD_USER_STATS_H

#include <errno.h>

#include <synward/stats.h>

#include "model/map_fds.h"

struct sw_totals {
	__u64 count[SW_COUNTER_MAX]; /* by enum sw_counter */
	__u64 flows_live; /* entries of sw_flows */
	__u64 halfopen_live; /* live entries of sw_halfopen */
};

/* The sums over the CPUs. 0 or -errno: -ENOENT where /sys does not tell how many there may be. */
int sw_counters_read(int stats_fd, __u64 sum[SW_COUNTER_MAX]);

/* What to do about it. */
#define SW_COUNTERS_HINT(err) ((err) == -ENOENT ? "/sys is to be mounted" : NULL)

/*
 * Adds what these maps have at now_ns (CLOCK_MONOTONIC) to *totals. 0 or -errno, and *totals is as it
 * was.
 */
int sw_totals_add(struct sw_totals *totals, const struct sw_map_fds *maps, __u64 now_ns);

#endif
