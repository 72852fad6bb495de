/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Guard at XDP: answers SYNs to listeners on guarded ports with cookies, and takes the ACKs that
 * bring them back for new flows. A segment of a flow that is known costs nothing here.
 *
 *   SYN ─► a LISTEN socket would take it? ─► under pressure? ─► prefix within its budget? ─► SYN+ACK
 *   else ─► taken by its flow? ─► pass
 *             no ─► a socket of its own? pass ─► a valid cookie? new flow, pass ─► else drop
 */
#ifndef SYNWARD_GUARD_BPF_H
#define SYNWARD_GUARD_BPF_H

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>

#include <synward/guard.h>
#include <synward/reply.h>

#include "kernel.bpf.h"
#include "sockets.bpf.h"
#include "track.bpf.h"

/*
 * So many segments a second, on each CPU, that belong to no connection, or that a cookie can't
 * answer, are left to the kernel, which answers them as it should; more is a flood.
 */
#define STRAYS_PER_SECOND 1000

#define SW_WRITE_EVERY_NS SW_NS_PER_S /* times in shared entries, which other CPUs read */

static __always_inline __u16 sw_local_port(const struct sw_work *w)
{
	return w->seg.key.port[!(w->seg.sender ^ w->seg.self)];
}

static __always_inline __u16 sw_remote_port(const struct sw_work *w)
{
	return w->seg.key.port[w->seg.sender & 1];
}

/* The guarded port that the segment is for, or NULL. */
static __always_inline struct sw_port *sw_port_of(const struct sw_work *w)
{
	__u32 number = sw_local_port(w);

	return bpf_map_lookup_elem(&sw_ports, &number);
}

/* --- Sockets -------------------------------------------------------------------------------- */

/* The socket that the kernel would give the segment to, or NULL; to be released. */
static __always_inline struct bpf_sock *sw_find_socket(void *ctx, const struct sw_work *w)
{
	const struct sw_packet *packet = &w->packet;
	struct bpf_sock_tuple tuple = {};

	if (packet->ipv4) {
		tuple.ipv4.saddr = packet->from[3];
		tuple.ipv4.daddr = packet->to[3];
		tuple.ipv4.sport = sw_wire16(sw_remote_port(w));
		tuple.ipv4.dport = sw_wire16(sw_local_port(w));
		return bpf_skc_lookup_tcp(ctx, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	}
	__builtin_memcpy(tuple.ipv6.saddr, packet->from, 16);
	__builtin_memcpy(tuple.ipv6.daddr, packet->to, 16);
	tuple.ipv6.sport = sw_wire16(sw_remote_port(w));
	tuple.ipv6.dport = sw_wire16(sw_local_port(w));
	return bpf_skc_lookup_tcp(ctx, &tuple, sizeof(tuple.ipv6), BPF_F_CURRENT_NETNS, 0);
}

static __always_inline enum sw_listener_kind sw_kind_of(const struct tcp_sock *tcp)
{
	if (bpf_core_field_exists(tcp->md5sig_info) && tcp->md5sig_info)
		return LISTENING_SIGNED;
	if (bpf_core_field_exists(tcp->ao_info) && tcp->ao_info)
		return LISTENING_SIGNED;
	if (bpf_core_field_exists(tcp->is_mptcp) && tcp->is_mptcp)
		return LISTENING_MPTCP;
	return LISTENING;
}

static __always_inline void sw_look_at_listener(struct sw_look *look, struct bpf_sock *found)
{
	const struct tcp_sock *tcp = bpf_skc_to_tcp_sock(found);
	const struct sock *sock = (const struct sock *)tcp;

	if (!tcp)
		return;
	look->found = FOUND_LISTENER;
	look->listener = sw_kind_of(tcp);
	look->half_open = tcp->inet_conn.icsk_accept_queue.qlen.counter;
	look->backlog = sock->sk_max_ack_backlog;
	look->receive_buffer = sock->sk_rcvbuf;
}

/* Fills w->look. */
static __always_inline void sw_look_up(void *ctx, struct sw_work *w)
{
	struct bpf_sock *found = sw_find_socket(ctx, w);

	w->look = (struct sw_look){ .found = FOUND_NOTHING, .listener = NOT_LISTENING };
	if (!found)
		return;
	w->look.found = FOUND_SOCKET;
	if (found->state == KERNEL_TCP_LISTEN)
		sw_look_at_listener(&w->look, found);
	bpf_sk_release(found);
}

static __always_inline struct sw_pressure *sw_pressure_of(const struct sw_port *port)
{
	__u32 slot = port->slot;

	return bpf_map_lookup_elem(&sw_pressure, &slot);
}

static __always_inline bool sw_same_address(const __u32 *a, const __u32 *b)
{
	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3];
}

/* The listener that this CPU saw a moment ago, if the connection can have no socket of its own. */
static __always_inline bool sw_recall_listener(struct sw_work *w, const struct sw_port *port)
{
	const struct sw_pressure *pressure = sw_pressure_of(port);

	if (!pressure || w->now >= pressure->listener_ns + SW_LISTENER_NS ||
	    !sw_same_address(pressure->local, w->packet.to) || !sw_has_no_socket(&w->seg.key))
		return false;
	w->look = (struct sw_look){
		.found = FOUND_LISTENER,
		.listener = pressure->listener,
		.receive_buffer = pressure->receive_buffer,
	};
	return true;
}

static __always_inline void sw_remember_listener(const struct sw_work *w,
						 const struct sw_port *port)
{
	struct sw_pressure *pressure = sw_pressure_of(port);

	if (!pressure || w->look.found != FOUND_LISTENER)
		return;
	pressure->listener_ns = w->now;
	pressure->listener = w->look.listener;
	pressure->receive_buffer = w->look.receive_buffer;
	__builtin_memcpy(pressure->local, w->packet.to, 16);
}

/* The time without pressure is over that ends cookies (auto). */
static __always_inline bool sw_quiet(const struct sw_port *port, const struct sw_guard *guard,
				     __u64 now)
{
	return now > port->busy_ns + guard->quiet_ms * SW_NS_PER_MS;
}

/*
 * Where the SYN would go. How full the listener's queue is matters only where cookies may begin or
 * end with it.
 */
static __always_inline void sw_look_up_for_syn(struct xdp_md *ctx, struct sw_work *w,
					       const struct sw_port *port,
					       const struct sw_guard *guard)
{
	bool settled = port->mode == COOKIES_ALWAYS || (port->on && !sw_quiet(port, guard, w->now));

	if (settled && sw_recall_listener(w, port))
		return;
	sw_look_up(ctx, w);
	sw_remember_listener(w, port);
}

/* --- Pressure ------------------------------------------------------------------------------- */

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

/* --- The kernel's own cookies ----------------------------------------------------------------- */

/* Headers with what those helpers look at, in place of the reply yet to be built. */
struct sw_raw {
	union {
		struct iphdr v4;
		struct ipv6hdr v6;
	};
	struct {
		struct tcphdr header;
		__u32 mss;
	} tcp;
};

_Static_assert(sizeof(struct sw_raw) <= sizeof(((struct sw_reply *)0)->word), "it fits there");

static __always_inline struct sw_raw *sw_make_raw(struct sw_work *w)
{
	struct sw_raw *raw = (struct sw_raw *)w->reply.word;

	__builtin_memset(raw, 0, sizeof(*raw));
	if (w->packet.ipv4) {
		raw->v4.version = 4;
		raw->v4.saddr = w->packet.from[3];
		raw->v4.daddr = w->packet.to[3];
	} else {
		raw->v6.version = 6;
		__builtin_memcpy(&raw->v6.saddr, w->packet.from, 16);
		__builtin_memcpy(&raw->v6.daddr, w->packet.to, 16);
	}
	raw->tcp.header.source = sw_wire16(sw_remote_port(w));
	raw->tcp.header.dest = sw_wire16(sw_local_port(w));
	raw->tcp.header.seq = sw_wire32(w->seg.seq);
	raw->tcp.header.ack_seq = sw_wire32(w->seg.ack);
	raw->tcp.header.doff = sizeof(raw->tcp) / 4;
	raw->tcp.mss = sw_wire32((__u32)SW_OPT_MSS << 24 | 4 << 16 | w->offer.mss);
	return raw;
}

/*
 * Negative: the kernel has none. This helper notes on the listener that cookies are out, as
 * bpf_tcp_raw_gen_syncookie_*() can't: without, it takes none back (tcp_synq_no_recent_overflow).
 */
static __always_inline __s64 sw_kernel_cookie(void *ctx, struct sw_work *w)
{
	struct bpf_sock *listener = sw_find_socket(ctx, w);
	struct sw_raw *raw = sw_make_raw(w);
	__s64 cookie;

	if (!listener)
		return -1;
	raw->tcp.header.syn = 1;
	cookie = bpf_tcp_gen_syncookie(listener, &raw->v6, sizeof(raw->v6), &raw->tcp.header,
				       sizeof(raw->tcp));
	bpf_sk_release(listener);
	return cookie;
}

/* Would the listener take the ACK for a cookie of the kernel's? */
static __always_inline bool sw_kernel_cookie_valid(void *ctx, struct sw_work *w)
{
	struct bpf_sock *listener = sw_find_socket(ctx, w);
	struct sw_raw *raw = sw_make_raw(w);
	bool valid;

	if (!listener)
		return false;
	raw->tcp.header.ack = 1;
	valid = !bpf_tcp_check_syncookie(listener, &raw->v6, sizeof(raw->v6), &raw->tcp.header,
					 sizeof(raw->tcp));
	bpf_sk_release(listener);
	return valid;
}

/* Whose cookie the listener takes. */
static __always_inline enum sw_admission sw_admission_for(const struct sw_guard *guard,
							  const struct sw_look *look)
{
	if (look->listener == LISTENING)
		return guard->admission;
	if (look->listener == LISTENING_MPTCP && guard->kernel_cookies)
		return ADMISSION_KERNEL;
	return ADMISSION_NONE;
}

/* --- SYN -------------------------------------------------------------------------------------- */

static __always_inline __u64 sw_epoch_now(const struct sw_work *w, const struct sw_guard *guard)
{
	return sw_cookie_epoch(w->now + guard->wall_offset_ns);
}

/* May the SYN have a cookie? SW_NONE, or the counter that says why not; it then passes. */
static __always_inline enum sw_counter sw_may_answer(struct sw_work *w, struct sw_port *port,
						     const struct sw_guard *guard)
{
	if (port->listener != w->look.listener && w->look.found != FOUND_SOCKET)
		port->listener = w->look.listener;
	if (w->look.found == FOUND_NOTHING)
		return SW_SYN_NO_LISTENER;
	if (w->look.found == FOUND_SOCKET)
		return SW_SYN_TO_SOCKET;
	if (!sw_offer_of(guard, &w->packet, &w->seg, &w->offer))
		return SW_SYN_UNFIT;
	/* Two VLAN tags: the inner one hides the segment from tc ingress, where it is admitted. */
	if (w->packet.ip > 14 + 4 || !sw_admission_for(guard, &w->look))
		return SW_SYN_UNFIT;
	return SW_NONE;
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

/*
 * A SYN that gets no cookie is the kernel's; but where cookies are sent, not a flood of those to which
 * the listener would have one sent if they were other than they are.
 */
static __always_inline int sw_leave_to_kernel(struct sw_work *w, const struct sw_port *port,
					      const struct sw_guard *guard, enum sw_counter why)
{
	bool sending = port->mode == COOKIES_ALWAYS || port->on;
	bool flood = why == SW_SYN_UNFIT && sending && sw_admission_for(guard, &w->look) &&
		     !sw_among_few(w);

	if (flood && !guard->dry_run) {
		w->reason = SW_SYN_UNFIT_DROPPED;
		return XDP_DROP;
	}
	sw_count(flood ? SW_DRY_RUN_DROPS : why);
	return XDP_PASS;
}

/* What the kernel's cookie keeps without timestamps, whose offset is the kernel's secret: the MSS. */
static __always_inline void sw_offer_mss_only(struct sw_offer *offer)
{
	offer->wscale_ok = offer->sack_ok = offer->tstamp_ok = offer->ecn_ok = false;
}

static __always_inline bool sw_bake(void *ctx, struct sw_work *w, const struct sw_guard *guard,
				    const struct sw_keys *keys, struct sw_cookie *cookie)
{
	__s64 kernels;

	if (sw_admission_for(guard, &w->look) == ADMISSION_BPF) {
		*cookie = sw_cookie_make(keys, &w->packet, sw_local_port(w), sw_remote_port(w),
					 w->seg.seq, sw_epoch_now(w, guard), &w->offer);
		return true;
	}
	kernels = sw_kernel_cookie(ctx, w);
	sw_offer_mss_only(&w->offer);
	cookie->isn = (__u32)kernels;
	return kernels >= 0;
}

/* The frame becomes the reply in w->reply, Ethernet addresses swapped and VLAN tag kept. */
static __always_inline int sw_send_reply(struct xdp_md *ctx, struct sw_work *w)
{
	__u32 bytes = w->reply.length, at = w->packet.ip;
	int more = (int)(at + bytes) - (int)bpf_xdp_get_buff_len(ctx);
	__u16 *mac, swap[3];

	if (more && bpf_xdp_adjust_tail(ctx, more))
		return XDP_DROP;
	barrier_var(bytes);
	if (bytes < 4 || bytes > sizeof(w->reply.word) ||
	    bpf_xdp_store_bytes(ctx, at, w->reply.word, bytes))
		return XDP_DROP;
	mac = (__u16 *)(long)ctx->data;
	if (mac + 6 > (__u16 *)(long)ctx->data_end)
		return XDP_DROP;
	__builtin_memcpy(swap, mac, 6);
	__builtin_memcpy(mac, mac + 3, 6);
	__builtin_memcpy(mac + 3, swap, 6);
	return XDP_TX;
}

static __always_inline int sw_reply(struct xdp_md *ctx, struct sw_work *w, struct sw_port *port,
				    const struct sw_guard *guard, const struct sw_keys *keys)
{
	struct sw_reply_terms terms = { .mss = guard->mss[!w->packet.ipv4], .hop_limit = 64 };
	__u32 window = w->look.receive_buffer / 2; /* Linux counts as much for its overhead */
	struct sw_cookie cookie = {};

	terms.window = window > 0xffff ? 0xffff : (__u16)window;
	if (!sw_bake(ctx, w, guard, keys, &cookie)) {
		w->reason = SW_REPLY_FAILED;
		return XDP_DROP;
	}
	sw_reply_build(&w->reply, &w->packet, &w->seg, &w->offer, &cookie, &terms);
	if (sw_send_reply(ctx, w) != XDP_TX) {
		w->reason = SW_REPLY_FAILED;
		return XDP_DROP;
	}
	sw_note_cookie(w, port, guard);
	return XDP_TX;
}

/*
 * A SYN: XDP_TX, the frame is its answer; XDP_DROP, w->reason says why; XDP_PASS, it is the kernel's.
 */
__noinline int sw_guard_syn(struct xdp_md *ctx)
{
	const struct sw_guard *guard = &sw_settings()->guard;
	struct sw_work *w = sw_work_in_hand();
	const struct sw_keys *keys;
	enum sw_counter why;
	struct sw_port *port;
	__u32 zero = 0;

	keys = bpf_map_lookup_elem(&sw_keys, &zero);
	if (!w || !keys)
		return XDP_PASS;
	port = sw_port_of(w);
	if (!port || port->mode == COOKIES_NEVER)
		return XDP_PASS;
	w->now = sw_coarse_now();
	sw_read_options(&w->seg);
	sw_look_up_for_syn(ctx, w, port, guard);
	why = sw_may_answer(w, port, guard);
	if (why)
		return sw_leave_to_kernel(w, port, guard, why);
	if (port->mode == COOKIES_AUTO && !sw_under_pressure(w, port, guard))
		return XDP_PASS;
	if (guard->dry_run) {
		sw_count(SW_DRY_RUN_REPLIES);
		return XDP_PASS;
	}
	if (!sw_within_budget(w, guard)) {
		w->reason = SW_OVER_BUDGET;
		return XDP_DROP;
	}
	return sw_reply(ctx, w, port, guard, keys);
}

/* --- What no flow took ------------------------------------------------------------------------ */

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

__noinline int sw_read_late_options(struct xdp_md *ctx, struct sw_work *w)
{
	__u8 copy[SW_PEEK_MAX] __attribute__((aligned(4)));
	struct sw_cursor cursor = { .frame = ctx, .copy = copy };

	return w ? sw_parse_options(&cursor, &w->packet, &w->seg) : SW_TRUNCATED;
}

/* The offer in w->offer is complete only if SW_NONE is returned. */
static __always_inline enum sw_counter sw_check_cookie(struct sw_work *w,
						       const struct sw_guard *guard,
						       const struct sw_keys *keys)
{
	w->offer = (struct sw_offer){ .own_wscale = guard->wscale, .tstamp_ok = w->seg.has_tsval };
	return sw_cookie_check(keys, &w->packet, sw_local_port(w), sw_remote_port(w), w->seg.seq,
			       w->seg.ack, w->seg.tsecr, sw_epoch_now(w, guard), &w->offer);
}

/* The cookie was good: the flow as SYN and SYN+ACK would have left it, in place of any older one. */
static __always_inline void sw_begin_by_cookie(struct sw_work *w, struct sw_port *port,
					       enum sw_admission admission)
{
	struct sw_pressure *pressure = sw_pressure_of(port);

	sw_count(SW_COOKIES_ACCEPTED);
	if (pressure)
		pressure->accepted++;
	sw_open_by_cookie(&w->flow, &w->seg, &w->offer, w->now, sw_settings());
	w->flow.cookie = admission == ADMISSION_BPF;
	if (!bpf_map_delete_elem(&sw_flows, &w->seg.key)) {
		sw_count(SW_FLOWS_REPLACED);
		sw_count(SW_FLOWS_REMOVED);
	}
	if (!bpf_map_update_elem(&sw_halfopen, &w->seg.key, &w->flow, BPF_ANY))
		sw_count(SW_HALFOPEN_OPENED);
}

/* Nobody's. */
static __always_inline int sw_rule_stray(struct sw_work *w)
{
	if (sw_among_few(w)) {
		sw_count(SW_STRAY_PASSED);
		return RULING_PASS;
	}
	w->reason = SW_STRAY;
	return RULING_DROP;
}

static __always_inline int sw_rule_cookie(void *ctx, struct sw_work *w, struct sw_port *port,
					  const struct sw_guard *guard, const struct sw_keys *keys,
					  bool known)
{
	enum sw_admission admission = sw_admission_for(guard, &w->look);
	enum sw_counter wrong = SW_COOKIE_BAD;

	if (admission == ADMISSION_BPF)
		wrong = sw_check_cookie(w, guard, keys);
	else if (admission == ADMISSION_KERNEL && sw_kernel_cookie_valid(ctx, w))
		wrong = SW_NONE;
	if (!wrong) {
		sw_begin_by_cookie(w, port, admission);
		return RULING_OPENED;
	}
	if (known)
		return RULING_NONE;
	if (admission != ADMISSION_KERNEL && sw_kernel_outstanding(port, w->now) &&
	    sw_kernel_cookie_valid(ctx, w))
		return RULING_NONE;
	sw_count(SW_COOKIES_REJECTED);
	w->reason = wrong;
	return RULING_DROP;
}

static __always_inline int sw_rule(struct xdp_md *ctx, struct sw_work *w, struct sw_port *port,
				   const struct sw_guard *guard, const struct sw_keys *keys,
				   bool known)
{
	if (w->look.found == FOUND_LISTENER && sw_may_bear_cookie(&w->seg) &&
	    sw_cookie_outstanding(guard, port, w->now)) {
		sw_read_late_options(ctx, w);
		sw_read_options(&w->seg);
		return sw_rule_cookie(ctx, w, port, guard, keys, known);
	}
	return known || port->mode == COOKIES_NEVER ? RULING_NONE : sw_rule_stray(w);
}

/*
 * A segment that is no SYN, and that no flow has taken. `known`: there is one, but it refused it, is
 * over or not proved live; what it makes of the segment stands then, unless there is a cookie.
 */
__noinline int sw_guard_stray(struct xdp_md *ctx, int known)
{
	const struct sw_guard *guard = &sw_settings()->guard;
	struct sw_work *w = sw_work_in_hand();
	const struct sw_keys *keys;
	struct sw_port *port;
	__u32 zero = 0;
	int ruling;

	keys = bpf_map_lookup_elem(&sw_keys, &zero);
	if (!w || !keys)
		return RULING_NONE;
	port = sw_port_of(w);
	if (!port)
		return RULING_NONE;
	sw_look_up(ctx, w);
	if (w->look.found == FOUND_SOCKET)
		return RULING_NONE;
	ruling = sw_rule(ctx, w, port, guard, keys, known);
	/* The listener may make a socket of it: the cookie can be the kernel's. */
	if (w->look.found == FOUND_LISTENER && ruling != RULING_DROP)
		sw_expect_socket(&w->seg.key);
	return ruling;
}

/* --- Every segment ---------------------------------------------------------------------------- */

/*
 * Tells synward_admit that this frame may have to open its connection. Drivers without metadata for
 * XDP can't carry that: sw_blind then makes it look for itself.
 */
static __always_inline void sw_hint(struct xdp_md *ctx, const struct sw_work *w)
{
	__u32 *hint, zero = 0, one = 1;

	sw_expect_socket(&w->seg.key);
	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*hint))) {
		bpf_map_update_elem(&sw_blind, &zero, &one, 0);
		return;
	}
	hint = (__u32 *)(long)ctx->data_meta;
	if (hint + 1 <= (__u32 *)(long)ctx->data)
		*hint = SW_HINT;
}

/* Taken by a flow whose both ends have proved live, and which is not over. */
static __always_inline bool sw_taken(const struct sw_work *w, int applied)
{
	return applied == SW_APPLIED && !w->reason && !w->halfopen && !sw_over(w->after);
}

static __always_inline int sw_guard_known(struct xdp_md *ctx, struct sw_work *w)
{
	struct sw_flow *flow = sw_find(&w->seg.key, &w->halfopen);
	int applied, ruling = RULING_NONE;

	if (sw_predicted(w, flow))
		return XDP_PASS;
	sw_begin_work(w);
	applied = sw_apply(flow);
	if (!sw_taken(w, applied))
		ruling = sw_guard_stray(ctx, applied == SW_APPLIED);
	if (ruling == RULING_DROP && !sw_settings()->guard.dry_run)
		return XDP_DROP;
	if (ruling == RULING_DROP)
		sw_count(SW_DRY_RUN_DROPS);
	if (ruling == RULING_OPENED || (ruling == RULING_NONE && applied != SW_APPLIED))
		sw_track_wholly(sw_find(&w->seg.key, &w->halfopen));
	else if (ruling == RULING_NONE)
		sw_conclude(w);
	if (w->awaits_admission)
		sw_hint(ctx, w);
	return XDP_PASS;
}

/* All that guard mode does with the segment in hand; the verdict. */
static __always_inline int sw_guard(struct xdp_md *ctx, struct sw_work *w)
{
	int verdict;

	if ((w->seg.flags & (SW_TCP_SYN | SW_TCP_ACK | SW_TCP_RST | SW_TCP_FIN)) != SW_TCP_SYN) {
		verdict = sw_guard_known(ctx, w);
	} else {
		verdict = sw_guard_syn(ctx);
		if (verdict == XDP_PASS) {
			sw_expect_socket(&w->seg.key);
			sw_track_wholly(sw_find(&w->seg.key, &w->halfopen));
		}
	}
	if (verdict == XDP_DROP)
		sw_count(w->reason);
	return verdict;
}

#endif
