/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Every map of the object. None is pinned: user space finds them through the program on the
 * interface. Names and layouts are what `bpftool map dump` shows, see include/synward.
 */
#ifndef SYNWARD_MAPS_H
#define SYNWARD_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <synward/config.h>
#include <synward/event.h>
#include <synward/flow.h>
#include <synward/offline.h>
#include <synward/guard.h>
#include <synward/parse.h>
#include <synward/reply.h>
#include <synward/stats.h>
#include <synward/sweep.h>

/*
 * Flows that both ends have proved live. Not preallocated: a table for a million flows then costs
 * nothing until they come.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 20);
	__type(key, struct sw_flow_key);
	__type(value, struct sw_flow);
} sw_flows SEC(".maps");

/* All other flows. A flood of SYNs turns this one over and over, and touches no live flow. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1 << 17);
	__type(key, struct sw_flow_key);
	__type(value, struct sw_flow);
} sw_halfopen SEC(".maps");

/*
 * Both directions of a flow can be in flight on two CPUs. Holding the lock of its stripe makes one
 * step of the state model whole. The locks stand apart from the flows because an LRU hash can't
 * hold one, and so that one step serves both maps.
 */
#define SW_LOCK_STRIPES 4096

struct sw_lock {
	struct bpf_spin_lock lock;
	__u32 padding;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SW_LOCK_STRIPES);
	__type(key, __u32);
	__type(value, struct sw_lock);
} sw_locks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sw_stats);
} sw_stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sw_config);
} sw_config SEC(".maps");

/* What is attached where, by ifindex. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct sw_iface);
} sw_ifaces SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} sw_events SEC(".maps");

/* The process that reads sw_events, 0 if none does. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} sw_event_reader SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 22);
} sw_due SEC(".maps");

struct sw_expire_batch expire_batch = {}; /* see <synward/sweep.h> */

/* Guarded ports, by their number. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SW_PORTS_MAX);
	__type(key, __u32);
	__type(value, struct sw_port);
} sw_ports SEC(".maps");

/* By sw_port.slot; slot 0 is of what belongs to no connection, see guard.h. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SW_PORTS_MAX + 1);
	__type(key, __u32);
	__type(value, struct sw_pressure);
} sw_pressure SEC(".maps");

/* Written by user space alone. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sw_keys);
} sw_keys SEC(".maps");

/*
 * CPUs that answer the same prefix at the same time race for its bucket: each may send one reply
 * more than the budget has.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SW_BUDGET_BUCKETS);
	__type(key, __u32);
	__type(value, struct sw_budget);
} sw_budget SEC(".maps");

/* Which connections have sockets: one generation in use, the other being made. See sockets.h. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct sw_socket_bits);
} sw_sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} sw_sockets_now SEC(".maps");

/*
 * The connections that this CPU has given to their listeners of late, by a hash of theirs; those that
 * share a place forget each other.
 */
#define SW_HANDED_PLACES 1024

struct sw_handed {
	__u64 time_ns;
	__u64 hash;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SW_HANDED_PLACES);
	__type(key, __u32);
	__type(value, struct sw_handed);
} sw_handed SEC(".maps");

/* 1: XDP can't tell tc by metadata which frames open a connection; the driver has none. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} sw_blind SEC(".maps");

#define SW_HINT 0x64726177 /* that metadata */

/* What guard found when it looked for the socket of a segment. */
enum sw_found {
	FOUND_NOTHING,
	FOUND_SOCKET, /* of the connection itself: established, SYN_RCVD, TIME_WAIT, ... */
	FOUND_LISTENER,
};

struct sw_look {
	enum sw_found found;
	enum sw_listener_kind listener;
	__u32 half_open, backlog;
	__u32 receive_buffer; /* bytes */
};

/*
 * Work on one segment, by the CPU that does it: too large for BPF's stack of 512 bytes. Programs of
 * network hooks run with bottom halves off and so never meet in it.
 */
struct sw_work {
	__u64 now;
	enum sw_counter reason;
	enum sw_state before[2], after[2]; /* of the endpoints, before and after the step */
	__u8 halfopen; /* the flow was found in sw_halfopen */
	__u8 proved; /* and may leave it */
	__u8 picked_up; /* begun by this segment, without a SYN */
	__u8 awaits_admission; /* opened by a cookie: the listener may have to be given it */
	struct sw_segment seg; /* its options[] last */
	struct sw_packet packet;
	struct sw_flow flow; /* on its way into a map */
	struct sw_look look;
	struct sw_offer offer;
	struct sw_reply reply;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sw_work);
} sw_scratch SEC(".maps");

static __always_inline struct sw_work *sw_work_in_hand(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&sw_scratch, &zero);
}

/* Zero but for what is always written before it is read. */
static __always_inline struct sw_work *sw_new_work(void)
{
	struct sw_work *w = sw_work_in_hand();

	if (w)
		__builtin_memset(w, 0, offsetof(struct sw_work, seg.options));
	return w;
}

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

/* In force while nobody has written sw_config, as after `ip link set dev IF xdp obj`. */
static const volatile struct sw_config sw_unconfigured = SW_CONFIG_DEFAULT;

static __always_inline const struct sw_config *sw_settings(void)
{
	__u32 zero = 0;
	const struct sw_config *cfg = bpf_map_lookup_elem(&sw_config, &zero);

	return cfg && cfg->configured ? cfg : (const struct sw_config *)&sw_unconfigured;
}

/* By enum sw_counter; of this CPU, and programs do not preempt each other on one. */
static __always_inline __u64 *sw_counters(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&sw_stats, &zero);
}

static __always_inline void sw_count(enum sw_counter counter)
{
	__u64 *counters = sw_counters();

	if (counters && counter < SW_COUNTER_MAX)
		counters[counter]++;
}

#endif
