/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Guard, a SYN to a guarded port: it is the kernel's, or the frame becomes its answer.
 *
 *   its client allowed? the kernel's ─► for this host? ─► a LISTEN socket would take it? ─► under pressure? ─► prefix within its budget? ─► SYN+ACK
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
#include "pressure.bpf.h"
#include "settings.bpf.h"
#include "track.bpf.h"
#include "work.bpf.h"

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
	if (w->packet.ip > SW_ETHERNET_HEADER + SW_VLAN_TAG || !sw_admission_for(guard, w))
		return SW_SYN_UNFIT;
	return SW_NONE;
}

/*
 * A SYN that gets no cookie is the kernel's; but where cookies are sent, not a flood of those to which
 * the listener would have one sent if they were other than they are.
 */
static __always_inline int sw_leave_unfit(struct xdp_md *ctx, struct sw_work *w,
					  struct sw_port *port, const struct sw_guard *guard,
					  bool sending)
{
	bool flood = sw_unfit_too_many(ctx, w, port, sending);

	if (flood && !guard->dry_run) {
		w->reason = SW_SYN_UNFIT_DROPPED;
		return XDP_DROP;
	}
	sw_count(flood ? SW_DRY_RUN_DROPS : SW_SYN_UNFIT);
	return XDP_PASS;
}

static __always_inline bool sw_bake(void *ctx, struct sw_work *w, const struct sw_guard *guard,
				    const struct sw_keys *keys, struct sw_cookie *cookie)
{
	__s64 kernels;

	if (sw_admits_own(sw_admission_for(guard, w))) {
		*cookie = sw_cookie_make(keys, &w->packet, sw_local_port(w), sw_remote_port(w),
					 w->seg.seq, sw_epoch_now(w, guard), &w->offer);
		return true;
	}
	kernels = sw_kernel_cookie(ctx, w);
	sw_offer_mss_only(&w->offer);
	cookie->isn = (__u32)kernels;
	return kernels >= 0;
}

#define SW_HOP_LIMIT  64 /* of what this host sends: Linux' default */
#define SW_WINDOW_MAX 0xffff

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
	struct sw_reply_terms terms = { .mss = guard->mss[!w->packet.ipv4],
					.hop_limit = SW_HOP_LIMIT };
	__u32 window = w->look.receive_buffer / 2; /* Linux counts as much for its overhead */
	struct sw_cookie cookie = {};

	terms.window = window > SW_WINDOW_MAX ? SW_WINDOW_MAX : (__u16)window;
	if (sw_admission_for(guard, w) == ADMISSION_PROXY)
		terms.window = sw_kept_room(terms.mss);
	if (!sw_bake(ctx, w, guard, keys, &cookie)) {
		w->reason = SW_REPLY_FAILED;
		return XDP_DROP;
	}
	sw_reply_build(&w->reply, &w->packet, &w->seg, &w->offer, &cookie, &terms);
	if (sw_send_reply(ctx, w) != XDP_TX) {
		w->reason = SW_REPLY_FAILED;
		return XDP_DROP;
	}
	sw_note_cookie(w, port);
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
	bool sending;

	keys = bpf_map_lookup_elem(&sw_keys, &zero);
	if (!w || !keys)
		return XDP_PASS;
	port = sw_port_of(w);
	if (!port)
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
	w->now = sw_coarse_now();
	sw_read_options(&w->seg);
	why = sw_look_up_for_syn(ctx, w, port);
	if (!why)
		why = sw_may_answer(w, port, guard);
	w->expects_socket = w->look.found == FOUND_LISTENER;
	if (why && (why != SW_SYN_UNFIT || !sw_admission_for(guard, w))) {
		sw_count(why);
		return XDP_PASS;
	}
	sending = sw_is_sending(w, port);
	if (why)
		return sw_leave_unfit(ctx, w, port, guard, sending);
	if (!sending)
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

#endif
