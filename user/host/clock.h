/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * CLOCK_MONOTONIC, by which the data path counts, and the wall clock, by which people do, in ns.
 */
#ifndef SYNWARD_USER_CLOCK_H
#define SYNWARD_USER_CLOCK_H

#include <linux/types.h>
#include <time.h>

static inline __u64 sw_clock_ns(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (__u64)time.tv_sec * 1000000000ULL + (__u64)time.tv_nsec;
}

static inline __u64 sw_monotonic_ns(void)
{
	return sw_clock_ns(CLOCK_MONOTONIC);
}

/* Add it to CLOCK_MONOTONIC to get the wall clock. */
static inline __s64 sw_wall_offset_ns(void)
{
	return (__s64)(sw_clock_ns(CLOCK_REALTIME) - sw_monotonic_ns());
}

#endif
