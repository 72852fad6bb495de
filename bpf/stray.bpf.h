/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Guard, a segment that is no SYN and that no flow of its own has taken:
 *
 *   a socket of its own, or another host's? pass
 *   ─► a valid cookie? new flow, pass ─► one of the few? pass ─► drop
 */
#ifndef SYNWARD_STRAY_BPF_H
#define SYNWARD_STRAY_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <synward/guard.h>
#include <synward/pressure.h>
#include <synward/state.h>

#include "clients.bpf.h"
#include "cookie.bpf.h"
#include "count.bpf.h"
#include "events.bpf.h"
#include "frame.bpf.h"
#include "kernel_cookie.bpf.h"
#include "lookup.bpf.h"
#include "maps.bpf.h"
#include "plain.bpf.h"
#include "population.bpf.h"
#include "pressure.bpf.h"
#include "retreat.bpf.h"
#include "service.bpf.h"
#include "settings.bpf.h"
#include "sockets.bpf.h"
#include "track.bpf.h"
#include "work.bpf.h"

enum sw_ruling {
	RULING_NONE, /* guard has nothing to say: track it as ever */
	RULING_OPENED, /* its cookie has begun a flow: track it */
	RULING_PASS, /* pass it, and keep nothing of it */
	RULING_DROP, /* w->reason says why */
};

static __always_inline bool sw_may_bear_cookie(const struct sw_segment *seg)
{
	return (seg->flags & (SW_TCP_ACK | SW_TCP_SYN | SW_TCP_RST)) == SW_TCP_ACK;
}

static __always_inline void sw_forget_older(const struct sw_work *w)
{
	const struct sw_flow *older = bpf_map_lookup_elem(&sw_flows, &w->seg.key);
	enum sw_state states[2];

	if (!older)
		return;
	sw_note_states(states, older);
	if (bpf_map_delete_elem(&sw_flows, &w->seg.key))
		return;
	sw_count(SW_FLOWS_REPLACED);
	sw_leave_table(states);
}

static __always_inline void sw_note_accepted(const struct sw_port *port)
{
	struct sw_pressure *pressure = sw_pressure_of(port);

	sw_count(SW_COOKIES_ACCEPTED);
	if (pressure)
		pressure->accepted++;
}

/* The cookie was good: the flow as SYN and SYN+ACK would have left it, in place of any older one. */
static __always_inline void sw_begin_by_cookie(struct sw_work *w, struct sw_port *port,
					       enum sw_admission admission)
{
	if (!w->awaits_admission) /* else it has brought the cookie before */
		sw_watch_in_hand(w, port, admission);
	sw_note_accepted(port);
	sw_open_by_cookie(&w->flow, &w->seg, &w->offer, w->now, sw_settings());
	sw_forget_older(w);
	if (!bpf_map_update_elem(&sw_halfopen, &w->seg.key, &w->flow, BPF_ANY))
		sw_count(SW_HALFOPEN_OPENED);
}

/* When the port last began to answer as it does, be it by itself, because its families do, or by a retreat. */
static __always_inline __u64 sw_switched_ns(const struct sw_work *w, const struct sw_port *port)
{
	__u64 last = sw_settings()->guard.admission_ns;
	const struct sw_retreat *retreat = sw_retreat_of(w, port);

	if (last < port->switched_ns)
		last = port->switched_ns;
	return retreat && last < retreat->since_ns ? retreat->since_ns : last;
}

/* It brings back a cookie that the kernel sent of its own accord. */
static __always_inline bool sw_is_kernels(void *ctx, struct sw_work *w, const struct sw_port *port)
{
	return w->look.found == FOUND_LISTENER && sw_may_bear_cookie(&w->seg) &&
	       (w->stand == STAND_OFF ||
		sw_kernel_outstanding(port->mode, port->on, sw_switched_ns(w, port), w->now)) &&
	       sw_kernel_cookie_valid(ctx, w);
}

/*
 * Nothing says that it belongs to a connection of this host's: the kernel answers the few, so that a client
 * whose connection nobody knows any more is told so, and `why` drops the many. What a flow makes of those
 * that it knows stands.
 */
static __always_inline int sw_rule_rest(void *ctx, struct sw_work *w, const struct sw_port *port,
					bool known, enum sw_counter why)
{
	if (sw_among_few(w)) {
		if (known)
			return RULING_NONE;
		sw_count(SW_STRAY_PASSED);
		return RULING_PASS;
	}
	if (sw_is_kernels(ctx, w, port))
		return RULING_NONE;
	w->reason = why;
	return RULING_DROP;
}

/* Its cookie is good, but the kernel may not take the segment (plain.bpf.h): nothing is opened by it. */
static __always_inline int sw_rule_odd(void *ctx, struct sw_work *w, const struct sw_port *port,
				       bool known)
{
	int ruling = sw_rule_rest(ctx, w, port, known, w->reason);

	if (ruling != RULING_DROP)
		sw_count(w->reason);
	return ruling;
}

static __always_inline void sw_tell_rejected(struct sw_work *w)
{
	w->event = (struct sw_event){
		.time_ns = w->now,
		.key = w->seg.key,
		.cause = SW_EVENT_COOKIE_REJECTED,
		.sender = w->seg.sender,
	};
	sw_tell_reader(&w->event);
}

/*
 * An ACK that names no epoch of ours is not of a handshake under way. Any other that is wrong may be, of which
 * the ACK and some data were lost: a RST would end it, and silence makes the client send them again.
 */
static __always_inline int sw_rule_cookie(struct xdp_md *ctx, struct sw_work *w,
					  struct sw_port *port, const struct sw_guard *guard,
					  const struct sw_keys *keys, bool known)
{
	enum sw_admission admission;
	enum sw_counter wrong = SW_COOKIE_BAD;

	sw_find_ways(w->look.listener);
	admission = sw_own_admission(w->stand, &w->ways);
	if (sw_admits_own(admission))
		wrong = sw_check_cookie(w, guard, keys, sw_own_wscale(w, guard, admission));
	if (w->look.waits && (wrong || !sw_begins_anew(&w->time_wait, &w->seg)))
		return RULING_NONE; /* it is that socket's */
	if (wrong && w->stand == STAND_KERNEL)
		admission = ADMISSION_KERNEL;
	if (wrong && admission == ADMISSION_KERNEL && sw_kernel_cookie_valid(ctx, w))
		wrong = SW_NONE;
	/* What was under way when the server reset it, say: the cookie has had its turn. */
	if (!wrong && known && w->bygone)
		return sw_rule_rest(ctx, w, port, known, SW_STRAY);
	if (!wrong && sw_find_odd(ctx))
		return sw_rule_odd(ctx, w, port, known);
	if (!wrong) {
		sw_begin_by_cookie(w, port, admission);
		return RULING_OPENED;
	}
	if (admission != ADMISSION_KERNEL && sw_is_kernels(ctx, w, port))
		return RULING_NONE;
	if (known)
		return sw_rule_rest(ctx, w, port, known, SW_STRAY);
	sw_count(SW_COOKIES_REJECTED);
	if (sw_reading_places())
		sw_tell_rejected(w);
	if (wrong == SW_COOKIE_OLD)
		return sw_rule_rest(ctx, w, port, known, wrong);
	w->reason = wrong;
	return RULING_DROP;
}

static __always_inline int sw_rule(struct xdp_md *ctx, struct sw_work *w, struct sw_port *port,
				   const struct sw_guard *guard, const struct sw_keys *keys,
				   bool known)
{
	if (w->look.found == FOUND_LISTENER && sw_may_bear_cookie(&w->seg) &&
	    sw_cookie_outstanding(guard->shared_keys, port->cookie_ns, w->now)) {
		xdp_options(ctx, w);
		sw_read_options(&w->seg);
		return sw_rule_cookie(ctx, w, port, guard, keys, known);
	}
	if (port->mode == COOKIES_NEVER || w->look.waits)
		return RULING_NONE;
	return sw_rule_rest(ctx, w, port, known, SW_STRAY);
}

/* The kernel would answer it with a RST, though it is of a connection that is being opened (RFC 9293, 3.10.7.4). */
static __always_inline bool sw_is_unwanted(const struct sw_work *w)
{
	return w->look.half_opened && (w->seg.flags & SW_TCP_ACK) &&
	       w->seg.ack != w->look.wants_ack;
}

/*
 * To a service: whatever brings no good cookie back is its own, which alone knows its connections.
 */
static __always_inline int sw_rule_protected(struct xdp_md *ctx, struct sw_work *w,
					     struct sw_port *port, const struct sw_guard *guard,
					     const struct sw_keys *keys, bool known)
{
	if ((port->protects == PROTECT_PROXY && !guard->proxy) || !sw_may_bear_cookie(&w->seg) ||
	    !sw_cookie_outstanding(guard->shared_keys, port->cookie_ns, w->now))
		return RULING_NONE;
	sw_know_service(w, port);
	xdp_options(ctx, w);
	sw_read_options(&w->seg);
	if (sw_check_cookie(w, guard, keys, w->service.wscale) || sw_find_odd(ctx))
		return RULING_NONE;
	if (port->protects == PROTECT_STATELESS) {
		sw_note_accepted(port);
		return RULING_NONE;
	}
	if (known && w->bygone)
		return RULING_NONE;
	sw_begin_by_cookie(w, port, ADMISSION_PROXY);
	return RULING_OPENED;
}

/*
 * A segment that is no SYN, and that no flow has taken. `known`: there is one, but it refused it, is
 * over or not proved live; what it makes of the segment stands then, unless there is a cookie.
 */
SW_GUARD_FUNCTION int sw_guard_stray(struct xdp_md *ctx, int known)
{
	const struct sw_guard *guard = &sw_settings()->guard;
	struct sw_work *w = sw_work_in_hand();
	const struct sw_keys *keys;
	enum sw_counter reason;
	struct sw_port *port;
	__u32 zero = 0;
	int ruling;

	keys = bpf_map_lookup_elem(&sw_keys, &zero);
	if (!w || !keys)
		return RULING_NONE;
	port = sw_port_of(w);
	if (!port)
		return RULING_NONE;
	if (port->protects)
		return sw_rule_protected(ctx, w, port, guard, keys, known);
	reason = w->reason;
	if (!sw_family_admission(guard, w)) { /* all of it is the kernel's, its cookies too */
		sw_expect_socket(&w->seg.key);
		return RULING_NONE;
	}
	w->stand = sw_stand_of(w, port);
	sw_look_up(ctx);
	/* Another host of the fleet, which knows of no TIME_WAIT, may have answered its SYN. */
	if (w->look.waits && guard->shared_keys && sw_may_bear_cookie(&w->seg))
		sw_look_behind(ctx);
	if (w->look.found == FOUND_SOCKET && !sw_is_unwanted(w))
		return RULING_NONE;
	if (sw_elsewhere(ctx, w))
		return RULING_NONE;
	ruling = sw_rule(ctx, w, port, guard, keys, known);
	if (ruling == RULING_DROP && sw_client_is(w, CLIENT_ALLOW)) {
		w->reason = reason;
		ruling = RULING_NONE;
	}
	/* The listener may make a socket of it: the cookie can be the kernel's. */
	if (w->look.found == FOUND_LISTENER && ruling != RULING_DROP)
		sw_expect_socket(&w->seg.key);
	return ruling;
}

#endif
