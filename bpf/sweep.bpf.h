/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Expiry: what the two syscall programs do to the flow maps.
 */
#ifndef SYNWARD_SWEEP_BPF_H
#define SYNWARD_SWEEP_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <synward/event.h>
#include <synward/pressure.h>
#include <synward/state.h>
#include <synward/sweep.h>

#include "clock.bpf.h"
#include "count.bpf.h"
#include "events.bpf.h"
#include "lookup.bpf.h"
#include "maps.bpf.h"
#include "population.bpf.h"
#include "pressure.bpf.h"
#include "settings.bpf.h"
#include "track.bpf.h"

struct sw_pass {
	struct sw_sweep *args;
	__u64 now;
	bool halfopen; /* which map the pass is in */
};

static __always_inline void sw_tell_removed(const struct sw_flow_key *key,
					    const struct sw_flow *flow, __u64 now,
					    enum sw_event_cause cause)
{
	struct sw_event event = {
		.time_ns = now, .key = *key, .cause = cause, .originator = flow->originator
	};

	sw_note_states(event.before, flow);
	sw_note_states(event.after, flow);
	sw_tell_reader(&event);
}

/*
 * Removes a flow found to be past its deadline. Not under the lock, which no map operation may be:
 * when a segment revives the flow in this instant, the new incarnation is forgotten, and learnt
 * again midstream from its next segment.
 */
static __always_inline void sw_remove(void *map, const struct sw_flow_key *key,
				      const struct sw_flow *flow, bool halfopen, __u64 now)
{
	bool closed = sw_flow_closed(flow);
	__u64 deadline = flow->deadline_ns;
	enum sw_state states[2];

	if (flow->moved && halfopen) {
		bpf_map_delete_elem(map, key);
		return;
	}
	if (!closed)
		sw_tell_removed(key, flow, now, SW_EVENT_EXPIRED);
	sw_note_states(states, flow);
	if (bpf_map_delete_elem(map, key))
		return;
	sw_note_late(now > deadline ? now - deadline : 0);
	if (!closed)
		sw_count(SW_FLOWS_EXPIRED);
	if (!halfopen)
		sw_leave_table(states);
}

/* The same for one that somebody wants gone, whatever its deadline. */
static __always_inline void sw_delete(void *map, const struct sw_flow_key *key,
				      const struct sw_flow *flow, bool halfopen, __u64 now)
{
	enum sw_state states[2];

	sw_tell_removed(key, flow, now, SW_EVENT_DELETED);
	sw_note_states(states, flow);
	if (bpf_map_delete_elem(map, key))
		return;
	sw_count(SW_FLOWS_DELETED);
	expire_batch.removed++;
	if (!halfopen)
		sw_leave_table(states);
}

static long sw_sweep_one(void *map, struct sw_flow_key *key, struct sw_flow *flow,
			 struct sw_pass *pass)
{
	struct sw_sweep *args = pass->args;
	__u64 deadline = flow->deadline_ns;

	if (sw_flow_gone(flow, pass->now)) {
		sw_remove(map, key, flow, pass->halfopen, pass->now);
		args->removed++;
		return 0;
	}
	if (pass->halfopen)
		args->halfopen++;
	else
		args->flows++;
	if (deadline < args->horizon_ns) {
		struct sw_due due = { .deadline_ns = deadline, .key = *key };

		if (bpf_ringbuf_output(&sw_due, &due, sizeof(due), BPF_RB_NO_WAKEUP))
			args->due_lost++;
	}
	return 0;
}

/* Guard: a port to which no SYN comes any more would else not be told that it is quiet. */
static long sw_calm_one(void *map, struct sw_port_key *key, struct sw_port *port,
			struct sw_pass *pass)
{
	bool quiet = sw_port_is_quiet(port, pass->now);
	struct sw_event event;

	(void)map;
	if (sw_turn_of(port->on, false, quiet) == TURN_OFF)
		sw_switch(port, key->port, false, pass->now, &event);
	return 0;
}

static __always_inline void sw_sweep_all(struct sw_sweep *args)
{
	struct sw_pass pass = { .args = args, .now = sw_now(), .halfopen = true };

	bpf_for_each_map_elem(&sw_halfopen, sw_sweep_one, &pass, 0);
	pass.halfopen = false;
	bpf_for_each_map_elem(&sw_flows, sw_sweep_one, &pass, 0);
	bpf_for_each_map_elem(&sw_ports, sw_calm_one, &pass, 0);
}

/*
 * Brings the record into the processor's caches. Look-ups in a row wait for memory together, but not
 * across a removal.
 */
static long sw_fetch_one(__u32 number, void *none)
{
	__u8 halfopen;

	(void)none;
	if (number >= SW_EXPIRE_FLOWS)
		return 1;
	sw_find(&expire_batch.key[number], &halfopen);
	return 0;
}

static long sw_expire_one(__u32 number, const __u64 *now)
{
	struct sw_flow_key *key;
	struct sw_flow *flow;
	__u8 halfopen;

	if (number >= SW_EXPIRE_FLOWS)
		return 1;
	key = &expire_batch.key[number];
	flow = sw_find(key, &halfopen);
	if (!flow)
		return 0;
	if (expire_batch.live_too)
		sw_delete(halfopen ? (void *)&sw_halfopen : (void *)&sw_flows, key, flow, halfopen,
			  *now);
	else if (!sw_flow_gone(flow, *now))
		return 0;
	else if (halfopen)
		sw_remove(&sw_halfopen, key, flow, true, *now);
	else
		sw_remove(&sw_flows, key, flow, false, *now);
	return 0;
}

static __always_inline void sw_expire_all(void)
{
	__u64 now = sw_now();

	bpf_loop(expire_batch.count, sw_fetch_one, NULL, 0);
	bpf_loop(expire_batch.count, sw_expire_one, &now, 0);
}

#endif
