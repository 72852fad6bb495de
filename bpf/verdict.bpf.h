/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What a server's first word says of a connection that a cookie opened (<synward/retreat.h>). The
 * record of a port and family is read and written under its lock.
 */
#ifndef SYNWARD_VERDICT_BPF_H
#define SYNWARD_VERDICT_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <synward/event.h>
#include <synward/pressure.h>
#include <synward/retreat.h>

#include "clock.bpf.h"
#include "count.bpf.h"
#include "events.bpf.h"
#include "lookup.bpf.h"
#include "maps.bpf.h"
#include "settings.bpf.h"
#include "work.bpf.h"

static __always_inline struct sw_retreat *sw_retreat_of(const struct sw_work *w,
							const struct sw_port *port)
{
	__u32 index = sw_retreat_index(port->slot, !w->packet.ipv4);

	return bpf_map_lookup_elem(&sw_retreats, &index);
}

static __always_inline enum sw_stand sw_stand_of(const struct sw_work *w,
						 const struct sw_port *port)
{
	const struct sw_retreat *retreat = sw_retreat_of(w, port);

	return retreat ? retreat->stand : STAND_GUARD;
}

static __always_inline struct sw_lock *sw_retreat_lock(const struct sw_work *w,
						       const struct sw_port *port)
{
	__u32 index = sw_retreat_index(port->slot, !w->packet.ipv4);

	return bpf_map_lookup_elem(&sw_locks, &index);
}

/* The port of w->port_key stands somewhere else now. */
static __always_inline void sw_tell_stand(struct sw_work *w, enum sw_stand stand)
{
	w->event = (struct sw_event){
		.time_ns = sw_now(),
		.key.port[0] = w->port_key.port,
		.cause = SW_EVENT_RETREAT,
		.sender = !w->packet.ipv4,
		.ack = stand,
	};
	if (stand != STAND_GUARD)
		sw_count(SW_RETREATS);
	sw_tell_reader(&w->event);
}

static __always_inline bool sw_same_key(const struct sw_flow_key *one,
					const struct sw_flow_key *other)
{
	const __u32 *a = (const __u32 *)one, *b = (const __u32 *)other;
	__u32 differs = 0;

	for (__u32 i = 0; i < sizeof(*one) / sizeof(*a); i++)
		differs |= a[i] ^ b[i];
	return !differs;
}

#define SW_FOUND_MASK 7

_Static_assert(SW_WATCHED <= SW_FOUND_MASK, "none of them is one, too");

/* Under the lock: the connection of the segment in hand. */
static __always_inline void sw_judge_in_hand(struct sw_retreat *retreat, const struct sw_work *w,
					     enum sw_verdict verdict)
{
	__u32 found = SW_WATCHED;

	if (verdict == VERDICT_SERVED) {
		retreat->admitted++;
		retreat->served_ns = w->now;
	} else {
		retreat->lost++;
	}
	for (__u32 i = 0; i < SW_WATCHED; i++) {
		const struct sw_watched *watched = &retreat->watched[i];

		if (watched->since_ns && sw_same_key(&watched->key, &w->seg.key))
			found = i;
	}
	/* The mask, as Linux 6.1 knows no bounds of what was an xor. */
	found = sw_opaque(sw_merged(found, w->seg.seq) & SW_FOUND_MASK);
	if (found < SW_WATCHED)
		sw_judge_watched(retreat, &retreat->watched[found], verdict, &w->ways, w->now);
}

/* The segment in hand is the first that the server says in a connection that a cookie opened. */
SW_GUARD_FUNCTION int sw_judge_by_word(void)
{
	struct sw_work *w = sw_work_in_hand();
	enum sw_verdict verdict = VERDICT_SERVED;
	struct sw_retreat *retreat;
	enum sw_stand before, after;
	struct sw_port *port;
	struct sw_lock *lock;

	if (!w || sw_protected_port(true))
		return 0;
	if ((w->seg.flags & (SW_TCP_RST | SW_TCP_ACK)) == SW_TCP_RST)
		verdict = VERDICT_LOST;
	sw_count(verdict == VERDICT_SERVED ? SW_ADMITTED : SW_LOST);
	port = sw_find_port(true) ? bpf_map_lookup_elem(&sw_ports, &w->port_key) : NULL;
	retreat = port ? sw_retreat_of(w, port) : NULL;
	lock = port ? sw_retreat_lock(w, port) : NULL;
	if (!retreat || !lock)
		return 0;
	sw_find_ways(port->listener);
	bpf_spin_lock(&lock->lock);
	before = retreat->stand;
	sw_judge_in_hand(retreat, w, verdict);
	after = retreat->stand;
	bpf_spin_unlock(&lock->lock);
	if (after != before)
		sw_tell_stand(w, after);
	return 0;
}

#endif
