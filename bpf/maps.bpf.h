/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Every map of the object. None is pinned: user space finds them through the program on the
 * interface. Names and layouts are what `bpftool map dump` shows, see include/synward.
 */
#ifndef SYNWARD_MAPS_BPF_H
#define SYNWARD_MAPS_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <synward/config.h>
#include <synward/event.h>
#include <synward/flow.h>
#include <synward/guard.h>
#include <synward/local.h>
#include <synward/population.h>
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
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sw_population);
} sw_population SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sw_config);
} sw_config SEC(".maps");

/* What is attached where, and who that is; by ifindex. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct sw_iface);
} sw_ifaces SEC(".maps");

/* Which addresses are this host's. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 20);
	__type(key, struct sw_local_key);
	__type(value, __u32);
} sw_local SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sw_local_bits);
} sw_local_bits SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, SW_ROUTES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct sw_local_key);
	__type(value, struct sw_route);
} sw_routes SEC(".maps");

/* Learnt where answers leave; the value says nothing. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SW_WAYS_MAX);
	__type(key, struct sw_way);
	__type(value, __u32);
} sw_ways SEC(".maps");

/* Guard: which clients are allowed and denied, enum sw_client_rule. Written by user space alone. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 20);
	__type(key, struct sw_local_key);
	__type(value, __u32);
} sw_clients SEC(".maps");

/* Who reads events, each in a place of its own; see <synward/event.h>. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SW_READERS_MAX);
	__type(key, __u32);
	__type(value, struct sw_reader);
} sw_readers SEC(".maps");

struct sw_event_ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, SW_EVENT_RING_BYTES);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, SW_READERS_MAX);
	__type(key, __u32);
	__array(values, struct sw_event_ring);
} sw_reader_rings SEC(".maps");

/* So many places are looked at; 0: nobody reads. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} sw_reading SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 22);
} sw_due SEC(".maps");

struct sw_expire_batch expire_batch = {}; /* see <synward/sweep.h> */

/* Guarded ports, and how long the prefixes in their keys are: a few lengths, each looked up in turn. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SW_PORTS_MAX);
	__type(key, struct sw_port_key);
	__type(value, struct sw_port);
} sw_ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sw_port_masks);
} sw_port_masks SEC(".maps");

/* What is known of services behind this host; what finds no room is passed, and not answered for. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SW_SERVICES_MAX);
	__type(key, struct sw_port_key);
	__type(value, struct sw_service);
} sw_services SEC(".maps");

/* By sw_port.slot; SW_STRAY_SLOT is for what belongs to no connection. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SW_PORTS_MAX + 1);
	__type(key, __u32);
	__type(value, struct sw_pressure);
} sw_pressure SEC(".maps");

/* By sw_retreat_index(); its lock is that of the same number in sw_locks. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SW_RETREAT_PLACES);
	__type(key, __u32);
	__type(value, struct sw_retreat);
} sw_retreats SEC(".maps");

/* Written by user space alone. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sw_keys);
} sw_keys SEC(".maps");

/*
 * CPUs that answer the same prefix at the same time race for its bucket: each may send one reply
 * more than the budget has. The last bucket is for SYNs that no cookie answers.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SW_BUDGET_BUCKETS + 1);
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

#endif
