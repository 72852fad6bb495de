/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Pressure: when a guarded port begins and ends to answer with cookies, how many replies a prefix gets,
 * and how much of what belongs to nobody the kernel is left.
 */
#ifndef SYNWARD_PRESSURE_BPF_H
#define SYNWARD_PRESSURE_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <synward/event.h>
#include <synward/guard.h>

#include "count.bpf.h"
#include "events.bpf.h"
#include "lookup.bpf.h"
#include "maps.bpf.h"
#include "work.bpf.h"

/*
 * So many segments a second, on each CPU, that belong to no connection, or that a cookie can't
 * answer, are left to the kernel, which answers them as it should; more is a flood.
 */
#define STRAYS_PER_SECOND 1000

#define SW_WRITE_EVERY_NS SW_NS_PER_S /* times in shared entries, which other CPUs read */

/* Of CPUs that find the same at the same time one succeeds, and tells. */
static __always_inline void sw_switch(struct sw_port *port, __u16 number, __u32 on, __u64 now)
{
	struct sw_event event = {
		.time_ns = now,
		.cause = on ? SW_EVENT_COOKIES_ON : SW_EVENT_COOKIES_OFF,
	};

	if (__sync_val_compare_and_swap(&port->on, !on, on) != !on)
		return;
	port->switched_ns = now;
	if (on)
		sw_count(SW_COOKIES_ON);
	event.key.port[0] = number;
	sw_tell_reader(&event);
}

/*
 * Before the SYN: is the port to answer with cookies? (auto) When the quiet time is over the listener's
 * queue may still be full of what came before the cookies: then they go on.
 */
static __always_inline bool sw_under_pressure(struct sw_work *w, struct sw_port *port,
					      const struct sw_guard *guard)
{
	bool full = w->look.half_open >= sw_high_mark(guard, w->look.backlog);

	if (!port->on) {
		port->half_open = w->look.half_open;
		port->backlog = w->look.backlog;
		if (!full)
			return false;
		port->busy_ns = w->now;
		sw_switch(port, sw_local_port(w), true, w->now);
	} else if (sw_quiet(port, guard, w->now)) {
		if (!full) {
			sw_switch(port, sw_local_port(w), false, w->now);
			return false;
		}
		port->busy_ns = w->now;
	}
	return true;
}

/* After a cookie was sent. */
static __always_inline void sw_note_cookie(const struct sw_work *w, struct sw_port *port,
					   const struct sw_guard *guard)
{
	struct sw_pressure *pressure = sw_pressure_of(port);
	bool busy = pressure && sw_cookie_sent(pressure, guard, w->now);
	__u64 often_ns = guard->quiet_ms * SW_NS_PER_MS / 4;

	if (often_ns > SW_WRITE_EVERY_NS)
		often_ns = SW_WRITE_EVERY_NS;
	if (busy && w->now > port->busy_ns + often_ns)
		port->busy_ns = w->now;
	if (w->now > port->cookie_ns + SW_WRITE_EVERY_NS)
		port->cookie_ns = w->now;
	sw_count(SW_COOKIES_SENT);
}

static __always_inline bool sw_within_budget(const struct sw_work *w, const struct sw_guard *guard)
{
	struct sw_budget *budget;
	__u32 bucket;

	if (!guard->reply_budget)
		return true;
	bucket = sw_budget_bucket(&w->packet, guard->secret);
	budget = bpf_map_lookup_elem(&sw_budget, &bucket);
	return !budget || sw_budget_take(budget, guard->reply_budget, w->now);
}

/* One of the few that the kernel may answer in this second? */
static __always_inline bool sw_among_few(const struct sw_work *w)
{
	__u32 zero = 0;
	struct sw_pressure *pressure = bpf_map_lookup_elem(&sw_pressure, &zero);

	if (!pressure)
		return false;
	if (w->now >= pressure->since_ns + SW_NS_PER_S) {
		pressure->since_ns = w->now;
		pressure->sent = 0;
	}
	return pressure->sent++ < STRAYS_PER_SECOND;
}

#endif
