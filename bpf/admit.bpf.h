/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Guard at tc ingress: the segment that brought a cookie back becomes a request of the listener's,
 * with what its SYN offered; the kernel's TCP does the rest. The cookie is checked again, since it
 * alone says what was offered.
 */
#ifndef SYNWARD_ADMIT_BPF_H
#define SYNWARD_ADMIT_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <synward/cookie.h>
#include <synward/guard.h>
#include <synward/state.h>

#include "clock.bpf.h"
#include "cookie.bpf.h"
#include "count.bpf.h"
#include "frame.bpf.h"
#include "hint.bpf.h"
#include "kernel.bpf.h"
#include "lookup.bpf.h"
#include "maps.bpf.h"
#include "settings.bpf.h"
#include "track.bpf.h"
#include "work.bpf.h"

static __always_inline bool sw_flow_awaits(const struct sw_work *w)
{
	__u8 halfopen;
	const struct sw_flow *flow = sw_find(&w->seg.key, &halfopen);

	return flow && sw_awaits_admission(flow, &w->seg);
}

/*
 * RFC 7323: the kernel lines its own clock up with the TSval that was echoed, whatever it was.
 */
static __always_inline int sw_assign(struct __sk_buff *skb, struct bpf_sock *listener,
				     const struct sw_work *w)
{
	const struct sw_offer *offer = &w->offer;
	struct bpf_tcp_req_attrs attrs = {
		.rcv_tsval = w->seg.tsval,
		.rcv_tsecr = w->seg.tsecr,
		.mss = offer->mss,
		.rcv_wscale = offer->own_wscale,
		.snd_wscale = offer->wscale,
		.ecn_ok = offer->ecn_ok,
		.wscale_ok = offer->wscale_ok,
		.sack_ok = offer->sack_ok,
		.tstamp_ok = offer->tstamp_ok,
	};
	struct sock *sock = (struct sock *)bpf_skc_to_tcp_sock(listener);

	return sock ? bpf_sk_assign_tcp_reqsk(skb, sock, &attrs, sizeof(attrs)) : -1;
}

/*
 * Frames come to tc in batches of up to 64, all of one before TCP gets the first. So the data behind
 * an ACK may come here before TCP has made a socket of that ACK; given to the listener a second time
 * it would be lost, for there can be one socket only. It finds the first one's socket if it is left
 * alone, provided that there will be one: the listener has room for all that a batch can bring.
 */
#define HANDED_NS (10 * SW_NS_PER_MS)

static __always_inline bool sw_has_room(struct bpf_sock *listener)
{
	const struct sock *sock = (const struct sock *)bpf_skc_to_tcp_sock(listener);

	return sock && sock->sk_ack_backlog < sock->sk_max_ack_backlog / 2;
}

/* True if the connection has just been handed over; else notes that it is now. */
static __always_inline bool sw_just_handed(const struct sw_work *w)
{
	__u64 hash = ((__u64)w->seg.ack << 32 | w->seg.seq) ^ sw_remote_port(w);
	__u32 place = (__u32)(hash * 0x9e3779b97f4a7c15ULL >> 32) % SW_HANDED_PLACES;
	struct sw_handed *handed = bpf_map_lookup_elem(&sw_handed, &place);

	if (!handed)
		return false;
	if (handed->hash == hash && w->now < handed->time_ns + HANDED_NS)
		return true;
	handed->hash = hash;
	handed->time_ns = w->now;
	return false;
}

static __always_inline void sw_admit_to(struct __sk_buff *skb, struct bpf_sock *listener,
					struct sw_work *w)
{
	const struct sw_guard *guard = &sw_settings()->guard;
	__u32 zero = 0;
	const struct sw_keys *keys = bpf_map_lookup_elem(&sw_keys, &zero);

	sw_look_at_listener(w, guard, listener);
	if (!keys || sw_check_cookie(w, guard, keys, w->look.manner.wscale))
		return;
	if (sw_just_handed(w) && sw_has_room(listener))
		return;
	if (sw_assign(skb, listener, w))
		sw_count(SW_ADMIT_REFUSED);
}

/* A socket of its own shows that it has been admitted before. */
static __always_inline void sw_admit(struct __sk_buff *skb, struct sw_work *w)
{
	struct bpf_sock *found;

	if (!sw_hinted(skb) && !sw_flow_awaits(w))
		return;
	if (skb_options(skb, w))
		return;
	sw_read_options(&w->seg);
	w->now = sw_coarse_now();
	found = sw_find_socket(skb, w);
	if (!found)
		return;
	if (found->state == KERNEL_TCP_LISTEN)
		sw_admit_to(skb, found, w);
	bpf_sk_release(found);
}

#endif
