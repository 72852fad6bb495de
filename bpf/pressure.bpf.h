/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Pressure: when a guarded port begins and ends to answer with cookies, how many replies a prefix gets,
 * and how much of what belongs to nobody the kernel is left.
 */
#ifndef SYNWARD_PRESSURE_BPF_H
#define SYNWARD_PRESSURE_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <synward/budget.h>
#include <synward/event.h>
#include <synward/guard.h>
#include <synward/pressure.h>

#include "count.bpf.h"
#include "events.bpf.h"
#include "lookup.bpf.h"
#include "maps.bpf.h"
#include "settings.bpf.h"
#include "work.bpf.h"

/* Of CPUs that find the same at the same time one succeeds, and tells. *event is room to tell it in. */
static __always_inline void sw_switch(struct sw_port *port, __u16 number, __u32 on, __u64 now,
				      struct sw_event *event)
{
	if (__sync_val_compare_and_swap(&port->on, !on, on) != !on)
		return;
	port->switched_ns = now;
	if (on)
		sw_count(SW_COOKIES_ON);
	*event = (struct sw_event){
		.time_ns = now,
		.key.port[0] = number,
		.cause = on ? SW_EVENT_COOKIES_ON : SW_EVENT_COOKIES_OFF,
	};
	sw_tell_reader(event);
}

/* Before the SYN, of auto: is the port to answer it with a cookie? */
static __always_inline bool sw_under_pressure(struct sw_work *w, struct sw_port *port)
{
	bool full = w->look.half_open >= sw_high_mark(port->marks.high, w->look.backlog);
	bool quiet = sw_port_is_quiet(port, w->now), on = port->on;
	enum sw_turn turn = sw_turn_of(on, full, quiet);

	if (!on && !port->protects) {
		port->half_open = w->look.half_open;
		port->backlog = w->look.backlog;
	}
	if (sw_busy_again(on, full, quiet))
		port->busy_ns = w->now;
	if (turn != TURN_NONE)
		sw_switch(port, sw_local_port(w), turn == TURN_ON, w->now, &w->event);
	return turn == TURN_NONE ? on : turn == TURN_ON;
}

/* Before the SYN: does the port answer with cookies? */
static __always_inline bool sw_is_sending(struct sw_work *w, struct sw_port *port)
{
	return port->mode == COOKIES_ALWAYS || sw_under_pressure(w, port);
}

/* A SYN was answered with a cookie, or was one too many of those that no cookie answers. */
static __always_inline void sw_note_busy(const struct sw_work *w, struct sw_port *port)
{
	struct sw_pressure *pressure = sw_pressure_of(port);
	bool busy = pressure && sw_cookie_sent(pressure, port->marks.low, w->now);

	if (busy && w->now > port->busy_ns + sw_busy_write_every(port->marks.quiet_ms))
		port->busy_ns = w->now;
}

/* After a cookie was sent. */
static __always_inline void sw_note_cookie(const struct sw_work *w, struct sw_port *port)
{
	sw_note_busy(w, port);
	if (w->now > port->cookie_ns + SW_WRITE_EVERY_NS)
		port->cookie_ns = w->now;
	sw_count(SW_COOKIES_SENT);
}

static __always_inline bool sw_take_of(struct sw_budget *budget, __u32 each_second, __u64 now)
{
	__u32 random = sw_budget_is_ahead(budget, now) ? bpf_get_prandom_u32() : 0;

	return sw_budget_take(budget, each_second, now, random);
}

/* May the packet's prefix have one more reply? */
static __always_inline bool sw_within_budget(const struct sw_packet *packet, __u64 now,
					     const struct sw_guard *guard)
{
	struct sw_budget *budget;
	__u32 bucket;

	if (!guard->reply_budget)
		return true;
	bucket = sw_budget_bucket(packet, guard->secret);
	budget = bpf_map_lookup_elem(&sw_budget, &bucket);
	return !budget || sw_take_of(budget, guard->reply_budget, now);
}

static __always_inline bool sw_among_few_unfit(const struct sw_work *w)
{
	__u32 bucket = SW_UNFIT_BUCKET;
	struct sw_budget *budget = bpf_map_lookup_elem(&sw_budget, &bucket);

	return budget && sw_take_of(budget, SW_UNFIT_PER_SECOND, w->now);
}

/*
 * A SYN to the listener in w->look that no cookie can answer. True: it is one too many. Where cookies are sent,
 * the kernel gets a few of them, while the listener's queue has room, or it has cookies of its own for those that it
 * has not.
 */
static __always_inline bool sw_unfit_too_many(void *ctx, struct sw_work *w, struct sw_port *port,
					      bool sending)
{
	if (!sending)
		return false;
	if (!sw_among_few_unfit(w))
		return true;
	if (!port->protects && sw_settings()->guard.kernel_cookies)
		return false;
	if (!port->protects)
		sw_look_up(ctx); /* what is remembered says nothing of its queue */
	return w->look.half_open >= sw_high_mark(port->marks.high, w->look.backlog);
}

/* One of the few that the kernel may answer in this second? */
static __always_inline bool sw_among_few(const struct sw_work *w)
{
	__u32 slot = SW_STRAY_SLOT;
	struct sw_pressure *strays = bpf_map_lookup_elem(&sw_pressure, &slot);

	return strays && sw_stray_within_pace(strays, w->now);
}

#endif
