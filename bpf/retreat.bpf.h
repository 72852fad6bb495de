/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The safety net at XDP (<synward/retreat.h>): connections that cookies open are watched; where nobody has
 * said anything, the next SYN asks for their sockets; and a port that has lost too many falls back, and is
 * tried again. No daemon is needed for it: where no SYN comes, nobody is lost.
 */
#ifndef SYNWARD_RETREAT_BPF_H
#define SYNWARD_RETREAT_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <synward/guard.h>
#include <synward/pressure.h>
#include <synward/retreat.h>

#include "clock.bpf.h"
#include "count.bpf.h"
#include "lookup.bpf.h"
#include "maps.bpf.h"
#include "settings.bpf.h"
#include "track.bpf.h"
#include "verdict.bpf.h"
#include "work.bpf.h"

/* --- Watching --------------------------------------------------------------------------------- */

/* A cookie of this admission has just opened the connection of the segment in hand. */
static __always_inline void sw_watch_in_hand(const struct sw_work *w, const struct sw_port *port,
					     enum sw_admission admission)
{
	struct sw_retreat *retreat = sw_retreat_of(w, port);
	struct sw_lock *lock = sw_retreat_lock(w, port);

	if (!retreat || !lock || port->protects || sw_is_crowded(w->look.room, w->look.backlog))
		return;
	bpf_spin_lock(&lock->lock);
	sw_watch(retreat, &w->seg.key, w->seg.sender & 1, admission, &w->ways, w->now);
	bpf_spin_unlock(&lock->lock);
}

/* --- Looking after them ------------------------------------------------------------------------ */

/* The socket that a watched connection comes to, or NULL; to be released. */
static __always_inline struct bpf_sock *sw_find_watched(void *ctx, const struct sw_watched *watched,
							bool ipv4)
{
	const struct sw_flow_key *key = &watched->key;
	__u32 client = watched->client; /* no index: of a pointer and 0 or 1 clang makes an OR */
	__u16 first = SW_READ_ONCE(key->port[0]), second = SW_READ_ONCE(key->port[1]);
	const __u32 *from = (const __u32 *)(client ? key->addr[1] : key->addr[0]);
	const __u32 *to = (const __u32 *)(client ? key->addr[0] : key->addr[1]);

	return sw_find_connection(ctx, ipv4, from, to, client ? second : first,
				  client ? first : second);
}

/* What the kernel has of a connection whose server has not spoken. */
static __always_inline enum sw_fate sw_ask_kernel(void *ctx, const struct sw_watched *watched,
						  bool ipv4)
{
	struct bpf_sock *found = sw_find_watched(ctx, watched, ipv4);
	enum sw_fate fate = FATE_MOOT;

	if (!found)
		return FATE_MOOT;
	if (found->state == KERNEL_TCP_LISTEN) {
		const struct sock *listener = (const struct sock *)bpf_skc_to_tcp_sock(found);

		if (listener && !sw_is_crowded(sw_room_of(listener->sk_ack_backlog,
							  listener->sk_max_ack_backlog),
					       listener->sk_max_ack_backlog))
			fate = FATE_UNKNOWN;
	} else if (watched->proxied && found->state == KERNEL_TCP_NEW_SYN_RECV) {
		fate = FATE_ASKED;
	} else {
		fate = FATE_SERVED;
	}
	bpf_sk_release(found);
	return fate;
}

static __always_inline enum sw_fate sw_fate_of(void *ctx, const struct sw_watched *watched,
					       bool ipv4)
{
	__u8 halfopen;
	const struct sw_flow *flow = sw_find(&watched->key, &halfopen);
	enum sw_fate fate;

	if (!flow || !flow->cookie || sw_flow_closed(flow))
		return FATE_MOOT;
	fate = sw_ask_kernel(ctx, watched, ipv4);
	if (fate == FATE_SERVED && !sw_note_taken(&watched->key))
		return FATE_MOOT;
	return fate;
}

/* Under the lock. It may have been judged meanwhile by its server's word. */
static __always_inline enum sw_verdict sw_conclude_look(struct sw_retreat *retreat,
							struct sw_watched *watched, __u64 since_ns,
							enum sw_fate fate,
							const struct sw_ways *ways, __u64 now)
{
	enum sw_verdict verdict;

	if (watched->since_ns != since_ns)
		return VERDICT_NONE;
	verdict = sw_verdict_by_look(watched, fate, now);
	retreat->admitted += verdict == VERDICT_SERVED;
	retreat->lost += verdict == VERDICT_LOST;
	if (verdict == VERDICT_NONE)
		sw_retreat_if_lossy(retreat, ways, now);
	else
		sw_judge_watched(retreat, watched, verdict, ways, now);
	return verdict;
}

/* One of those that are watched beside the segment in hand, at the same port. */
SW_GUARD_FUNCTION int sw_look_after_one(struct xdp_md *ctx, struct sw_retreat *retreat,
					__u32 number)
{
	struct sw_work *w = sw_work_in_hand();
	struct sw_port *port = w ? bpf_map_lookup_elem(&sw_ports, &w->port_key) : NULL;
	struct sw_watched *place;
	enum sw_stand before, after;
	enum sw_verdict verdict;
	struct sw_lock *lock;
	enum sw_fate fate;
	__u64 lost;

	if (!port || !retreat || number >= SW_WATCHED)
		return 0;
	lock = sw_retreat_lock(w, port);
	place = &retreat->watched[number];
	w->watched = *place;
	if (!lock || !w->watched.since_ns || w->now < w->watched.since_ns + SW_SILENT_NS)
		return 0;
	fate = sw_fate_of(ctx, &w->watched, w->packet.ipv4);
	bpf_spin_lock(&lock->lock);
	before = retreat->stand;
	lost = retreat->lost;
	verdict = sw_conclude_look(retreat, place, w->watched.since_ns, fate, &w->ways, w->now);
	lost = retreat->lost - lost;
	after = retreat->stand;
	bpf_spin_unlock(&lock->lock);
	if (verdict == VERDICT_SERVED)
		sw_count(SW_ADMITTED);
	sw_count_all(SW_LOST, lost);
	if (after != before)
		sw_tell_stand(w, after);
	return 0;
}

/* One CPU at a time, and not at every SYN. */
static __always_inline bool sw_looks_now(struct sw_retreat *retreat, __u64 now)
{
	__u64 look_ns = retreat->look_ns;

	return now >= look_ns && __sync_val_compare_and_swap(&retreat->look_ns, look_ns,
							     now + SW_SILENT_NS / 2) == look_ns;
}

/* --- Where the port stands --------------------------------------------------------------------- */

/*
 * Before the SYN is looked at: what is known of those before it, and w->stand. Where guard is to be tried
 * again, that is as if there had been no retreat; see sw_keep_stand().
 */
static __always_inline void sw_find_stand(struct xdp_md *ctx, struct sw_work *w,
					  const struct sw_port *port)
{
	struct sw_retreat *retreat = sw_retreat_of(w, port);
	struct sw_lock *lock = sw_retreat_lock(w, port);

	w->now = sw_coarse_now();
	w->stand = STAND_GUARD;
	if (!retreat || !lock || port->protects)
		return;
	sw_find_ways(port->listener);
	if (sw_looks_now(retreat, w->now))
		for (__u32 i = 0; i < SW_WATCHED; i++)
			sw_look_after_one(ctx, retreat, i);
	if (sw_retreat_is_old(retreat, sw_settings()->guard.admission_ns)) {
		bpf_spin_lock(&lock->lock);
		sw_forget_retreat(retreat, w->now);
		bpf_spin_unlock(&lock->lock);
	}
	w->stand = retreat->stand;
	if (sw_trial_due_with(retreat, &w->ways, sw_client_prefix(w->packet.from), w->now))
		w->stand = sw_stand_tried(&w->ways);
}

/* More SYNs come than clients, as far as this CPU can tell. */
static __always_inline bool sw_is_pressed(const struct sw_work *w, const struct sw_port *port)
{
	const struct sw_pressure *pressure = sw_pressure_of(port);

	return port->mode == COOKIES_AUTO ||
	       w->look.half_open >= sw_high_mark(port->marks.high, w->look.backlog) ||
	       (pressure && sw_many_unanswered(pressure, port->marks.low));
}

/* Before the SYN is answered: if it is not the one to try guard with, w->stand is as it was. */
static __always_inline void sw_keep_stand(struct sw_work *w, const struct sw_port *port)
{
	struct sw_retreat *retreat = sw_retreat_of(w, port);
	struct sw_lock *lock = sw_retreat_lock(w, port);
	bool pressed = sw_is_pressed(w, port), trial;

	if (!retreat || !lock || retreat->stand == w->stand)
		return;
	bpf_spin_lock(&lock->lock);
	trial = sw_begin_trial(retreat, &w->ways, pressed, w->now);
	bpf_spin_unlock(&lock->lock);
	if (!trial)
		w->stand = retreat->stand;
}

#endif
