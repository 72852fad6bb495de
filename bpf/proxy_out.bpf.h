/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Proxy at tc egress: what a service sends.
 *
 *   a SYN+ACK to our SYN ─► numbers are known; it becomes the client's ACK, and goes back in
 *   a SYN+ACK to another SYN ─► a connection that is none of ours, in place of one that was ─► pass
 *   a RST to our SYN ─► the client, which is connected already, gets one that it takes ─────► pass
 *   else ─► the client's numbers ─────────────────────────────────────────────────────────► pass
 */
#ifndef SYNWARD_PROXY_OUT_BPF_H
#define SYNWARD_PROXY_OUT_BPF_H

#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#include "clock.bpf.h"
#include "count.bpf.h"
#include "maps.bpf.h"
#include "proxy.bpf.h"
#include "rewrite.bpf.h"
#include "service.bpf.h"
#include "track.bpf.h"
#include "work.bpf.h"

/* The header of the client's ACK, of a SYN+ACK with these ports, with its data from `at` on. Returns its words. */
static __always_inline __u32 sw_write_ack(struct sw_proxy_work *p, const struct sw_proxied *proxied,
					  __u32 ports, __u32 at, bool data, bool fin)
{
	__u32 words;

	__builtin_memset(p->after, 0, sizeof(p->after));
	words = sw_proxy_ack(proxied, p->after, ports, data, fin);
	p->after[1] = sw_wire32(proxied->client_isn + 1 + at);
	return words;
}

/* What is kept takes two frames: the first is a copy that comes in at once, and then the frame becomes the second. */
static __always_inline bool sw_send_first(struct __sk_buff *skb, struct sw_work *w,
					  struct sw_proxy_work *p, const struct sw_proxied *proxied,
					  const struct sw_kept *kept)
{
	__u32 ports = p->before[0], words = sw_write_ack(p, proxied, ports, 0, true, false);

	if (!sw_take_piece(&p->kept, kept, 0, kept->piece) ||
	    !sw_take_piece(&p->rest, kept, p->kept.length, SW_KEPT_MAX) ||
	    !skb_become(skb, words, &p->kept) || !skb_turn(skb) ||
	    bpf_clone_redirect(skb, skb->ifindex, BPF_F_INGRESS))
		return false;
	w->seg.length = p->kept.length;
	w->packet.bytes = 4 * words + w->seg.length;
	if (!skb_load_header(skb, w, p->before))
		return false;
	words = sw_write_ack(p, proxied, ports, w->seg.length, true, proxied->fin_kept);
	return skb_become(skb, words, &p->rest);
}

/*
 * The frame becomes the client's ACK, with what is kept of its data, and comes in where it would go out. That
 * goes through tc ingress as all of the client's does, and so its numbers are the client's.
 */
static __always_inline int sw_send_ack(struct __sk_buff *skb, struct sw_work *w,
				       struct sw_proxy_work *p, const struct sw_proxied *proxied)
{
	const struct sw_kept *kept = bpf_map_lookup_elem(&sw_kept, &w->seg.key);
	__u32 words;

	if (w->seg.length || !skb_load_header(skb, w, p->before))
		return sw_proxy_failed();
	if (kept && kept->length > kept->piece) {
		if (!sw_send_first(skb, w, p, proxied, kept))
			return sw_proxy_failed();
	} else {
		words = sw_write_ack(p, proxied, p->before[0], 0, kept, proxied->fin_kept);
		if (!skb_become(skb, words, kept) || !skb_turn(skb))
			return sw_proxy_failed();
	}
	return (int)bpf_redirect(skb->ifindex, BPF_F_INGRESS);
}

/* The first. Whatever the server says next, it has taken the connection. */
static __always_inline void sw_note_answer(struct sw_work *w)
{
	sw_count(SW_PROXIED);
	w->now = sw_coarse_now();
	if (!w->protects && sw_note_taken(&w->seg.key))
		sw_judge_by_word();
}

/* A second one of other numbers holds until the service has said more: a SYN cookie of its own, say. */
static __always_inline int sw_proxy_answer(struct __sk_buff *skb, struct sw_work *w,
					   struct sw_proxy_work *p, struct sw_proxied *proxied)
{
	if (!sw_proxy_is_answer(proxied, &w->seg))
		return sw_proxy_forget(w);
	if (proxied->spoken)
		return -1;
	sw_read_options(&w->seg);
	if (proxied->stage == PROXY_OPENING)
		sw_note_answer(w);
	sw_proxy_answered(proxied, &w->seg);
	*(volatile enum sw_proxy_stage *)&proxied->stage = PROXY_OPEN;
	__sync_fetch_and_or(&proxied->ifindex, 0); /* see sw_await_service() */
	return sw_send_ack(skb, w, p, proxied);
}

/* Refused: as the client would take it, who has got its SYN+ACK. */
static __always_inline int sw_proxy_refused(struct __sk_buff *skb, struct sw_work *w,
					    struct sw_proxy_work *p,
					    const struct sw_proxied *proxied)
{
	__u64 difference;

	if (!sw_proxy_is_answer(proxied, &w->seg))
		return TC_ACT_UNSPEC;
	if (!skb_load_header(skb, w, p->after))
		return TC_ACT_SHOT;
	difference = sw_write_word(&p->after[1], sw_wire32(proxied->isn + 1));
	w->seg.seq = proxied->isn + 1;
	sw_count(SW_PROXY_REFUSED);
	sw_proxy_forget(w);
	if (w->protects)
		sw_unlearn_sender(w, true);
	else
		sw_note_taken(&w->seg.key); /* it is no loss of guard's */
	return skb_store_header(skb, w, p->after, w->packet.bytes - w->seg.length) &&
			       skb_mend_checksum(skb, w, difference)
		       ? TC_ACT_UNSPEC
		       : TC_ACT_SHOT;
}

static __always_inline int sw_proxy_pass_out(struct __sk_buff *skb, struct sw_work *w,
					     struct sw_proxied *proxied)
{
	struct sw_proxy_work *p = sw_proxy_in_hand();
	int verdict;

	if (!p)
		return TC_ACT_UNSPEC;
	if ((w->seg.flags & (SW_TCP_SYN | SW_TCP_ACK)) == (SW_TCP_SYN | SW_TCP_ACK)) {
		verdict = sw_proxy_answer(skb, w, p, proxied);
		if (verdict != -1)
			return verdict;
	}
	if (w->seg.flags & SW_TCP_SYN)
		return TC_ACT_UNSPEC;
	if (SW_READ_ONCE(proxied->stage) != PROXY_OPEN)
		return w->seg.flags & SW_TCP_RST ? sw_proxy_refused(skb, w, p, proxied)
						 : TC_ACT_UNSPEC;
	if (!proxied->spoken) {
		proxied->spoken = 1;
		bpf_map_delete_elem(&sw_kept, &w->seg.key);
	}
	sw_proxy_seen(proxied, sw_coarse_now());
	if (!skb_translate(skb, proxied, SW_OUTWARD))
		return sw_proxy_failed();
	return TC_ACT_UNSPEC;
}

/* What the client's SYN, made again, has asked of the service. */
static __always_inline struct sw_offer sw_proxy_asked(const struct sw_proxied *proxied)
{
	if (!proxied || proxied->stage != PROXY_OPENING)
		return (struct sw_offer){};
	return (struct sw_offer){
		.wscale_ok = proxied->wscale_ok,
		.sack_ok = proxied->sack_ok,
		.ecn_ok = proxied->ecn_ok,
		.tstamp_ok = proxied->tstamp_ok,
	};
}

static __always_inline int sw_proxy_out(struct __sk_buff *skb, struct sw_work *w)
{
	struct sw_proxied *proxied = bpf_map_lookup_elem(&sw_proxied, &w->seg.key);
	struct sw_offer asked;

	if ((w->seg.flags & (SW_TCP_SYN | SW_TCP_RST)) && sw_protected_port(true))
		w->protects = PROTECT_PROXY;
	if (w->protects && (w->seg.flags & SW_TCP_ACK) && (w->seg.flags & SW_TCP_SYN)) {
		asked = sw_proxy_asked(proxied);
		sw_learn(skb, w, &asked);
	}
	if (!proxied || proxied->client == w->seg.sender)
		return TC_ACT_UNSPEC;
	return sw_proxy_pass_out(skb, w, proxied);
}

/* Once it has been tracked: a SYN that passed has been refused. */
static __always_inline void sw_note_refusal(const struct sw_work *w)
{
	if (!w->protects || !(w->seg.flags & SW_TCP_RST) || !w->halfopen)
		return;
	if (w->before[w->seg.sender & 1] == LISTEN && sw_over(w->after))
		sw_unlearn_sender(w, false);
	sw_note_handshake(true);
}

#endif
