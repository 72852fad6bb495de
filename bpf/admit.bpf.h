/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Guard at tc ingress: the segment that brought a cookie back becomes a request of the listener's,
 * with what its SYN offered; the kernel's TCP does the rest. The cookie is checked again, since it
 * alone says what was offered.
 */
#ifndef SYNWARD_ADMIT_BPF_H
#define SYNWARD_ADMIT_BPF_H

#include <linux/bpf.h>
#include <linux/pkt_cls.h>
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
#include "rewrite.bpf.h"
#include "settings.bpf.h"
#include "track.bpf.h"
#include "work.bpf.h"

/* The flow of the segment in hand, if its server has yet to say something; or NULL. */
static __always_inline const struct sw_flow *sw_flow_that_awaits(const struct sw_work *w)
{
	__u8 halfopen;
	const struct sw_flow *flow = sw_find(&w->seg.key, &halfopen);

	return flow && sw_awaits_admission(flow, &w->seg) ? flow : NULL;
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

enum sw_handed_to {
	HANDED_TO_LISTENER = 0,
	HANDED_TO_TIME_WAIT = 1 << 16, /* beyond a port */
	HANDED_TO_TIME_WAIT_AGAIN = 1 << 17,
};

/* Of the segment with this number of the connection in hand. */
static __always_inline __u64 sw_handed_hash(const struct sw_work *w, __u32 seq,
					    enum sw_handed_to whom)
{
	return ((__u64)w->seg.ack << 32 | seq) ^ (sw_remote_port(w) | whom);
}

static __always_inline struct sw_handed *sw_handed_at(__u64 hash)
{
	__u32 place = (__u32)(hash * 0x9e3779b97f4a7c15ULL >> 32) % SW_HANDED_PLACES;

	return bpf_map_lookup_elem(&sw_handed, &place);
}

/* True if the segment in hand has just been handed over; else notes that it is now. */
static __always_inline bool sw_just_handed(const struct sw_work *w, enum sw_handed_to whom)
{
	__u64 hash = sw_handed_hash(w, w->seg.seq, whom);
	struct sw_handed *handed = sw_handed_at(hash);

	if (!handed)
		return false;
	if (handed->hash == hash && w->now < handed->time_ns + HANDED_NS)
		return true;
	handed->hash = hash;
	handed->time_ns = w->now;
	return false;
}

/*
 * Its connection has no socket yet, and it is not what makes one: the kernel would answer with a RST. If what does
 * is on its way, on another CPU, or where TIME_WAIT has just ended for it, that would end what begins; and if it is
 * lost, its client begins with it anew. But if the listener had its chance, then that RST tells client and safety net
 * that it was lost behind us. Not so for ever: where no server is heard, it may be over.
 */
#define EARLY_NS (10 * SW_NS_PER_S)

static __always_inline int sw_rule_early(const struct sw_work *w)
{
	const struct sw_flow *flow = sw_flow_that_awaits(w);
	const struct sw_handed *handed;
	__u32 first;
	__u64 hash;

	if (!flow || w->now >= flow->start_ns + EARLY_NS)
		return TC_ACT_UNSPEC;
	first = flow->ep[w->seg.sender & 1].isn + 1;
	if (w->seg.seq == first)
		return TC_ACT_UNSPEC; /* it bears the kernel's own cookie, say */
	hash = sw_handed_hash(w, first, HANDED_TO_LISTENER);
	handed = sw_handed_at(hash);
	if (handed && handed->hash == hash)
		return TC_ACT_UNSPEC;
	sw_count(SW_EARLY_DROPPED);
	return TC_ACT_SHOT;
}

static __always_inline int sw_admit_to(struct __sk_buff *skb, struct bpf_sock *listener,
				       struct sw_work *w)
{
	const struct sw_guard *guard = &sw_settings()->guard;
	__u32 zero = 0;
	const struct sw_keys *keys = bpf_map_lookup_elem(&sw_keys, &zero);

	sw_look_at_listener(w, guard, listener);
	if (!keys || sw_check_cookie(w, guard, keys, w->look.manner.wscale))
		return sw_rule_early(w);
	if (sw_just_handed(w, HANDED_TO_LISTENER) && sw_has_room(listener))
		return TC_ACT_UNSPEC;
	if (sw_assign(skb, listener, w))
		sw_count(SW_ADMIT_REFUSED);
	return TC_ACT_UNSPEC;
}

/*
 * The socket in TIME_WAIT (<synward/time_wait.h>) ends for the new connection, as by its SYN: this frame becomes a
 * RST of the old one, and a copy of it comes after, when there is none any more. If there is, something keeps RSTs
 * from it (net.ipv4.tcp_rfc1337, a firewall): the copy becomes the SYN that was, with a FIN, which ends TIME_WAIT for
 * the same reasons, and of which no listener makes anything (tcp_rcv_state_process()); and one more comes after it.
 */
static __always_inline int sw_end_time_wait(struct __sk_buff *skb, struct bpf_sock *found,
					    struct sw_work *w)
{
	struct sw_time_wait *wait = &w->time_wait;
	__u32 flags = SW_TCP_RST, seq;

	if (!sw_flow_that_awaits(w) || !sw_look_at_waiting(wait, found) ||
	    !sw_begins_anew(wait, &w->seg))
		return TC_ACT_UNSPEC;
	seq = wait->wants;
	if (sw_just_handed(w, HANDED_TO_TIME_WAIT)) {
		if (sw_just_handed(w, HANDED_TO_TIME_WAIT_AGAIN))
			return TC_ACT_UNSPEC;
		flags = SW_TCP_SYN | SW_TCP_FIN;
		seq = w->seg.seq - 1;
	}
	if (!bpf_clone_redirect(skb, skb->ifindex, BPF_F_INGRESS) &&
	    skb_become_flags(skb, w, flags, seq) && flags == SW_TCP_RST)
		sw_count(SW_TIME_WAITS_ENDED);
	return TC_ACT_UNSPEC;
}

/* A socket of its own shows that it has been admitted before. */
static __always_inline int sw_admit(struct __sk_buff *skb, struct sw_work *w)
{
	int verdict = TC_ACT_UNSPEC;
	struct bpf_sock *found;

	if (!sw_hinted(skb) && !sw_flow_that_awaits(w))
		return verdict;
	if (skb_options(skb, w))
		return verdict;
	sw_read_options(&w->seg);
	w->now = sw_coarse_now();
	found = sw_find_socket(skb, w);
	if (!found)
		return verdict;
	if (found->state == KERNEL_TCP_LISTEN)
		verdict = sw_admit_to(skb, found, w);
	else if (found->state == KERNEL_TCP_TIME_WAIT)
		verdict = sw_end_time_wait(skb, found, w);
	bpf_sk_release(found);
	return verdict;
}

#endif
