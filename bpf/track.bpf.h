/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * One segment against the flow maps: find its flow or begin one, apply the state model under the
 * lock, move a flow that has proved live into sw_flows, count, tell who reads events.
 */
#ifndef SYNWARD_TRACK_BPF_H
#define SYNWARD_TRACK_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <synward/event.h>
#include <synward/martian.h>
#include <synward/predict.h>
#include <synward/state.h>

#include "clock.bpf.h"
#include "count.bpf.h"
#include "events.bpf.h"
#include "frame.bpf.h"
#include "maps.bpf.h"
#include "population.bpf.h"
#include "settings.bpf.h"
#include "verdict.bpf.h"
#include "work.bpf.h"

#define EEXIST 17 /* asm-generic/errno-base.h */

static __always_inline struct sw_lock *sw_lock_of(const struct sw_flow_key *key)
{
	const __u32 *a = (const __u32 *)key->addr[0], *b = (const __u32 *)key->addr[1];
	__u32 mixed = (a[3] ^ b[3] ^ a[2] ^ b[2]) + ((__u32)key->port[0] << 16 | key->port[1]);
	__u32 stripe = mixed * 2654435761U / (0x100000000ULL / SW_LOCK_STRIPES);

	return bpf_map_lookup_elem(&sw_locks, &stripe);
}

/* The flow's record, in either map. */
static __always_inline struct sw_flow *sw_find(const struct sw_flow_key *key, __u8 *halfopen)
{
	struct sw_flow *flow = bpf_map_lookup_elem(&sw_flows, key);

	*halfopen = 0;
	if (flow)
		return flow;
	*halfopen = 1;
	return bpf_map_lookup_elem(&sw_halfopen, key);
}

static __always_inline void sw_note_states(enum sw_state *states, const struct sw_flow *flow)
{
	states[0] = flow->ep[0].state;
	states[1] = flow->ep[1].state;
}

/* Under the lock: the model's step, and what it did. */
static __always_inline void sw_step(struct sw_flow *flow, struct sw_work *w,
				    const struct sw_config *cfg)
{
	if (offline)
		offline_result.before = *flow;
	sw_note_states(w->before, flow);
	w->first_word = flow->cookie;
	w->reason = sw_flow_step(flow, &w->seg, w->now, cfg);
	w->first_word &= !flow->cookie && w->seg.sender != flow->originator;
	sw_note_states(w->after, flow);
	w->proved = w->halfopen && sw_flow_proved(flow, &w->seg, cfg);
	w->awaits_admission = sw_awaits_admission(flow, &w->seg);
	w->bygone = guardable && sw_is_bygone(flow, &w->seg);
	w->originator = flow->originator;
	w->picked_up = flow->midstream && flow->ep[0].packets + flow->ep[1].packets == 1;
	if (offline)
		offline_result.after = *flow;
	if (w->proved) {
		w->flow = *flow;
		flow->moved = 1;
	}
}

enum sw_applied {
	SW_APPLIED,
	SW_ABSENT, /* there is no record */
	SW_MOVED, /* another CPU is moving it to sw_flows: look again */
};

/*
 * One segment against its flow's record, which may be NULL.
 *
 * Who races for it: the CPU of the flow's other direction, the sweeper. The lock makes a step
 * whole. It does not keep the record: that can be removed and its memory given to another flow
 * between look-up and lock (neither kind of hash waits for its readers), and the step then goes
 * into a record that is not this flow's. It takes an eviction of that very record within the same
 * hundred nanoseconds, and costs one record with wrong numbers, which its time-out clears.
 *
 * A global function, as the other two below: the verifier checks it once, and not once for every
 * way that leads to it. It fetches the work itself, because to older verifiers (Linux 6.1) a pointer
 * that comes as an argument is no map key.
 */
__noinline int sw_apply(struct sw_flow *flow, const struct sw_config *cfg)
{
	struct sw_work *w = sw_work_in_hand();
	struct sw_lock *stripe;
	bool moved;

	if (!w)
		return SW_ABSENT;
	stripe = sw_lock_of(&w->seg.key);
	if (!flow || !cfg || !stripe)
		return SW_ABSENT;
	bpf_spin_lock(&stripe->lock);
	moved = flow->moved;
	if (!moved)
		sw_step(flow, w, cfg);
	bpf_spin_unlock(&stripe->lock);
	return moved ? SW_MOVED : SW_APPLIED;
}

/*
 * True: the segment has been applied by the short cut of <synward/predict.h>, and there is nothing to
 * count or to tell.
 */
static __always_inline bool sw_predicted(const struct sw_work *w, struct sw_flow *flow)
{
	bool predicted;

	if (!flow || w->halfopen || !sw_may_be_predicted(&w->seg))
		return false;
	if (offline)
		offline_result.before = *flow;
	predicted = sw_flow_predicted(flow, &w->seg, sw_coarse_now(), sw_settings());
	if (offline)
		offline_result.after = *flow;
	return predicted;
}

/* sw_flows has no room: the flow stays where it was. */
static __always_inline void sw_unmove(const struct sw_flow_key *key)
{
	struct sw_flow *flow = bpf_map_lookup_elem(&sw_halfopen, key);
	struct sw_lock *stripe = sw_lock_of(key);

	if (!flow || !stripe)
		return;
	bpf_spin_lock(&stripe->lock);
	flow->moved = 0;
	bpf_spin_unlock(&stripe->lock);
}

static __always_inline void sw_promote(struct sw_work *w)
{
	if (bpf_map_update_elem(&sw_flows, &w->seg.key, &w->flow, BPF_NOEXIST)) {
		sw_unmove(&w->seg.key);
		sw_count(SW_FLOW_TABLE_FULL);
		return;
	}
	sw_count(SW_FLOWS_OPENED);
	sw_populate(w->after, 1);
	bpf_map_delete_elem(&sw_halfopen, &w->seg.key);
}

/* What the last step said of a record that came to nothing. */
static __always_inline void sw_forget_step(struct sw_work *w)
{
	w->before[0] = w->before[1] = w->after[0] = w->after[1] = CLOSED;
	w->proved = w->picked_up = w->awaits_admission = w->first_word = 0;
}

/* Has the segment an end that can be no host? Global for the verifier's sake, as the others here. */
__noinline int sw_is_martian(void)
{
	const struct sw_work *w = sw_work_in_hand();

	return w && sw_martian(&w->packet);
}

/*
 * Why the segment can't begin a flow, or SW_NONE. What this host sends to itself by loopback may bear
 * any address; what an observer reads of others, too (M2).
 */
static __always_inline enum sw_counter sw_may_begin(const struct sw_work *w)
{
	if (w->seg.place > SW_PLACE_EGRESS && sw_is_martian())
		return SW_MARTIAN;
	return sw_may_open(&w->seg);
}

/*
 * Begins a flow: the segment is applied to an empty record of our own, and what comes of it is
 * inserted, whole. False: another CPU has made the record first, look again. A segment that can't
 * begin a flow, or finds no room, says so by its reason.
 */
static __always_inline bool sw_begin(struct sw_work *w)
{
	long err;

	w->reason = sw_may_begin(w);
	if (w->reason)
		return true;
	__builtin_memset(&w->flow, 0, sizeof(w->flow));
	sw_apply(&w->flow, sw_settings());
	err = bpf_map_update_elem(&sw_halfopen, &w->seg.key, &w->flow, BPF_NOEXIST);
	if (!err) {
		sw_count(SW_HALFOPEN_OPENED);
		w->flow.moved =
			0; /* where one segment has proved it, the copy goes on to sw_flows */
		return true;
	}
	sw_forget_step(w);
	if (err != -EEXIST)
		w->reason = SW_HALFOPEN_FAILED;
	return err != -EEXIST;
}

/*
 * Finds or begins the segment's flow and applies the segment. The turns are for a record that
 * another CPU is moving or has just made: it is between two map operations.
 */
static __always_inline void sw_apply_or_begin(struct sw_work *w, struct sw_flow *flow)
{
	for (int turn = 0; turn < 16; turn++) {
		int applied = sw_apply(flow, sw_settings());

		if (applied == SW_APPLIED)
			return;
		if (applied == SW_ABSENT && sw_begin(w))
			return;
		flow = sw_find(&w->seg.key, &w->halfopen);
	}
	w->reason = SW_RACE_LOST;
}

static __always_inline void sw_tell_transition(struct sw_work *w)
{
	w->event = (struct sw_event){
		.time_ns = sw_now(),
		.key = w->seg.key,
		.before = { w->before[0], w->before[1] },
		.after = { w->after[0], w->after[1] },
		.seq = w->seg.seq,
		.ack = w->seg.ack,
		.length = w->seg.length,
		.cause = SW_EVENT_SEGMENT,
		.sender = w->seg.sender,
		.flags = w->seg.flags,
		.originator = w->originator,
	};

	sw_tell_reader(&w->event);
}

/* Tells the daemon when the closed flow will be gone, so that it need not look for it. */
static __always_inline void sw_tell_due(const struct sw_work *w)
{
	struct sw_due *due = bpf_ringbuf_reserve(&sw_due, sizeof(*due), 0);

	if (!due)
		return;
	*due = (struct sw_due){
		.deadline_ns = w->now + SW_CLOSED_LINGER_MS * SW_NS_PER_MS,
		.key = w->seg.key,
	};
	bpf_ringbuf_submit(due, 0);
}

static __always_inline bool sw_closed(const enum sw_state *states)
{
	return states[0] == CLOSED && states[1] == CLOSED;
}

static __always_inline void sw_account_for_change(struct sw_work *w)
{
	if (sw_over(w->after) && !sw_over(w->before))
		sw_count(SW_FLOWS_CLOSED);
	if (sw_closed(w->after) && !sw_closed(w->before))
		sw_tell_due(w);
	if (!w->halfopen) {
		sw_populate(w->before, -1);
		sw_populate(w->after, 1);
	}
	if (sw_reading_places())
		sw_tell_transition(w);
}

static __always_inline void sw_account_for(struct sw_work *w)
{
	if (w->reason)
		sw_count(w->reason);
	if (w->picked_up)
		sw_count(SW_FLOWS_MIDSTREAM);
	if (guardable && w->first_word)
		sw_judge_by_word();
	if (w->before[0] != w->after[0] || w->before[1] != w->after[1])
		sw_account_for_change(w);
}

static __always_inline void sw_begin_work(struct sw_work *w)
{
	if (w->seg.option_bytes)
		sw_read_options(&w->seg);
	w->now = sw_segment_time(&w->seg);
}

/* After the step: the flow's place, the counters, who reads events. */
static __always_inline void sw_conclude(struct sw_work *w)
{
	if (w->proved)
		sw_promote(w);
	sw_account_for(w);
}

/* A cookie has opened the flow, and its listener has taken it. False: that is known, or there is no such flow. */
static __always_inline bool sw_note_taken(const struct sw_flow_key *key)
{
	__u8 halfopen;
	struct sw_flow *flow = sw_find(key, &halfopen);
	struct sw_lock *stripe = sw_lock_of(key);
	bool awaited;

	if (!flow || !stripe)
		return false;
	bpf_spin_lock(&stripe->lock);
	awaited = flow->cookie;
	flow->cookie = 0;
	bpf_spin_unlock(&stripe->lock);
	return awaited;
}

/* The whole step of the segment in hand, whose flow has been looked for. */
__noinline int sw_track_wholly(struct sw_flow *flow)
{
	struct sw_work *w = sw_work_in_hand();

	if (!w)
		return 0;
	sw_begin_work(w);
	sw_apply_or_begin(w, flow);
	sw_conclude(w);
	return 0;
}

/* Everything that track mode does with the segment in hand. */
static __always_inline void sw_track(struct sw_work *w)
{
	struct sw_flow *flow = sw_find(&w->seg.key, &w->halfopen);

	if (!sw_predicted(w, flow))
		sw_track_wholly(flow);
}

#endif
