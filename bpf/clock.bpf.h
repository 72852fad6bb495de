/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What time it is: the kernel's clock, or offline (tests, replay) what user space says. And what else
 * user space and the programs tell each other offline.
 */
#ifndef SYNWARD_CLOCK_BPF_H
#define SYNWARD_CLOCK_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <synward/offline.h>
#include <synward/segment.h>

/* Offline (tests, replay), time is what user space says it is. */
const volatile bool offline = false;
__u64 offline_now_ns = 0;
struct sw_offline offline_result = {};

/* Of a frame of which only the headers are given; 0: given whole. Volatile: clang would read it first. */
volatile __u32 offline_wire_length = 0;

static __always_inline __u64 sw_now(void)
{
	return offline ? offline_now_ns : bpf_ktime_get_ns();
}

/* That of the last tick (1 to 10 ms ago): reading the exact clock takes 22 ns. */
static __always_inline __u64 sw_coarse_now(void)
{
	return offline ? offline_now_ns : bpf_ktime_get_coarse_ns();
}

/* The time of a segment: exact if it opens or closes. */
static __always_inline __u64 sw_segment_time(const struct sw_segment *seg)
{
	return seg->flags & (SW_TCP_SYN | SW_TCP_FIN | SW_TCP_RST) ? sw_now() : sw_coarse_now();
}

#endif
