/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Guard, a SYN to a guarded port: it is the kernel's, or the frame becomes its answer.
 *
 *   its client allowed? the kernel's ─► for this host? ─► a LISTEN socket would take it? ─► under pressure? ─► prefix within its budget? ─► SYN+ACK
 *                      a port that is protected: its service is known? ─┘
 */
#ifndef SYNWARD_SYN_BPF_H
#define SYNWARD_SYN_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <synward/cookie.h>
#include <synward/guard.h>
#include <synward/offer.h>
#include <synward/reply.h>
#include <synward/translate.h>
#include <synward/wire.h>

#include "clients.bpf.h"
#include "clock.bpf.h"
#include "cookie.bpf.h"
#include "count.bpf.h"
#include "kernel_cookie.bpf.h"
#include "lookup.bpf.h"
#include "maps.bpf.h"
#include "plain.bpf.h"
#include "pressure.bpf.h"
#include "retreat.bpf.h"
#include "service.bpf.h"
#include "settings.bpf.h"
#include "track.bpf.h"
#include "work.bpf.h"

#define SW_TOS_ECN 3 /* its bits in TOS and traffic class (RFC 3168): they are the sender's */

/* Of the TCP header's fourth word; the last of them is AE (RFC 9768). */
#define SW_TCP_RESERVED 0x0f000000

/*
 * A SYN that asks for ECN bears none of it in its IP header (RFC 3168, 6.1.1): where it does, the path plays with TOS,
 * and would report congestion that is none. So it has not asked, as Linux has it, unless bits are set that RFC 3168
 * had reserved (tcp_ecn_create_request()).
 */
static __always_inline void sw_doubt_ecn(struct xdp_md *ctx, struct sw_work *w, __u32 *word)
{
	bpf_xdp_load_bytes(ctx, w->packet.at + 12, word, sizeof(*word));
	if (!(*word & sw_wire32(SW_TCP_RESERVED)))
		w->seg.flags &= ~SW_TCP_ASKS_FOR_ECN;
}

/*
 * The SYN's own header, where the listener or the host goes by it: hop limit, TOS (traffic class) and flow
 * label.
 */
static __always_inline void sw_read_ip(struct xdp_md *ctx, struct sw_work *w,
				       const struct sw_guard *guard)
{
	bool asks_for_ecn = sw_asks_for_ecn(w->seg.flags);
	__u32 word[3] = {};

	if (!asks_for_ecn && !w->look.manner.least_hop_limit && !guard->reflect_tos &&
	    guard->flow_label != FLOW_LABEL_REFLECTED)
		return;
	bpf_xdp_load_bytes(ctx, w->packet.ip, word, sizeof(word));
	word[0] = sw_wire32(word[0]);
	w->syn_tos = word[0] >> (w->packet.ipv4 ? SW_IPV4_TOS_SHIFT : SW_IPV6_TOS_SHIFT);
	w->syn_flow_label = word[0] & SW_FLOW_LABEL_MASK;
	w->syn_hop_limit = sw_hop_limit_of(&w->packet, word);
	if (asks_for_ecn && (w->syn_tos & SW_TOS_ECN))
		sw_doubt_ecn(ctx, w, word);
}

/* What of its offer a cookie can keep and who answers takes up, into w->offer. */
static __always_inline bool sw_take_offer(struct sw_work *w, const struct sw_guard *guard)
{
	if (w->protects)
		return sw_offer_to(&w->service, &w->packet, &w->seg, &w->offer);
	return sw_offer_of(guard, &w->packet, &w->seg, &w->look.manner, &w->offer);
}

/* Its client's connections are lost, and others' are not. */
static __always_inline bool sw_is_lost_client(const struct sw_work *w, const struct sw_port *port)
{
	struct sw_retreat *retreat = port->protects ? NULL : sw_retreat_of(w, port);

	return retreat && sw_client_fell_back(retreat, sw_client_prefix(w->packet.from), w->now);
}

/* May the SYN have a cookie? SW_NONE, or the counter that says why not; it then passes. */
static __always_inline enum sw_counter sw_may_answer(struct sw_work *w, struct sw_port *port,
						     const struct sw_guard *guard)
{
	bool kept;

	if (port->listener != w->look.listener && w->look.found != FOUND_SOCKET)
		port->listener = w->look.listener;
	if (w->look.found == FOUND_NOTHING)
		return w->protects ? SW_SYN_NOT_LEARNT : SW_SYN_NO_LISTENER;
	if (w->look.found == FOUND_SOCKET)
		return SW_SYN_TO_SOCKET;
	kept = sw_take_offer(w, guard);
	if (w->look.manner.least_hop_limit && w->syn_hop_limit < w->look.manner.least_hop_limit)
		return SW_SYN_TOO_FAR;
	/* Two VLAN tags: the inner one hides the segment from tc ingress, where it is admitted. */
	if (w->packet.ip > SW_ETHERNET_HEADER + SW_VLAN_TAG || !sw_admission_for(w))
		return SW_SYN_UNFIT;
	if (!kept)
		return SW_UNFIT_MSS;
	return sw_is_lost_client(w, port) ? SW_SYN_LOST_BEFORE : SW_NONE;
}

/*
 * A SYN that gets no cookie is the kernel's; but where cookies are sent, not a flood of those to which
 * the listener would have one sent if they were other than they are. w->reason says why it gets none.
 * XDP_TX: it gets one after all, if need be of the least MSS that a cookie can keep, as from the kernel whose queue
 * is full (__cookie_v4_init_sequence()).
 */
SW_GUARD_FUNCTION int sw_leave_unfit(struct xdp_md *ctx, struct sw_port *port, int sending)
{
	const struct sw_guard *guard = &sw_settings()->guard;
	struct sw_work *w = sw_work_in_hand();
	bool flood;

	if (!w || !port)
		return XDP_PASS;
	flood = sw_unfit_too_many(ctx, w, port, sending);

	if (flood && w->reason == SW_UNFIT_MSS)
		w->offer.mss = sw_least_mss(&w->packet);
	if (flood && (w->reason == SW_UNFIT_MSS || w->reason == SW_SYN_LOST_BEFORE))
		return XDP_TX;
	if (flood)
		sw_note_busy(w, port);
	if (flood && !guard->dry_run) {
		w->reason = SW_SYN_UNFIT_DROPPED;
		return XDP_DROP;
	}
	sw_count(flood ? SW_DRY_RUN_DROPS : w->reason);
	return XDP_PASS;
}

/* Its port has fallen back so far that the kernel is alone with it. */
static __always_inline int sw_leave_retreated(struct sw_work *w)
{
	w->expects_socket = true;
	sw_count(SW_SYN_RETREATED);
	return XDP_PASS;
}

static __always_inline bool sw_bake(void *ctx, struct sw_work *w, const struct sw_guard *guard,
				    const struct sw_keys *keys, struct sw_cookie *cookie)
{
	__s64 kernels;

	if (sw_admits_own(sw_admission_for(w))) {
		*cookie = sw_cookie_make(keys, &w->packet, sw_local_port(w), sw_remote_port(w),
					 w->seg.seq, sw_epoch_now(w, guard), &w->offer);
		return true;
	}
	kernels = sw_kernel_cookie(ctx, w);
	sw_offer_mss_only(&w->offer);
	cookie->isn = (__u32)kernels;
	return kernels >= 0;
}

static __always_inline void sw_swap_ethernet(__u16 *mac)
{
	__u16 swap[3];

	__builtin_memcpy(swap, mac, 6);
	__builtin_memcpy(mac, mac + 3, 6);
	__builtin_memcpy(mac + 3, swap, 6);
}

/* The frame becomes the reply in w->reply, Ethernet addresses swapped and VLAN tag kept. */
static __always_inline int sw_send_reply(struct xdp_md *ctx, struct sw_work *w)
{
	__u32 bytes = w->reply.length, at = w->packet.ip;
	int more = (int)(at + bytes) - (int)bpf_xdp_get_buff_len(ctx);
	__u16 *mac;

	if (more && bpf_xdp_adjust_tail(ctx, more))
		return XDP_DROP;
	barrier_var(bytes);
	if (bytes < 4 || bytes > sizeof(w->reply.word) ||
	    bpf_xdp_store_bytes(ctx, at, w->reply.word, bytes))
		return XDP_DROP;
	mac = (__u16 *)(long)ctx->data;
	if (mac + 6 > (__u16 *)(long)ctx->data_end)
		return XDP_DROP;
	sw_swap_ethernet(mac);
	return XDP_TX;
}

/* What the answer says that hangs on nothing of the SYN's IP header. mss: what it announces. */
static __always_inline struct sw_reply_terms sw_terms_of(const struct sw_guard *guard,
							 const struct sw_manner *manner, __u16 mss,
							 bool ipv4, enum sw_admission admission,
							 bool tstamp_ok,
							 const struct sw_cookie *cookie)
{
	struct sw_reply_terms terms = {
		.mss = mss,
		.hop_limit = manner->hop_limit,
		.tos = manner->tos,
	};

	terms.window = admission == ADMISSION_PROXY ? sw_kept_room(mss)
						    : sw_listener_window(manner, mss, tstamp_ok);
	if (!ipv4 && guard->flow_label == FLOW_LABEL_RANDOM)
		terms.flow_label = sw_reply_flow_label(cookie);
	return terms;
}

static __always_inline struct sw_reply_terms sw_terms_for(const struct sw_work *w,
							  const struct sw_guard *guard,
							  const struct sw_cookie *cookie)
{
	const struct sw_manner *manner = &w->look.manner;
	__u16 mss =
		w->protects ? w->service.mss : sw_listener_mss(manner, guard->mss[!w->packet.ipv4]);
	struct sw_reply_terms terms = sw_terms_of(guard, manner, mss, w->packet.ipv4,
						  sw_admission_for(w), w->offer.tstamp_ok, cookie);

	if (guard->reflect_tos)
		terms.tos = (w->syn_tos & ~SW_TOS_ECN) | (manner->tos & SW_TOS_ECN);
	if (guard->flow_label == FLOW_LABEL_REFLECTED)
		terms.flow_label = w->syn_flow_label;
	return terms;
}

/* Nothing of the SYN's IP header, and of its client nothing but the address, matters to its answer. */
static __always_inline bool sw_may_shorten(const struct sw_guard *guard,
					   const struct sw_manner *manner)
{
	return !guard->rules && !guard->reflect_tos && !manner->least_hop_limit &&
	       guard->flow_label != FLOW_LABEL_REFLECTED;
}

/*
 * The SYN in hand is to have its cookie: those that come the same way may have theirs by shortcut.bpf.h, while
 * the listener is remembered and the port is under pressure. Not where guard is but tried again.
 */
static __always_inline void sw_open_shortcut(struct xdp_md *ctx, const struct sw_work *w,
					     const struct sw_port *port,
					     const struct sw_guard *guard)
{
	struct sw_seen *seen = sw_seen_at(w->packet.to, sw_local_port(w));
	const struct sw_retreat *retreat = sw_retreat_of(w, port);
	__u64 quiet_ns = port->busy_ns + port->marks.quiet_ms * SW_NS_PER_MS;

	if (!seen || !retreat || retreat->stand != STAND_GUARD || w->protects ||
	    sw_is_remembered(retreat, retreat->lost_ns, w->now) ||
	    !sw_may_shorten(guard, &w->look.manner) ||
	    !sw_came_before(ctx, w->packet.to, sw_local_port(w), w->now, seen))
		return;
	seen->slot = port->slot;
	seen->admission = sw_admission_for(w);
	seen->own_wscale = sw_own_wscale(w, guard, seen->admission);
	if (sw_admits_own(seen->admission))
		seen->short_until_ns = port->mode == COOKIES_AUTO ? quiet_ns : ~0ULL;
}

static __always_inline int sw_reply(struct xdp_md *ctx, struct sw_work *w, struct sw_port *port,
				    const struct sw_guard *guard, const struct sw_keys *keys)
{
	struct sw_reply_terms terms;
	struct sw_cookie cookie = {};

	w->offer.own_wscale = sw_own_wscale(w, guard, sw_admission_for(w));
	if (!sw_bake(ctx, w, guard, keys, &cookie)) {
		w->reason = SW_REPLY_FAILED;
		return XDP_DROP;
	}
	terms = sw_terms_for(w, guard, &cookie);
	sw_reply_build(&w->reply, &w->packet, &w->seg, &w->offer, &cookie, &terms);
	if (sw_send_reply(ctx, w) != XDP_TX) {
		w->reason = SW_REPLY_FAILED;
		return XDP_DROP;
	}
	sw_note_cookie(w, port);
	return XDP_TX;
}

/* The listener's ways become those that the route to the client leaves it. Global, as sw_answer(). */
SW_GUARD_FUNCTION int sw_follow_route(void)
{
	const struct sw_guard *guard = &sw_settings()->guard;
	struct sw_work *w = sw_work_in_hand();
	const struct sw_route *route;

	if (!w || w->protects)
		return 0;
	route = sw_route_to(&w->packet, guard);
	if (route)
		sw_listener_by_route(&w->look.manner, route, guard->mss[!w->packet.ipv4],
				     w->offer.tstamp_ok);
	return 0;
}

/* It is to have a cookie, if it may have one now. Global, so that the verifier walks it once. */
SW_GUARD_FUNCTION int sw_answer(struct xdp_md *ctx, struct sw_port *port)
{
	const struct sw_guard *guard = &sw_settings()->guard;
	struct sw_work *w = sw_work_in_hand();
	const struct sw_keys *keys;
	__u32 zero = 0;

	keys = bpf_map_lookup_elem(&sw_keys, &zero);
	if (!w || !keys || !port)
		return XDP_PASS;
	if (guard->dry_run) {
		sw_count(SW_DRY_RUN_REPLIES);
		return XDP_PASS;
	}
	if (!w->look.room) { /* as tcp_conn_request() does; the client sends it again */
		w->reason = SW_ACCEPT_QUEUE_FULL;
		return XDP_DROP;
	}
	sw_keep_stand(w, port);
	if (w->stand == STAND_OFF)
		return sw_leave_retreated(w);
	if (!sw_within_budget(&w->packet, w->now, guard)) {
		w->reason = SW_OVER_BUDGET;
		return XDP_DROP;
	}
	sw_open_shortcut(ctx, w, port, guard);
	sw_follow_route();
	return sw_reply(ctx, w, port, guard, keys);
}

/*
 * A SYN to a guarded port, whose stand is known: XDP_TX, the frame is its answer; XDP_DROP, w->reason says
 * why; XDP_PASS, it is the kernel's.
 */
SW_GUARD_FUNCTION int sw_guard_syn(struct xdp_md *ctx, struct sw_port *port)
{
	const struct sw_guard *guard = &sw_settings()->guard;
	struct sw_work *w = sw_work_in_hand();
	enum sw_counter why;
	bool few, sending;
	int verdict;

	if (!w || !port)
		return XDP_PASS;
	w->expects_socket = port->mode == COOKIES_NEVER;
	if (w->expects_socket)
		return XDP_PASS;
	if (sw_client_is(w, CLIENT_ALLOW)) {
		sw_count(SW_SYN_ALLOWED);
		w->expects_socket = true;
		return XDP_PASS;
	}
	if (sw_is_martian() || sw_is_local(w->packet.from)) {
		sw_count(SW_SYN_MARTIAN);
		return XDP_PASS;
	}
	if (w->stand == STAND_OFF)
		return sw_leave_retreated(w);
	sw_read_options(&w->seg);
	why = port->protects ? sw_look_for_service(ctx, w, port) : sw_look_up_for_syn(ctx, w, port);
	sw_find_ways(w->look.listener);
	sw_read_ip(ctx, w, guard);
	if (!why)
		why = sw_may_answer(w, port, guard);
	w->expects_socket = w->look.found == FOUND_LISTENER && !w->protects;
	few = why == SW_SYN_UNFIT || why == SW_UNFIT_MSS || why == SW_SYN_LOST_BEFORE;
	if (why && (!few || !sw_admission_for(w))) {
		sw_count(why);
		return XDP_PASS;
	}
	sending = sw_is_sending(w, port);
	if (why == SW_SYN_UNFIT || !sending || !sw_find_odd(ctx))
		w->reason = why;
	verdict = w->reason ? sw_leave_unfit(ctx, port, sending) : XDP_TX;
	if (verdict != XDP_TX)
		return verdict;
	return sending ? sw_answer(ctx, port) : XDP_PASS;
}

#endif
