/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The state model: what one segment proves about the two endpoints of its flow.
 *
 * The observer sees segments, not sockets. What an endpoint sends proves its own state at once;
 * what passes towards an endpoint counts as delivered only where that leaves one outcome (the ACK
 * of its SYN, the ACK of its FIN, a valid RST). STATE_MODEL.md has the rules; their ids, as (U3), stand
 * where they are applied. Sources: RFC 9293 (3.3.2, 3.5, 3.6, 3.10.7), RFC
 * 5961 (blind attacks), RFC 6191 and RFC 1122, 4.2.2.13 (TIME_WAIT), RFC 7323 (window scale).
 *
 * The one entrance is sw_flow_step(), which is pure: time and settings come in as parameters. "src"
 * is the endpoint that sent the segment, "dst" its peer; for a self-connection both are the same. A
 * segment is judged, and never dropped (N6).
 */
#ifndef SYNWARD_STATE_H
#define SYNWARD_STATE_H

#include <synward/config.h>
#include <synward/flow.h>
#include <synward/order.h>
#include <synward/segment.h>
#include <synward/stats.h>
#include <synward/wire.h>

/* A closed flow stays this long to absorb segments that were under way when it closed (L6). */
#define SW_CLOSED_LINGER_MS 1000

/* The shift count of an end whose SYN was not seen: any. */
#define SW_WSCALE_UNKNOWN 15

/* A SYN+ACK that comes sooner after its ACK is a copy; a host sends none again before a second (U9). */
#define SW_COPY_NS (200 * SW_NS_PER_MS)

/* An unconfirmed flow lives no longer than this after its last segment (L2). */
#define SW_UNCONFIRMED_MS 60000

/* An end whose window is not known may have been sent this much: it is what a port scan can't have. */
#define SW_WINDOW_UNKNOWN 0xffff

SW_INLINE void sw_enter(struct sw_endpoint *ep, enum sw_state state)
{
	ep->state = state;
	ep->history |= (__u16)(1U << state);
}

SW_INLINE bool sw_synchronised(const struct sw_endpoint *ep)
{
	return ep->state >= ESTABLISHED;
}

/* Not yet synchronised. CLOSED is not among these: it has been through all that. */
SW_INLINE bool sw_in_handshake(const struct sw_endpoint *ep)
{
	return ep->state >= LISTEN && ep->state <= SYN_RCVD;
}

/* It sent a SYN of its own accord: it is a socket, and no request that a listener holds. */
SW_INLINE bool sw_has_opened(const struct sw_endpoint *ep)
{
	return ep->history & 1U << SYN_SENT;
}

/* TIME_WAIT or CLOSED: this endpoint has nothing left to say. */
SW_INLINE bool sw_finished(const struct sw_endpoint *ep)
{
	return ep->state == TIME_WAIT || ep->state == CLOSED;
}

SW_INLINE bool sw_flow_finished(const struct sw_flow *flow)
{
	return sw_finished(&flow->ep[0]) && sw_finished(&flow->ep[1]);
}

/* In the name of an end that has spoken from this host, and from outside: it is forged (M3). */
SW_INLINE bool sw_is_foreign(const struct sw_endpoint *src, const struct sw_segment *seg)
{
	return src->place == SW_PLACE_EGRESS && seg->place > SW_PLACE_EGRESS;
}

/* Each end was heard where it belongs (L3): at a place of its own, as far as places are known. */
SW_INLINE bool sw_heard_apart(const struct sw_flow *flow, const struct sw_segment *seg)
{
	const struct sw_endpoint *a = &flow->ep[0], *b = &flow->ep[!seg->self];

	return seg->self || !a->place || a->place != b->place;
}

/*
 * Picked up in the middle, and not yet two true segments of each end, each heard where it belongs. Where
 * only one direction is seen there is nothing better to go by than two of one end.
 */
SW_INLINE bool sw_unconfirmed(const struct sw_flow *flow, const struct sw_segment *seg,
			      const struct sw_config *cfg)
{
	__u8 a = flow->said[0], b = flow->said[!seg->self];

	if (!flow->midstream)
		return false;
	if (!cfg->both_directions)
		return !((a | b) & SW_SAID_STEADY);
	return !(a & b & SW_SAID_STEADY) || !sw_heard_apart(flow, seg);
}

/*
 * Both ends have been heard, past the handshake. What is not proved live stays in sw_halfopen, whose
 * oldest records make room for new ones: so unconfirmed flows go first when there are many (L4).
 */
SW_INLINE bool sw_flow_proved(const struct sw_flow *flow, const struct sw_segment *seg,
			      const struct sw_config *cfg)
{
	const struct sw_endpoint *a = &flow->ep[0], *b = &flow->ep[!seg->self];

	if (!sw_synchronised(a) || !sw_synchronised(b) || sw_unconfirmed(flow, seg, cfg))
		return false;
	return !cfg->both_directions || (a->seen && b->seen && sw_heard_apart(flow, seg));
}

/* --- Lifetime ------------------------------------------------------------------------------- */

/* The one rule (L5): from its deadline on there is no such flow, whether its record still lies there or not. */
SW_INLINE bool sw_flow_gone(const struct sw_flow *flow, __u64 now)
{
	return now >= flow->deadline_ns;
}

/* For who walks through a map: the record is that of a live flow, and the flow has not moved away. */
SW_INLINE bool sw_flow_here(const struct sw_flow *flow, __u64 now)
{
	return !flow->moved && !sw_flow_gone(flow, now);
}

/* Of its state (L1). That of an end that was never heard is a guess, and keeps no flow alive (L6). */
SW_INLINE __u32 sw_timeout_ms(const struct sw_config *cfg, const struct sw_endpoint *ep)
{
	return ep->seen && ep->state < SW_STATES ? cfg->timeout.ms[ep->state] : 0;
}

SW_INLINE __u32 sw_at_most(__u32 ms, __u32 most)
{
	return ms < most ? ms : most;
}

/* It has sent a FIN, for all that is known, and nobody has acknowledged it. */
SW_INLINE bool sw_fin_unanswered(const struct sw_endpoint *ep)
{
	return ep->state == FIN_WAIT_1 || (ep->state == ESTABLISHED && ep->fin);
}

/* As long as its longer-lived endpoint, with the exceptions of L2. */
SW_INLINE __u32 sw_life_ms(const struct sw_flow *flow, const struct sw_segment *seg,
			   const struct sw_config *cfg)
{
	const struct sw_endpoint *a = &flow->ep[0], *b = &flow->ep[!seg->self];
	__u32 of_a = sw_timeout_ms(cfg, a), of_b = sw_timeout_ms(cfg, b);
	__u32 ms = of_a > of_b ? of_a : of_b;

	if (sw_flow_closed(flow) && ms < SW_CLOSED_LINGER_MS)
		return SW_CLOSED_LINGER_MS;
	if (a->state == SYN_RCVD || b->state == SYN_RCVD)
		ms = sw_at_most(ms, cfg->timeout.syn_rcvd);
	if (flow->reset || sw_fin_unanswered(a) || sw_fin_unanswered(b))
		ms = sw_at_most(ms, cfg->timeout.fin_wait_1);
	return sw_unconfirmed(flow, seg, cfg) ? sw_at_most(ms, SW_UNCONFIRMED_MS) : ms;
}

/* Past ESTABLISHED, on whichever way. */
SW_INLINE bool sw_ending(const struct sw_endpoint *ep)
{
	return ep->state == CLOSED || ep->state > ESTABLISHED;
}

SW_INLINE void sw_set_deadline(struct sw_flow *flow, const struct sw_segment *seg, __u64 now,
			       const struct sw_config *cfg)
{
	__u64 deadline;

	SW_PHASE();
	flow->timeout_ms = sw_life_ms(flow, seg, cfg);
	SW_PHASE();
	deadline = now + flow->timeout_ms * SW_NS_PER_MS;
	if (sw_ending(&flow->ep[0]) || sw_ending(&flow->ep[1]))
		/* Behind the states, for all CPUs: see header prediction. */
		__atomic_exchange_n(&flow->deadline_ns, deadline, __ATOMIC_SEQ_CST);
	else
		flow->deadline_ns = deadline;
}

/* --- Sequence numbers (N1) ------------------------------------------------------------------ */

/* The FIN counts: all data before it has been seen (E16). */
SW_INLINE bool sw_fin_counts(const struct sw_endpoint *ep)
{
	return ep->fin && ep->next == ep->end;
}

/* Sequence numbers that the endpoint has used, as far as a window is concerned. */
SW_INLINE __u32 sw_used(const struct sw_endpoint *ep)
{
	__u32 used = ep->end - ep->isn;

	return ep->wraps || used > 1U << 30 ? 1U << 30 : used;
}

/*
 * The window `ep` offers, in bytes, and never none: a closed one is probed with a byte. Scaling holds
 * only if both SYNs carried it (RFC 7323, 2.2). An unknown scale is taken for the largest there is, but
 * the peer is not believed to have more room than it has ever needed (U11).
 */
SW_INLINE __u32 sw_window(const struct sw_flow *flow, const struct sw_endpoint *ep,
			  const struct sw_endpoint *peer)
{
	__u32 window = ep->window, most;

	if (ep->wscale_ok && peer->wscale_ok && ep->wscale != SW_WSCALE_UNKNOWN) {
		window <<= ep->wscale;
	} else if (flow->midstream || (ep->wscale_ok && peer->wscale_ok)) {
		most = sw_used(peer) > SW_WINDOW_UNKNOWN ? sw_used(peer) : SW_WINDOW_UNKNOWN;
		window <<= SW_WSCALE_MAX;
		window = window > most ? most : window;
	}
	return window ? window : 1;
}

/*
 * Would dst accept it: does its first or its last byte lie in the window that dst offered (RFC 9293,
 * 3.10.7.4)? With an observer's slack: the largest window ever offered stands for the one in force, and
 * one window to the left there may be retransmissions (U1).
 */
SW_INLINE bool sw_seq_acceptable(const struct sw_flow *flow, const struct sw_endpoint *src,
				 const struct sw_endpoint *dst, const struct sw_segment *seg)
{
	__u32 window = sw_window(flow, dst, src), low = dst->ack - window - 1;
	__u32 high = dst->ack + window, end = sw_segment_end(seg);

	if (end == seg->seq)
		return sw_seq_between(low, seg->seq, high);
	if (!dst->window && end != seg->seq + 1 && sw_seq_after(end, dst->ack))
		return false;
	return sw_seq_between(low, seg->seq, high - 1) || sw_seq_between(low, end - 1, high - 1);
}

/*
 * Can its sender mean this acknowledgement? Not one older than a window before its last one (RFC 5961,
 * 5.2), nor one beyond the window that it offered: so much dst may have sent unseen (U2).
 */
SW_INLINE enum sw_counter sw_check_ack(const struct sw_flow *flow, const struct sw_endpoint *src,
				       const struct sw_endpoint *dst, const struct sw_segment *seg)
{
	__u32 window = sw_window(flow, src, dst), high = src->ack + window;
	__u32 back = src->ack - dst->isn; /* no more below than dst has sent, if its SYN is known */

	if (sw_seq_after(dst->end, high) || dst->fin)
		high = dst->end;
	if (sw_seq_after(seg->ack, high))
		return SW_ACK_UNSENT;
	if (flow->midstream || dst->wraps || back > window)
		back = window;
	return sw_seq_after(src->ack - back, seg->ack) ? SW_ACK_OLD : SW_NONE;
}

/* --- Claims ------------------------------------------------------------------------------------ */

/* Forgets the claim, and what has been seen early: the two share their place. */
SW_INLINE void sw_unclaim(struct sw_flow *flow)
{
	__builtin_memset(flow->early, 0, sizeof(flow->early));
	flow->claim_kind = SW_NO_CLAIM;
}

/* Behind its FIN an end says nothing but ACKs: they leave the claim a FIN. */
SW_INLINE bool sw_is_behind_claimed_fin(const struct sw_flow *flow, const struct sw_segment *seg)
{
	return flow->claim_kind == SW_CLAIM_FIN && flow->claim_by == (seg->sender & 1) &&
	       seg->seq == flow->claim.next && sw_segment_end(seg) == seg->seq;
}

/* A probe of what was claimed (RFC 9293, 3.8.6.1 and 3.8.4): it bears the last number that its end has sent. */
SW_INLINE bool sw_probes_claimed(const struct sw_flow *flow, const struct sw_segment *seg)
{
	return flow->claim_kind == SW_CLAIM_DATA && flow->claim_by == (seg->sender & 1) &&
	       sw_segment_end(seg) == seg->seq && seg->seq + 1 == flow->claim.next;
}

SW_INLINE void sw_claim(struct sw_flow *flow, const struct sw_segment *seg, enum sw_claim_kind kind)
{
	__u32 next = sw_segment_end(seg) + sw_probes_claimed(flow, seg);

	flow->early_of = 0;
	if (!sw_is_behind_claimed_fin(flow, seg))
		flow->claim_kind = kind;
	flow->claim_by = seg->sender & 1;
	flow->claim.next = next;
	flow->claim.ack = seg->ack;
	if (kind == SW_CLAIM_SYN)
		flow->claim = (struct sw_claim){ .next = seg->seq + 1 };
}

/* A FIN of the incarnation that its sender's claimed SYN begins: it is claimed with it. */
SW_INLINE bool sw_claim_fin_of_syn(struct sw_flow *flow, const struct sw_segment *seg)
{
	if (!(seg->flags & SW_TCP_FIN) || flow->claim_kind != SW_CLAIM_SYN || seg->self ||
	    flow->claim_by != (seg->sender & 1) || seg->seq - flow->claim.next > SW_WINDOW_UNKNOWN)
		return false;
	flow->claim.ack = sw_segment_end(seg);
	return true;
}

/* The segment acknowledges exactly a SYN of its sender's peer that the flow has not taken. */
SW_INLINE bool sw_acks_claimed_syn(const struct sw_flow *flow, const struct sw_segment *seg)
{
	__u8 peer = !(seg->sender ^ seg->self);

	return flow->claim_kind == SW_CLAIM_SYN && flow->claim_by == peer &&
	       (seg->flags & SW_TCP_ACK) && seg->ack == flow->claim.next;
}

/* The same of a FIN that followed such a SYN, see sw_claim_fin_of_syn(). */
SW_INLINE bool sw_acks_fin_of_syn(const struct sw_flow *flow, const struct sw_segment *seg)
{
	return flow->claim_kind == SW_CLAIM_SYN && flow->claim_by == !(seg->sender & 1) &&
	       !seg->self && flow->claim.ack && seg->ack == flow->claim.ack;
}

/* Its sender goes on with a SYN, or says it again in a SYN+ACK, that the flow has not taken. */
SW_INLINE bool sw_follows_claimed_syn(const struct sw_flow *flow, const struct sw_segment *seg)
{
	__u32 next = seg->seq + !!(seg->flags & SW_TCP_SYN);

	return flow->claim_kind == SW_CLAIM_SYN && flow->claim_by == (seg->sender & 1) &&
	       !seg->self && next == flow->claim.next &&
	       (seg->flags & (SW_TCP_RST | SW_TCP_ACK)) == SW_TCP_ACK &&
	       (seg->flags & (SW_TCP_SYN | SW_TCP_FIN)) != (SW_TCP_SYN | SW_TCP_FIN);
}

/* A refused SYN+ACK: it may acknowledge a SYN yet to come, or say one again that was claimed. */
SW_INLINE void sw_claim_synack(struct sw_flow *flow, const struct sw_segment *seg)
{
	if (!sw_follows_claimed_syn(flow, seg))
		sw_claim(flow, seg, SW_CLAIM_DATA);
}

/* The sender's own; but a socket connected to itself is its own peer. */
SW_INLINE bool sw_is_own_claim(const struct sw_flow *flow, const struct sw_segment *seg)
{
	return !seg->self && flow->claim_by == (seg->sender & 1);
}

/*
 * It says the same as a refused segment of its peer: one number exactly, the other to a window (U12). Where the
 * peer was never heard, it goes on behind its own refused segment (U16).
 */
SW_INLINE bool sw_agrees(const struct sw_flow *flow, const struct sw_endpoint *src,
			 const struct sw_endpoint *dst, const struct sw_segment *seg)
{
	__u32 of_src = sw_window(flow, src, dst), of_dst = sw_window(flow, dst, src);
	__u32 next = flow->claim.next, ack = flow->claim.ack;

	if (flow->claim_kind != SW_CLAIM_DATA && flow->claim_kind != SW_CLAIM_FIN)
		return false;
	if (src->fin && !sw_seq_after(seg->seq, src->end) &&
	    sw_seq_after(sw_segment_end(seg), src->end))
		return false; /* it reaches beyond its sender's own FIN, whatever dst says */
	if (sw_is_own_claim(flow, seg))
		return !dst->seen && seg->seq == next && seg->ack - ack <= SW_WINDOW_UNKNOWN;
	if (seg->ack != next && seg->seq != ack)
		return false;
	return sw_seq_between(next - of_src, seg->ack, next + of_src) &&
	       sw_seq_between(ack - of_dst, seg->seq, ack + of_dst);
}

SW_INLINE void sw_learn_syn(struct sw_flow *flow, struct sw_endpoint *src,
			    const struct sw_segment *seg)
{
	sw_unclaim(flow);
	src->fin = false; /* that was of another SYN */
	src->isn = seg->seq;
	src->next = seg->seq + 1;
	src->end = sw_segment_end(seg); /* with Fast Open's data, not yet taken by anyone */
	src->block = src->next;
	src->ack = seg->flags & SW_TCP_ACK ? seg->ack : 0;
	src->window = seg->window;
	src->wscale = seg->wscale;
	src->wscale_ok = seg->has_wscale;
	src->seen = true;
}

/* Numbers of an endpoint known only from what its peer acknowledges: `next` is its next byte. */
SW_INLINE void sw_learn_next(struct sw_endpoint *ep, __u32 next)
{
	ep->isn = next - 1;
	ep->next = ep->end = ep->block = next;
}

/*
 * The same of an end whose SYN was not seen: it may have offered any scale, if its peer did. Until it is heard, it is
 * taken to have all that was sent to it (U16).
 */
SW_INLINE void sw_learn_unheard(struct sw_endpoint *ep, const struct sw_endpoint *peer, __u32 next)
{
	sw_learn_next(ep, next);
	ep->ack = peer->next;
	ep->window = SW_WINDOW_UNKNOWN;
	ep->wscale = SW_WSCALE_UNKNOWN;
	ep->wscale_ok = peer->wscale_ok;
}

/* ack covers the SYN, and perhaps data that came with it, and nothing that was not sent. */
SW_INLINE bool sw_acks_syn(const struct sw_endpoint *ep, const struct sw_segment *seg)
{
	return (seg->flags & SW_TCP_ACK) && sw_seq_between(ep->isn + 1, seg->ack, ep->end);
}

/* The window of a SYN is never scaled (RFC 7323, 2.2); once established, windows are. */
SW_INLINE void sw_scale_window(struct sw_endpoint *ep, const struct sw_endpoint *peer)
{
	if (ep->wscale_ok && peer->wscale_ok && ep->wscale && ep->wscale != SW_WSCALE_UNKNOWN)
		ep->window = (__u16)((ep->window >> ep->wscale) + 1);
}

SW_INLINE void sw_establish(struct sw_endpoint *ep, const struct sw_endpoint *peer)
{
	if (sw_synchronised(ep))
		return;
	sw_scale_window(ep, peer);
	sw_enter(ep, ESTABLISHED);
}

/* The SYN of an end that was not heard before: its numbers are known from what its peer says. */
SW_INLINE void sw_hear_syn(struct sw_endpoint *src, const struct sw_endpoint *dst,
			   const struct sw_segment *seg)
{
	if (src->seen)
		return;
	src->seen = true;
	src->ack = dst->isn + 1;
	src->window = seg->window;
	src->wscale = seg->wscale;
	src->wscale_ok = seg->has_wscale;
	if (sw_synchronised(src))
		sw_scale_window(src, dst);
}

/* --- Opening ---------------------------------------------------------------------------------- */

/*
 * Flag combinations that no endpoint sends and every receiver drops (RFC 9293, 3.10.7). SYN+FIN+ACK is
 * none: it opens in SYN_SENT (3.10.7.3; U7), and nowhere else.
 */
SW_INLINE bool sw_flags_bad(__u8 flags)
{
	if (flags & SW_TCP_SYN)
		return (flags & SW_TCP_RST) || ((flags & SW_TCP_FIN) && !(flags & SW_TCP_ACK));
	return !(flags & (SW_TCP_ACK | SW_TCP_RST));
}

/* First seen without its SYN: both ends are taken to be ESTABLISHED (M1). */
SW_INLINE void sw_open_midstream(struct sw_flow *flow, struct sw_endpoint *src,
				 struct sw_endpoint *dst, const struct sw_segment *seg)
{
	flow->midstream = true;
	sw_learn_next(src, seg->seq);
	if (dst != src)
		sw_learn_next(dst, seg->ack);
	dst->window = SW_WINDOW_UNKNOWN;
	sw_enter(src, ESTABLISHED);
	sw_enter(dst, ESTABLISHED);
}

/* The SYN was missed, the SYN+ACK was not: it shows both ends in the middle of the handshake. */
SW_INLINE void sw_open_with_synack(struct sw_flow *flow, struct sw_endpoint *src,
				   struct sw_endpoint *dst, const struct sw_segment *seg)
{
	flow->midstream = true;
	flow->originator = !seg->sender;
	sw_learn_syn(flow, src, seg);
	sw_enter(src, SYN_RCVD);
	if (dst == src)
		return;
	sw_learn_unheard(dst, src, seg->ack);
	sw_enter(dst, SYN_SENT);
}

/* Could the segment be the first of a flow? SW_NONE, or the counter that says why not. */
SW_INLINE enum sw_counter sw_may_open(const struct sw_segment *seg)
{
	if (sw_flags_bad(seg->flags) || ((seg->flags & SW_TCP_SYN) && (seg->flags & SW_TCP_FIN)))
		return SW_BAD_FLAGS;
	return seg->flags & SW_TCP_RST ? SW_RST_NO_FLOW : SW_NONE;
}

/*
 * Begins a flow with its first segment (E1), whatever *flow held before. What a SYN says is thereby said;
 * any other segment has yet to be applied.
 */
SW_INLINE void sw_open(struct sw_flow *flow, struct sw_endpoint *src, struct sw_endpoint *dst,
		       const struct sw_segment *seg, __u64 now)
{
	__builtin_memset(flow, 0, sizeof(*flow));
	flow->start_ns = now;
	flow->originator = seg->sender;
	if (!(seg->flags & SW_TCP_SYN)) {
		sw_open_midstream(flow, src, dst, seg);
	} else if (seg->flags & SW_TCP_ACK) {
		sw_open_with_synack(flow, src, dst, seg);
	} else {
		sw_learn_syn(flow, src, seg);
		flow->fast_open = seg->fast_open || src->end != src->next;
		sw_enter(src, SYN_SENT);
		if (dst != src)
			sw_enter(dst, LISTEN);
	}
}

/*
 * Begins a flow with the SYN+ACK that answers a SYN seen before, whose options are forgotten. What the
 * flow held was another incarnation, or another attempt.
 */
SW_INLINE void sw_open_claimed(struct sw_flow *flow, struct sw_endpoint *src,
			       struct sw_endpoint *dst, const struct sw_segment *seg, __u64 now)
{
	sw_open(flow, src, dst, seg, now);
	flow->midstream = false;
	flow->said[!(seg->sender & 1)] = SW_TCP_SYN;
	src->history |= 1U << LISTEN;
	dst->window = SW_WINDOW_UNKNOWN;
	dst->seen = true;
	dst->packets = 1;
	dst->ack = seg->seq + 1;
}

/* A socket connected to itself says both. */
SW_INLINE void sw_open_claimed_self(struct sw_flow *flow, struct sw_endpoint *ep,
				    const struct sw_segment *seg, __u64 now)
{
	sw_open(flow, ep, ep, seg, now);
	flow->midstream = false;
	ep->state = SYN_SENT;
	ep->history = 1U << SYN_SENT;
	ep->packets = 1;
}

/* What SYN and SYN+ACK would have left of one end: its ISN, and scaling as both offered it. */
SW_INLINE void sw_recall_end(struct sw_endpoint *ep, __u32 next, __u32 ack, __u8 wscale,
			     bool wscale_ok)
{
	sw_learn_next(ep, next);
	ep->ack = ack;
	ep->window = 0xffff; /* what the SYN said is forgotten; too wide harms no one */
	ep->wscale = wscale_ok ? wscale : 0;
	ep->wscale_ok = wscale_ok;
	ep->seen = true;
	ep->packets = 1;
}

/*
 * Begins a flow whose SYN was answered with a cookie, which the segment brings back: as it would
 * stand after SYN and SYN+ACK, had they been kept. The segment has yet to be applied.
 */
SW_INLINE void sw_open_by_cookie(struct sw_flow *flow, const struct sw_segment *seg,
				 const struct sw_offer *offer, __u64 now,
				 const struct sw_config *cfg)
{
	struct sw_endpoint *client = &flow->ep[seg->sender & 1];
	struct sw_endpoint *server = &flow->ep[!(seg->sender & 1)];

	__builtin_memset(flow, 0, sizeof(*flow));
	flow->start_ns = now;
	flow->originator = seg->sender;
	flow->cookie = true;
	flow->said[0] = flow->said[1] = SW_TCP_SYN;
	sw_recall_end(client, seg->seq, seg->ack, offer->wscale, offer->wscale_ok);
	sw_recall_end(server, seg->ack, seg->seq, offer->own_wscale, offer->wscale_ok);
	sw_enter(client, SYN_SENT);
	sw_enter(server, LISTEN);
	sw_enter(server, SYN_RCVD);
	sw_set_deadline(flow, seg, now, cfg);
}

/*
 * The listener may not have got the segment that opened the connection (its queue was full, or the
 * segment was lost behind this observer): until the server says something, every segment of the
 * client that still bears the cookie may have to open it.
 */
SW_INLINE bool sw_awaits_admission(const struct sw_flow *flow, const struct sw_segment *seg)
{
	/* Compared with the originator, clang 19 knows it to be 0 or 1; the verifier of Linux 6.1 does not. */
	__u8 sender = SW_READ_ONCE(seg->sender) & 1;

	return flow->cookie && sender == flow->originator && seg->ack == flow->ep[!sender].isn + 1;
}

/*
 * The flow is over, and this bears the numbers that opened it: it is of that connection, such as data that was
 * under way when the server reset it. The cookie in it has had its turn.
 */
SW_INLINE bool sw_is_bygone(const struct sw_flow *flow, const struct sw_segment *seg)
{
	__u8 sender = SW_READ_ONCE(seg->sender) & 1;
	const enum sw_state states[2] = { flow->ep[0].state, flow->ep[1].state };

	return sw_over(states) && seg->seq == flow->ep[sender].isn + 1 &&
	       seg->ack == flow->ep[!sender].isn + 1;
}

/* --- SYN and SYN+ACK of a known flow ---------------------------------------------------------- */

/* RFC 6191, 2 and RFC 1122, 4.2.2.13: may this SYN replace a connection that is over (N5)? */
SW_INLINE bool sw_syn_is_newer(const struct sw_endpoint *src, const struct sw_segment *seg)
{
	if (sw_seq_after(seg->seq, src->end))
		return true;
	return seg->has_tsval && src->tsval_ok && sw_seq_after(seg->tsval, src->tsval);
}

/*
 * It bears the ISN of the flow's own SYN: a copy of that, be the flow open (E3) or over; or the SYN itself,
 * that comes behind the segments which follow it (U4).
 */
SW_INLINE bool sw_is_copy(const struct sw_flow *flow, const struct sw_endpoint *src,
			  const struct sw_segment *seg)
{
	return seg->seq == src->isn &&
	       (flow->midstream || (src->history & (1U << SYN_SENT | 1U << SYN_RCVD)));
}

/*
 * A SYN or SYN+ACK that begins a new incarnation of the flow. Where only one direction is seen, a
 * SYN+ACK may be all there is to see of it.
 */
SW_INLINE bool sw_reincarnates(const struct sw_flow *flow, const struct sw_endpoint *src,
			       const struct sw_endpoint *dst, const struct sw_segment *seg,
			       const struct sw_config *cfg)
{
	if (!(seg->flags & SW_TCP_SYN) || (seg->flags & (SW_TCP_RST | SW_TCP_FIN)))
		return false;
	if (seg->flags & SW_TCP_ACK)
		return !cfg->both_directions && sw_flow_finished(flow) && sw_syn_is_newer(src, seg);
	if (sw_is_copy(flow, src, seg))
		return false;
	if (sw_flow_closed(flow))
		return true;
	if (sw_flow_finished(flow))
		return sw_syn_is_newer(src, seg);
	/* A connect given up and tried again with a later ISN, before anyone answered. */
	return src->state == SYN_SENT && dst->state == LISTEN && sw_seq_after(seg->seq, src->isn);
}

/*
 * A SYN of another ISN than the flow's changes nothing (N3); but it is remembered, and holds if the
 * handshake goes on with it (U13).
 */
SW_INLINE enum sw_counter sw_step_syn(struct sw_flow *flow, struct sw_endpoint *src,
				      struct sw_endpoint *dst, const struct sw_segment *seg)
{
	if (src->state == LISTEN && dst->state == SYN_SENT) {
		/* Simultaneous open (E2; RFC 9293, 3.5, figure 7): the SYNs have crossed. */
		sw_learn_syn(flow, src, seg);
		src->ack = dst->isn + 1;
		dst->ack = src->isn + 1;
		sw_enter(src, SYN_SENT);
		sw_enter(src, SYN_RCVD);
		sw_enter(dst, SYN_RCVD);
		return SW_NONE;
	}
	if (sw_is_copy(flow, src, seg) && (sw_in_handshake(src) || flow->midstream)) {
		sw_hear_syn(src, dst, seg);
		return SW_SYN_RETRANSMITTED;
	}
	if (!sw_is_copy(flow, src, seg))
		sw_claim(flow, seg, SW_CLAIM_SYN);
	if (sw_in_handshake(src))
		return sw_seq_after(seg->seq, src->isn) ? SW_SYN_CHALLENGE : SW_SYN_OLD;
	return sw_flow_finished(flow) ? SW_SYN_OLD : SW_SYN_CHALLENGE;
}

/*
 * The SYN+ACK again, although it was acknowledged: its sender has not taken that (its accept queue is
 * full, or it waits for data), and is in SYN_RCVD as long as it has said nothing else (U6).
 */
SW_INLINE void sw_synack_repeated(struct sw_flow *flow, struct sw_endpoint *src,
				  const struct sw_segment *seg, __u64 now)
{
	__u64 last_ns = flow->deadline_ns - flow->timeout_ms * SW_NS_PER_MS;

	if (now < last_ns + SW_COPY_NS) /* it travelled longer, and was sent once */
		return;
	if (src->state != ESTABLISHED || src->fin || src->next != src->isn + 1 ||
	    sw_has_opened(src) || (flow->said[seg->sender & 1] & SW_TCP_ACK))
		return;
	sw_enter(src, SYN_RCVD);
	src->window = seg->window;
	if (flow->repeats < 3)
		flow->repeats++;
}

/* A SYN+ACK whose sender is synchronised, for all that is known. */
SW_INLINE enum sw_counter sw_step_late_synack(struct sw_flow *flow, struct sw_endpoint *src,
					      struct sw_endpoint *dst, const struct sw_segment *seg,
					      __u64 now)
{
	__u8 *said = flow->said;

	if (seg->seq == src->isn) {
		sw_hear_syn(src, dst, seg);
		sw_synack_repeated(flow, src, seg, now);
		return SW_SYN_RETRANSMITTED;
	}
	if (!(said[seg->sender & 1] & SW_TCP_SYN) && sw_acks_syn(dst, seg) &&
	    said[!(seg->sender & 1)] == SW_TCP_SYN) {
		/* What it was taken for said something else; this one answers the SYN. */
		sw_learn_syn(flow, src, seg);
		sw_enter(src, SYN_RCVD);
		sw_enter(dst, SYN_SENT);
		dst->ack = seg->seq + 1;
		return SW_NONE;
	}
	sw_claim_synack(flow, seg);
	return SW_SYN_CHALLENGE;
}

/* A SYN+ACK acknowledges the peer's SYN, or changes nothing (E6). */
SW_INLINE enum sw_counter sw_step_synack(struct sw_flow *flow, struct sw_endpoint *src,
					 struct sw_endpoint *dst, const struct sw_segment *seg,
					 __u64 now)
{
	__u32 rival = src->isn;

	if (dst->state == SYN_RCVD && seg->seq == src->isn) {
		/* Simultaneous open (E5): src has dst's SYN, and says so. */
		if (!sw_acks_syn(dst, seg))
			return SW_SYNACK_BAD_ACK;
		if (src->state == SYN_SENT) {
			/* A SYN was missed, and what dst was taken to answer with was its SYN+ACK. */
			if (!src->seen)
				sw_learn_syn(flow, src, seg);
			sw_enter(src, SYN_RCVD);
			sw_establish(src, dst);
		}
		sw_establish(dst, src);
		return SW_NONE;
	}
	if (sw_synchronised(src))
		return sw_step_late_synack(flow, src, dst, seg, now);
	if (src->state == SYN_SENT && dst->state == LISTEN && seg->seq == src->isn) {
		/* It answers a SYN that was not seen: simultaneous open. */
		sw_learn_unheard(dst, src, seg->ack);
		src->ack = seg->ack;
		sw_enter(dst, SYN_SENT);
		sw_enter(src, SYN_RCVD);
		return SW_NONE;
	}
	if (src->state == SYN_RCVD && seg->seq == src->isn && sw_acks_syn(dst, seg))
		return SW_SYN_RETRANSMITTED;
	if (dst->state != SYN_SENT || !sw_acks_syn(dst, seg)) {
		sw_claim_synack(flow, seg);
		return SW_SYNACK_BAD_ACK;
	}
	/* The answer (E4); or one of another ISN, and the client's ACK will tell which it took (U4). */
	if (src->state == SYN_RCVD)
		rival++;
	sw_learn_syn(flow, src, seg);
	if (src->state == SYN_RCVD) {
		sw_claim(flow, seg, SW_CLAIM_SYN);
		flow->claim.next = rival;
	}
	src->fin = !!(seg->flags & SW_TCP_FIN);
	dst->ack = seg->seq + 1;
	if (sw_seq_after(seg->ack, dst->next))
		sw_advance(dst, dst->end); /* Fast Open: the data of the SYN was taken */
	sw_enter(src, SYN_RCVD);
	return SW_NONE;
}

/* --- ACK and data of a handshake not yet complete --------------------------------------------- */

/* The segment acknowledges dst's SYN, and perhaps data of dst's that was not seen: a window, unscaled. */
SW_INLINE bool sw_acks_more(const struct sw_endpoint *dst, const struct sw_segment *seg)
{
	return sw_seq_between(dst->end, seg->ack, dst->isn + 1 + SW_WINDOW_UNKNOWN);
}

/*
 * src, in SYN_RCVD or LISTEN, sends as one who got the ACK of its SYN, though that ACK was not seen:
 * data, a FIN, or an ACK of data. A bare ACK of the SYN proves nothing: so the kernel answers, for a
 * request that waits, what it doesn't want; not so a socket that opened by itself. From LISTEN (its SYN+ACK
 * was not seen either) the same (U10).
 */
SW_INLINE enum sw_counter sw_missed_ack(struct sw_flow *flow, struct sw_endpoint *src,
					struct sw_endpoint *dst, const struct sw_segment *seg)
{
	bool more = seg->ack != dst->isn + 1 && sw_acks_more(dst, seg);

	if (!sw_acks_syn(dst, seg) && !more)
		return SW_ACK_BAD;
	if (!more && !seg->length && !(seg->flags & SW_TCP_FIN) && !sw_has_opened(src))
		return SW_ACK_BAD;
	if (src->state == SYN_RCVD && dst->state == SYN_SENT && flow->fast_open)
		return SW_NONE; /* Fast Open (RFC 7413): src may send before it is acknowledged */
	if (src->state == LISTEN || !sw_seq_acceptable(flow, src, dst, seg)) {
		if (sw_synchronised(dst))
			return SW_OUT_OF_WINDOW;
		if (src->state == LISTEN)
			sw_learn_unheard(src, dst, seg->seq);
		else
			sw_learn_next(src, seg->seq);
		dst->ack = seg->seq;
	}
	sw_establish(src, dst);
	sw_establish(dst, src);
	return SW_NONE;
}

/*
 * The client goes on as one who got a SYN+ACK that was not seen: its first number after the SYN, or one
 * a little later, tells. All that is known of its peer is what it acknowledges.
 */
SW_INLINE enum sw_counter sw_missed_synack(struct sw_endpoint *src, struct sw_endpoint *dst,
					   const struct sw_segment *seg)
{
	if (seg->seq - (src->isn + 1) > SW_WINDOW_UNKNOWN)
		return SW_ACK_BAD;
	sw_learn_unheard(dst, src, seg->ack);
	src->ack = seg->ack;
	dst->ack = seg->seq;
	sw_establish(src, dst);
	sw_establish(dst, src);
	return SW_NONE;
}

/*
 * Its sender has said nothing else yet, so that nothing but this one number says that dst went on. Two do, be
 * the first a number that was refused; and a FIN tells by itself (U3).
 */
SW_INLINE bool sw_is_lone_ack(const struct sw_flow *flow, const struct sw_endpoint *src,
			      const struct sw_endpoint *dst, const struct sw_segment *seg)
{
	if (seg->seq != src->isn + 1 || (seg->flags & SW_TCP_FIN))
		return false;
	return flow->claim_kind != SW_CLAIM_DATA || flow->claim_by != (seg->sender & 1) ||
	       flow->claim.next != seg->seq || !sw_seq_after(flow->claim.ack, dst->isn + 1) ||
	       !sw_seq_after(seg->ack, flow->claim.ack);
}

/* The ACK of dst's SYN (E7, else E8), or of another one that dst said before: then that one holds. */
SW_INLINE enum sw_counter sw_take_ack_of_syn(struct sw_flow *flow, struct sw_endpoint *src,
					     struct sw_endpoint *dst, const struct sw_segment *seg)
{
	/* The claim is noted as dst's own: see sw_step_synack(). */
	bool claimed = !sw_acks_syn(dst, seg) && sw_acks_claimed_syn(flow, seg);

	if (!claimed && !sw_acks_syn(dst, seg) &&
	    (sw_is_lone_ack(flow, src, dst, seg) || !sw_acks_more(dst, seg)))
		return SW_ACK_BAD;
	if (!sw_seq_acceptable(flow, src, dst, seg))
		return SW_OUT_OF_WINDOW;
	if (claimed) {
		sw_unclaim(flow);
		sw_learn_next(dst, seg->ack);
		src->ack = seg->ack; /* what it had of the other one may lie far ahead */
	}
	sw_establish(src, dst);
	if (flow->repeats < 2) /* else dst does not take it, see sw_synack_repeated() */
		sw_establish(dst, src);
	return SW_NONE;
}

/*
 * A segment without SYN and RST while an endpoint is not synchronised. SW_NONE: it goes on as a
 * segment of an established connection.
 */
SW_INLINE enum sw_counter sw_complete_handshake(struct sw_flow *flow, struct sw_endpoint *src,
						struct sw_endpoint *dst,
						const struct sw_segment *seg,
						const struct sw_config *cfg)
{
	enum sw_counter stop;

	if (dst->state == SYN_RCVD)
		stop = sw_take_ack_of_syn(flow, src, dst, seg);
	else if (src->state == SYN_RCVD || src->state == LISTEN)
		stop = sw_missed_ack(flow, src, dst, seg);
	else if (cfg->guard.ports)
		stop = SW_ACK_BAD; /* no SYN+ACK of this host's is missed: it must bear a cookie */
	else
		stop = sw_missed_synack(src, dst, seg);
	if (stop && sw_agrees(flow, src, dst, seg)) {
		sw_establish(src, dst);
		sw_establish(dst, src);
		return SW_NONE; /* the numbers follow, see sw_check_numbers() */
	}
	if (stop && !sw_claim_fin_of_syn(flow, seg) && flow->claim_kind != SW_CLAIM_SYN)
		sw_claim(flow, seg, seg->flags & SW_TCP_FIN ? SW_CLAIM_FIN : SW_CLAIM_DATA);
	return stop;
}

/* --- A RST in doubt --------------------------------------------------------------------------- */

/*
 * In the window and not exact, but it may stand behind what was not seen (N2). A blind one whose numbers are both as near
 * hits no more often than a segment is acceptable in windows of 64 kB; one without ACK a live receiver answers, with
 * a challenge ACK (RFC 5961, 3.2). Until that end goes on, the flow is in doubt.
 */
SW_INLINE void sw_doubt_rst(struct sw_flow *flow, const struct sw_endpoint *src,
			    const struct sw_endpoint *dst, const struct sw_segment *seg)
{
	__u64 ahead = seg->seq - src->next, acked = seg->ack - src->ack;
	bool near = seg->flags & SW_TCP_ACK ? ahead * acked <= 1ULL << 32
					    : dst->seen && ahead <= SW_WINDOW_UNKNOWN;

	if (flow->finished || !near)
		return;
	sw_claim(flow, seg, SW_CLAIM_DATA);
	flow->early_of = SW_CLAIM_OF_RST;
	flow->claim.next = seg->seq;
	flow->reset = true;
	flow->reset_by = seg->sender;
	if (seg->flags & SW_TCP_ACK)
		return;
	flow->reset_by = !(seg->sender ^ seg->self);
	flow->claim.ack = src->ack ^ 1U << 31; /* it says nothing of that */
}

/* The claim is of a RST in doubt. */
SW_INLINE bool sw_claims_rst(const struct sw_flow *flow)
{
	return flow->reset && flow->claim_kind == SW_CLAIM_DATA &&
	       flow->early_of == SW_CLAIM_OF_RST;
}

/* The receiver of a RST in doubt says that it waits exactly there: it was exact, and that was said before it came. */
SW_INLINE bool sw_proves_rst(const struct sw_flow *flow, const struct sw_segment *seg)
{
	return sw_claims_rst(flow) && !sw_is_own_claim(flow, seg) && seg->ack == flow->claim.next;
}

SW_INLINE void sw_close_reset(struct sw_flow *flow, struct sw_endpoint *src,
			      struct sw_endpoint *dst, __u8 by)
{
	sw_enter(src, CLOSED);
	sw_enter(dst, CLOSED);
	flow->reset = true;
	flow->reset_by = by;
}

/* --- Data, ACK and FIN of an established connection ------------------------------------------- */

/* The segment acknowledges dst's FIN (E12, E13, E14). */
SW_INLINE void sw_fin_acked(struct sw_endpoint *src, struct sw_endpoint *dst)
{
	if (dst == src) {
		/* Its FIN has met a socket in FIN_WAIT_1 (RFC 9293, 3.6, simultaneous close). */
		if (dst->state == FIN_WAIT_1) {
			sw_enter(dst, CLOSING);
			sw_enter(dst, TIME_WAIT);
		}
	} else if (dst->state == FIN_WAIT_1) {
		if (src->state == ESTABLISHED)
			sw_enter(src, CLOSE_WAIT);
		sw_enter(dst, FIN_WAIT_2);
	} else if (dst->state == LAST_ACK) {
		sw_enter(src, TIME_WAIT);
		sw_enter(dst, CLOSED);
	} else if (dst->state == CLOSING) {
		sw_enter(dst, TIME_WAIT);
	}
}

/* src's FIN counts (E9, E10, E11). Said again, it changes nothing. */
SW_INLINE void sw_fin_sent(struct sw_endpoint *src, struct sw_endpoint *dst)
{
	if (src->state == CLOSE_WAIT) {
		sw_enter(src, LAST_ACK);
	} else if (src->state == ESTABLISHED) {
		sw_enter(src, FIN_WAIT_1);
		if (dst->state == FIN_WAIT_1 && dst != src) { /* simultaneous close */
			sw_enter(src, CLOSING);
			sw_enter(dst, CLOSING);
		}
	}
}

/*
 * src has acknowledged dst's FIN already, but this FIN of its, which comes late, does not: they crossed,
 * and it is a simultaneous close after all (U15).
 */
SW_INLINE void sw_cross_fins(struct sw_endpoint *src, struct sw_endpoint *dst,
			     const struct sw_segment *seg)
{
	bool acked = src->state == CLOSED && dst->state == TIME_WAIT;

	if (src == dst || !sw_fin_counts(src) || !sw_seq_after(dst->end, seg->ack))
		return;
	if (!acked &&
	    ((src->state != CLOSE_WAIT && src->state != LAST_ACK) || dst->state != FIN_WAIT_2))
		return;
	sw_enter(src, CLOSING);
	sw_enter(dst, CLOSING);
	sw_enter(dst, TIME_WAIT);
	if (acked)
		sw_enter(src, TIME_WAIT);
}

/* Two FINs, each sent before the other had come, and dst has acknowledged src's. */
SW_INLINE void sw_close_crossed(struct sw_endpoint *src, struct sw_endpoint *dst)
{
	sw_enter(src, FIN_WAIT_1);
	sw_enter(src, CLOSING);
	sw_enter(src, TIME_WAIT);
	sw_enter(dst, CLOSING);
}

/*
 * The one number that dst has acknowledged and nobody has seen was src's FIN: src goes on behind it and
 * has nothing to send.
 */
SW_INLINE void sw_fin_told(struct sw_endpoint *src, struct sw_endpoint *dst,
			   const struct sw_segment *seg, __u8 said)
{
	bool answers = (seg->flags & SW_TCP_FIN) && sw_fin_counts(dst) && seg->ack == dst->end;

	src->fin = true;
	if (src != dst && src->state == ESTABLISHED && dst->state == FIN_WAIT_1 && answers) {
		sw_enter(src, CLOSE_WAIT);
		sw_enter(dst, FIN_WAIT_2);
	}
	if (src == dst) {
		sw_enter(src, FIN_WAIT_1);
		sw_enter(src, CLOSING);
		sw_enter(src, TIME_WAIT);
	} else if (src->state == CLOSE_WAIT) {
		sw_enter(src, LAST_ACK);
		sw_enter(dst, TIME_WAIT);
		sw_enter(src, CLOSED);
	} else if (src->state == ESTABLISHED && dst->state == FIN_WAIT_1 &&
		   (said & SW_SAID_CROSSED)) {
		sw_close_crossed(src, dst);
	} else if (src->state == ESTABLISHED) {
		sw_enter(src, FIN_WAIT_1);
		sw_enter(src, FIN_WAIT_2);
		sw_enter(dst, CLOSE_WAIT);
		if (sw_fin_counts(dst))
			sw_enter(dst, LAST_ACK);
	}
}

/*
 * src's own word on that number: nothing beyond it, or the FIN itself; data tells that it was a byte. Be it
 * more than one number, only the FIN itself tells.
 */
SW_INLINE void sw_tell_unseen(struct sw_flow *flow, struct sw_endpoint *src,
			      struct sw_endpoint *dst, const struct sw_segment *seg)
{
	__u8 *said = &flow->said[seg->sender & 1], before = *said;
	__u32 end = sw_segment_end(seg);
	bool fin = seg->flags & SW_TCP_FIN;

	if (!(before & SW_SAID_MORE) || sw_seq_after(src->next, end))
		return;
	if (seg->self && end == src->next && !fin)
		return; /* its own acknowledgement, from which all this comes */
	*said = before & ~(SW_SAID_MORE | SW_SAID_ONE | SW_SAID_CROSSED);
	if (src->next != src->end || end != src->next)
		return;
	if (!fin && (seg->length || !(before & SW_SAID_ONE)))
		return;
	*said |= fin ? SW_TCP_FIN : SW_TCP_FIN | SW_SAID_ONE;
	sw_fin_told(src, dst, seg, before);
	src->tsval_ok = fin && seg->has_tsval;
	src->tsval = seg->tsval;
}

/* dst's acknowledgement of what was not seen of src, or of what was: so much src has sent. */
SW_INLINE void sw_take_ack(struct sw_flow *flow, const struct sw_endpoint *src,
			   const struct sw_endpoint *dst, const struct sw_segment *seg)
{
	__u8 peer = !(seg->sender ^ seg->self), *said = &flow->said[peer & 1];

	bool known = dst->seen || !flow->midstream; /* what dst had sent before */

	if (dst->next == dst->end && sw_seq_after(seg->ack, dst->end) && known && !dst->fin) {
		*said = (*said & ~SW_SAID_ONE) | SW_SAID_MORE; /* a FIN is the last */
		if (seg->ack == dst->end + 1)
			*said |= SW_SAID_ONE;
		if (src->fin)
			*said |= SW_SAID_CROSSED;
	}
	sw_occupy(flow, peer, dst->next, seg->ack);
}

/* The endpoint has sent all before `to`, whatever was believed. */
SW_INLINE void sw_set_sent(struct sw_endpoint *ep, __u32 to)
{
	sw_advance(ep, to);
	ep->next = ep->end = ep->block = to;
}

/* The same by both ends' word: what one number of its was, a byte or its FIN, is no longer asked. */
SW_INLINE void sw_agree_on_sent(struct sw_flow *flow, struct sw_endpoint *ep, __u8 who, __u32 to)
{
	flow->said[who & 1] &= ~(SW_SAID_MORE | SW_SAID_ONE | SW_SAID_CROSSED);
	sw_set_sent(ep, to);
}

/* A FIN that lies before what its end has sent since, by both ends' word, was none. */
SW_INLINE void sw_revoke_fin(struct sw_endpoint *ep, struct sw_endpoint *peer, __u32 sent)
{
	if (!ep->fin || !sw_seq_after(sent, ep->end))
		return;
	ep->fin = ep->tsval_ok = false;
	sw_enter(ep, ESTABLISHED);
	sw_enter(peer, ESTABLISHED);
	if (sw_fin_counts(peer))
		sw_fin_sent(peer, ep);
}

/*
 * The end's FIN was told by its numbers alone, see sw_tell_unseen(), and the segment is the byte that was taken for
 * it, or says in order that its end has sent more (U14).
 */
SW_INLINE bool sw_was_byte(const struct sw_flow *flow, const struct sw_endpoint *src,
			   const struct sw_endpoint *dst, const struct sw_segment *seg, bool of_src)
{
	const struct sw_endpoint *ep = of_src ? src : dst;
	__u8 who = of_src ? seg->sender : !seg->sender;

	if ((flow->said[who & 1] & (SW_SAID_MORE | SW_SAID_ONE)) != SW_SAID_ONE || !ep->fin ||
	    !sw_seq_acceptable(flow, src, dst, seg))
		return false;
	if (of_src && sw_segment_end(seg) == src->end && sw_seq_after(src->end, seg->seq))
		return !(seg->flags & SW_TCP_FIN) && !sw_check_ack(flow, src, dst, seg);
	if (seg->seq != src->end)
		return false;
	if (of_src)
		return sw_segment_end(seg) != seg->seq && seg->ack == src->ack;
	return sw_seq_after(seg->ack, dst->end) && (!src->fin || sw_segment_end(seg) == seg->seq) &&
	       !sw_seq_after(seg->ack, src->ack + sw_window(flow, src, dst));
}

/*
 * src acknowledges what it had not when its FIN was said, and from before that, or says its FIN there: what was taken
 * for it is not src's (U14). It acknowledges a FIN that has crossed its own, or it stands where its own was.
 */
SW_INLINE bool sw_was_not_its_fin(const struct sw_flow *flow, const struct sw_endpoint *src,
				  const struct sw_endpoint *dst, const struct sw_segment *seg)
{
	bool fin = seg->flags & SW_TCP_FIN;

	if (!sw_fin_counts(src) || !sw_seq_after(src->end, dst->ack) || (seg->length && !fin) ||
	    !sw_seq_after(src->end, sw_segment_end(seg)))
		return false;
	if (src->state == CLOSING ? seg->ack != dst->end : fin || seg->seq + 1 != src->end)
		return false;
	return sw_seq_after(seg->ack, src->ack) && !sw_check_ack(flow, src, dst, seg) &&
	       sw_seq_acceptable(flow, src, dst, seg);
}

/* The FIN was none: both states are what the rest proves. */
SW_INLINE void sw_take_fin_back(struct sw_flow *flow, struct sw_endpoint *ep,
				struct sw_endpoint *peer, __u8 who)
{
	flow->said[who & 1] &= ~(SW_TCP_FIN | SW_SAID_ONE);
	flow->finished = false;
	sw_revoke_fin(ep, peer, ep->end + 1);
	if (sw_fin_counts(peer) && ep->ack == peer->end)
		sw_fin_acked(ep, peer);
}

/* A FIN was believed, and the segment says otherwise: it is taken, for its numbers suit that. */
SW_INLINE bool sw_disproves_fin(struct sw_flow *flow, struct sw_endpoint *src,
				struct sw_endpoint *dst, const struct sw_segment *seg)
{
	bool not_mine, of_src;

	if (seg->self)
		return false;
	not_mine = sw_was_not_its_fin(flow, src, dst, seg);
	of_src = not_mine || sw_was_byte(flow, src, dst, seg, true);
	if (!of_src && !sw_was_byte(flow, src, dst, seg, false))
		return false;
	if (of_src)
		sw_take_fin_back(flow, src, dst, seg->sender);
	else
		sw_take_fin_back(flow, dst, src, !seg->sender);
	if (not_mine)
		sw_set_sent(src, seg->seq);
	return true;
}

/* The end has said twice where it is, and its peer, never heard, nothing (U16). */
SW_INLINE void sw_believe_own_claim(struct sw_flow *flow, struct sw_endpoint *src,
				    struct sw_endpoint *dst, const struct sw_segment *seg)
{
	bool fin = flow->claim_kind == SW_CLAIM_FIN;

	sw_unclaim(flow);
	sw_revoke_fin(src, dst, seg->seq);
	sw_set_sent(src, seg->seq);
	sw_set_sent(dst, seg->ack);
	dst->ack = seg->seq;
	src->ack = seg->ack;
	if (fin) {
		src->fin = true;
		flow->said[seg->sender & 1] |= SW_TCP_FIN;
		sw_fin_sent(src, dst);
	}
}

/*
 * src has dst's FIN, which ends at `next`. So another FIN of dst's was none, and neither was src's own if src has not
 * said it yet, or acknowledged with it what dst never sent (U14).
 */
SW_INLINE void sw_replace_fins(struct sw_flow *flow, struct sw_endpoint *src,
			       struct sw_endpoint *dst, const struct sw_segment *seg, __u32 next)
{
	bool of_dst = dst->fin && dst->end != next, of_src = false;

	if (src->fin && !seg->self)
		of_src = sw_seq_after(src->end, sw_segment_end(seg)) ||
			 ((seg->flags & SW_TCP_FIN) && sw_seq_after(src->ack, next));
	if (!of_src && !of_dst)
		return;
	flow->finished = false;
	sw_enter(src, ESTABLISHED);
	sw_enter(dst, ESTABLISHED);
	dst->tsval_ok = false;
	if (of_src) {
		src->fin = src->tsval_ok = false;
		sw_set_sent(src, seg->seq);
	}
	if (sw_fin_counts(src))
		sw_fin_sent(src, dst);
}

/* Both ends say that much has been sent, although this observer has not seen it. */
SW_INLINE void sw_believe_claim(struct sw_flow *flow, struct sw_endpoint *src,
				struct sw_endpoint *dst, const struct sw_segment *seg)
{
	struct sw_claim claim = flow->claim;
	bool fin = flow->claim_kind == SW_CLAIM_FIN;

	sw_unclaim(flow);
	sw_revoke_fin(src, dst, seg->seq);
	if (fin)
		sw_replace_fins(flow, src, dst, seg, claim.next);
	else
		sw_revoke_fin(dst, src, claim.next);
	if (!dst->seen) { /* its words were all refused, and its window with them */
		dst->seen = true;
		dst->window = SW_WINDOW_UNKNOWN;
	}
	SW_PHASE();
	if (sw_seq_after(seg->seq, src->next))
		sw_agree_on_sent(flow, src, seg->sender, seg->seq);
	if (fin || sw_seq_after(claim.next, dst->next))
		sw_agree_on_sent(flow, dst, !(seg->sender ^ seg->self), claim.next);
	dst->ack = claim.ack;
	src->ack = seg->ack;
	SW_PHASE();
	if (fin) {
		dst->fin = true;
		flow->said[!(seg->sender & 1)] |= SW_TCP_FIN;
		if (sw_fin_counts(src) && dst->ack == src->end)
			sw_fin_acked(dst, src);
		sw_fin_sent(dst, src);
	}
}

/*
 * A FIN where more was seen, or acknowledged, than it ends. It counts at once if it ends exactly what was
 * acknowledged before it was seen, or where its end was first heard and has stayed since (U15), or stands at
 * its exact number and the other lies beyond a hole (U5);
 * else its peer's acknowledgement tells, see sw_acks_claimed_fin().
 */
SW_INLINE bool sw_is_fin_in_doubt(const struct sw_flow *flow, const struct sw_endpoint *src,
				  const struct sw_segment *seg)
{
	__u32 end = sw_segment_end(seg);
	bool first = flow->midstream && end == src->isn + 1; /* right before all that was seen */

	if (end == src->end && (src->fin || first || (flow->said[seg->sender & 1] & SW_SAID_MORE)))
		return false;
	if (src->fin && !sw_fin_counts(src) && !sw_seq_after(seg->seq, src->next))
		return sw_seq_after(src->next, end);
	return src->fin || !sw_seq_after(end, src->end);
}

/* The segment acknowledges exactly a FIN of its peer's that was refused. */
SW_INLINE bool sw_acks_claimed_fin(const struct sw_flow *flow, const struct sw_segment *seg)
{
	return flow->claim_kind == SW_CLAIM_FIN && flow->claim_by != (seg->sender & 1) &&
	       !seg->self && seg->ack == flow->claim.next;
}

/* A segment of its peer's that was refused acknowledges exactly this one, and was seen ahead of it (U12). */
SW_INLINE bool sw_was_acked_ahead(const struct sw_flow *flow, const struct sw_endpoint *dst,
				  const struct sw_segment *seg)
{
	__u32 end = sw_segment_end(seg);

	if (!flow->claim_kind || flow->claim_kind == SW_CLAIM_SYN ||
	    flow->claim_by == (seg->sender & 1) || seg->self || flow->claim.ack != end ||
	    !sw_seq_after(end, dst->ack))
		return false;
	return end != seg->seq && flow->claim.next - seg->ack <= SW_WINDOW_UNKNOWN;
}

/* How far apart, whichever comes first; without a branch, which the verifier would follow. */
SW_INLINE __u32 sw_distance(__u32 a, __u32 b)
{
	__u32 sign = 0 - sw_opaque((a - b) >> 31);

	return ((a - b) ^ sign) - sign;
}

/*
 * Both numbers are acceptable, but too far from what has been seen to be so at once: a window in all, or
 * blind segments would hit twice as often as they hit a socket, which knows what it has sent (RFC 5961,
 * 5.2). And what its receiver has acknowledged already says nothing that is new.
 */
SW_INLINE bool sw_is_far_off(const struct sw_flow *flow, const struct sw_endpoint *src,
			     const struct sw_endpoint *dst, const struct sw_segment *seg)
{
	__u64 of_src = sw_window(flow, src, dst), of_dst = sw_window(flow, dst, src);
	__u32 ack = 0;

	if (sw_seq_after(seg->ack, dst->end))
		ack = seg->ack - dst->end;
	else if (sw_seq_after(src->ack, seg->ack))
		ack = src->ack - seg->ack;
	if (!dst->seen) { /* behind what was sent before, by half as much, or there were twice as many */
		bool behind = sw_seq_after(src->end, seg->seq) || sw_seq_after(src->ack, seg->ack);

		return sw_distance(seg->seq, src->end) * of_src + ack * of_dst >
		       (of_src * of_dst) >> behind;
	}
	if (sw_seq_after(seg->seq, src->end))
		return (seg->seq - src->end) * of_src + ack * of_dst > of_src * of_dst;
	return sw_seq_after(dst->ack, sw_segment_end(seg)) && sw_seq_after(seg->ack, dst->end);
}

/*
 * The first that is heard of src, of which dst has said where it is (U16). Much may be under way one way, and then
 * little the other: 1 MB where the other number is known to 64 kB, 16 MB where it is to 4 kB.
 */
SW_INLINE bool sw_may_be_first(const struct sw_endpoint *dst, const struct sw_segment *seg)
{
	__u64 ahead = sw_distance(seg->seq, dst->ack), behind = sw_distance(seg->ack, dst->next);

	return ahead * behind <= 1ULL << 36;
}

/* The same, and its numbers are learnt. */
SW_INLINE enum sw_counter sw_hear_first(const struct sw_flow *flow, struct sw_endpoint *src,
					struct sw_endpoint *dst, const struct sw_segment *seg)
{
	if (dst->seen && !sw_may_be_first(dst, seg))
		return SW_OUT_OF_WINDOW;
	if (flow->midstream || !dst->seen) {
		sw_learn_next(src, seg->seq);
		dst->ack = seg->seq; /* whatever dst said of numbers not known then */
	}
	if (!dst->seen)
		sw_advance(dst, seg->ack);
	src->window = 0; /* what it was taken for */
	return SW_NONE;
}

/* May the numbers of this segment be what they are (N4)? Those of an end not heard yet are learnt. */
SW_INLINE enum sw_counter sw_check_numbers(const struct sw_flow *flow, struct sw_endpoint *src,
					   struct sw_endpoint *dst, const struct sw_segment *seg)
{
	__u32 end = sw_segment_end(seg);
	enum sw_counter stop;

	if (!src->seen)
		return sw_hear_first(flow, src, dst, seg);
	if (!sw_seq_acceptable(flow, src, dst, seg))
		return SW_OUT_OF_WINDOW;
	stop = sw_check_ack(flow, src, dst, seg);
	if (stop)
		return stop;
	SW_PHASE();
	if (sw_is_far_off(flow, src, dst, seg))
		return SW_OUT_OF_WINDOW;
	SW_PHASE();
	if (!dst->seen) { /* one direction: what is not seen will never be acknowledged */
		if (sw_seq_after(seg->seq, src->next))
			sw_set_sent(src, seg->seq);
		if (sw_seq_after(end, dst->ack))
			dst->ack = end;
		return SW_NONE;
	}
	if (src->fin && sw_seq_after(end, src->end))
		return SW_OUT_OF_WINDOW; /* beyond its FIN */
	if ((seg->flags & SW_TCP_FIN) && sw_is_fin_in_doubt(flow, src, seg))
		return SW_OUT_OF_WINDOW;
	return SW_NONE;
}

/*
 * A FIN, which nothing follows: what was believed to lie behind it was not its sender's. It counts once
 * all before it has been seen.
 */
SW_INLINE void sw_note_fin(struct sw_flow *flow, struct sw_endpoint *src, struct sw_endpoint *dst,
			   const struct sw_segment *seg)
{
	__u32 end = sw_segment_end(seg);

	if (sw_seq_after(src->end, end) && sw_seq_after(seg->seq, src->next)) {
		src->end = end; /* behind a hole yet */
		src->block = seg->seq;
	} else if (sw_seq_after(src->end, end)) {
		sw_unclaim(flow);
		sw_set_sent(src, end);
	}
	src->fin = true;
	if (!sw_fin_counts(src)) /* block is in use until the hole is filled */
		return;
	src->tsval_ok = seg->has_tsval;
	src->tsval = seg->tsval;
	if ((flow->said[!(seg->sender & 1)] & SW_SAID_MORE) && sw_seq_after(dst->next, seg->ack))
		/* What of dst is not seen, and may be its FIN, had not come when this was sent (U15). */
		flow->said[!(seg->sender & 1)] |= SW_SAID_CROSSED;
}

/* Refused as it stands: it says the same as its peer, or its word is kept until the peer does. */
SW_INLINE enum sw_counter sw_settle_numbers(struct sw_flow *flow, struct sw_endpoint *src,
					    struct sw_endpoint *dst, const struct sw_segment *seg)
{
	enum sw_counter stop;

	SW_PHASE();
	stop = SW_NONE;
	if (!sw_disproves_fin(flow, src, dst, seg))
		stop = sw_check_numbers(flow, src, dst, seg);
	SW_PHASE();
	if ((!flow->finished || flow->claim_kind == SW_CLAIM_FIN) &&
	    (stop || !dst->seen
		     ? sw_agrees(flow, src, dst, seg)
		     : sw_acks_claimed_fin(flow, seg) || sw_was_acked_ahead(flow, dst, seg) ||
			       sw_proves_rst(flow, seg))) {
		if (sw_is_own_claim(flow, seg))
			sw_believe_own_claim(flow, src, dst, seg);
		else if (sw_claims_rst(flow))
			sw_close_reset(flow, src, dst, flow->claim_by);
		else
			sw_believe_claim(flow, src, dst, seg);
		stop = SW_NONE;
	}
	SW_PHASE();
	if (stop && !sw_claim_fin_of_syn(flow, seg) && !sw_follows_claimed_syn(flow, seg))
		sw_claim(flow, seg, seg->flags & SW_TCP_FIN ? SW_CLAIM_FIN : SW_CLAIM_DATA);
	else if (!stop && flow->claim_kind && flow->claim_by == (seg->sender & 1) &&
		 !sw_is_behind_claimed_fin(flow, seg))
		sw_unclaim(flow);
	return stop;
}

/* Applies a segment without SYN and RST to two synchronised endpoints. */
SW_INLINE enum sw_counter sw_take_data(struct sw_flow *flow, struct sw_endpoint *src,
				       struct sw_endpoint *dst, const struct sw_segment *seg)
{
	enum sw_counter stop;

	SW_PHASE();
	stop = sw_merged(sw_settle_numbers(flow, src, dst, seg), seg->seq);
	if (stop)
		return stop;
	SW_PHASE();
	if (sw_flow_closed(flow)) /* it proves a RST */
		return SW_NONE;
	SW_PHASE();
	if (!src->seen || sw_seq_after(seg->ack, src->ack))
		src->ack = seg->ack;
	if (src->seen)
		flow->said[seg->sender & 1] |= SW_SAID_STEADY;
	src->seen = true;
	if (flow->reset_by == (seg->sender & 1))
		flow->reset = false; /* a RST was in doubt, and it goes on */
	if (src->window < seg->window)
		src->window = seg->window;
	sw_take_ack(flow, src, dst, seg);
	SW_PHASE();
	sw_tell_unseen(flow, src, dst, seg);
	SW_PHASE();
	sw_occupy(flow, seg->sender, seg->seq, sw_segment_end(seg));
	SW_PHASE();
	if ((seg->flags & SW_TCP_FIN) && (!src->fin || sw_segment_end(seg) != src->end))
		sw_note_fin(flow, src, dst, seg);
	SW_PHASE();
	if ((seg->flags & SW_TCP_FIN) && sw_segment_end(seg) == src->end)
		sw_cross_fins(src, dst, seg);
	SW_PHASE();
	if (sw_fin_counts(dst)) {
		sw_fin_sent(dst, src); /* the ACK may have filled the hole before it */
		if (seg->ack == dst->end)
			sw_fin_acked(src, dst);
	}
	SW_PHASE();
	if (sw_fin_counts(src)) {
		sw_fin_sent(src, dst);
		if (dst->seen && dst->ack == src->end) /* its acknowledgement came ahead of it */
			sw_fin_acked(dst, src);
	}
	SW_PHASE();
	return SW_NONE;
}

/* --- RST -------------------------------------------------------------------------------------- */

/*
 * Is the RST's sequence number what the receiver expects next: all that src sent, or where dst says
 * that it waits (the rest was lost behind this observer)? A RST that bears the number of src's FIN
 * answers data that crossed it; who has the FIN already takes it too (Linux, tcp_reset_check).
 */
SW_INLINE bool sw_rst_exact(const struct sw_endpoint *src, const struct sw_endpoint *dst,
			    const struct sw_segment *seg)
{
	if (seg->seq == src->next ||
	    seg->seq == src->end) /* as far as dst has it, or has SACKed it (U7) */
		return true;
	if (dst->state == LISTEN)
		return false;
	if (dst->seen && seg->seq == dst->ack)
		return true;
	return sw_fin_counts(src) && seg->seq + 1 == src->end && dst->state != TIME_WAIT;
}

/*
 * RFC 9293, 3.10.7.3 and RFC 5961, 3 (N2): it closes (E15) when it is exactly what the receiver expects next,
 * or acknowledges the receiver's SYN.
 */
SW_INLINE enum sw_counter sw_step_rst(struct sw_flow *flow, struct sw_endpoint *src,
				      struct sw_endpoint *dst, const struct sw_segment *seg)
{
	if (sw_acks_claimed_syn(flow, seg)) {
		/* It refuses another SYN than the flow's; what the flow held is gone with it. */
	} else if (dst->state == SYN_SENT && dst != src) {
		/* From SYN_RCVD the SYN+ACK travelled ahead: dst may be past SYN_SENT. */
		bool follows = src->state == SYN_RCVD && seg->seq == src->next;

		if (!follows && !sw_acks_syn(dst, seg))
			return SW_RST_BLIND;
	} else if (!sw_rst_exact(src, dst, seg)) {
		__u32 window = sw_window(flow, dst, src);

		if (dst->state == LISTEN || !sw_seq_between(dst->ack, seg->seq, dst->ack + window))
			return SW_RST_BLIND;
		sw_doubt_rst(flow, src, dst, seg);
		return SW_RST_CHALLENGE;
	}
	sw_close_reset(flow, src, dst, seg->sender);
	return SW_NONE;
}

/* --- A socket connected to itself ------------------------------------------------------------- */

/*
 * RFC 9293, 3.5: a simultaneous open with itself (E17). What the endpoint sends, it receives; so its own
 * SYN+ACK shows that the SYN arrived, and its own ACK that the FIN did.
 */
SW_INLINE enum sw_counter sw_step_self_syn(struct sw_flow *flow, struct sw_endpoint *ep,
					   const struct sw_segment *seg)
{
	if (seg->seq != ep->isn) {
		sw_claim(flow, seg, SW_CLAIM_SYN);
		return sw_synchronised(ep) && !sw_finished(ep) ? SW_SYN_CHALLENGE : SW_SYN_OLD;
	}
	if (ep->state != SYN_SENT || !(seg->flags & SW_TCP_ACK))
		return SW_SYN_RETRANSMITTED;
	if (!sw_acks_syn(ep, seg))
		return SW_SYNACK_BAD_ACK;
	sw_enter(ep, SYN_RCVD);
	ep->ack = seg->ack;
	sw_establish(ep, ep);
	return SW_NONE;
}

SW_INLINE enum sw_counter sw_complete_self(struct sw_endpoint *ep, const struct sw_segment *seg)
{
	if (!sw_acks_syn(ep, seg) && (!sw_acks_more(ep, seg) || sw_seq_after(seg->ack, seg->seq)))
		return SW_ACK_BAD; /* nor has it got more than it sent */
	ep->ack = seg->ack; /* its SYN said none, and its SYN+ACK may not have been seen */
	sw_establish(ep, ep);
	return SW_NONE;
}

/* --- The step --------------------------------------------------------------------------------- */

SW_INLINE enum sw_counter sw_dispatch_syn(struct sw_flow *flow, struct sw_endpoint *src,
					  struct sw_endpoint *dst, const struct sw_segment *seg,
					  __u64 now)
{
	if ((seg->flags & SW_TCP_FIN) && (src->state != LISTEN || dst->state != SYN_SENT))
		return SW_BAD_FLAGS;
	if (seg->self)
		return sw_step_self_syn(flow, src, seg);
	if (seg->flags & SW_TCP_ACK)
		return sw_step_synack(flow, src, dst, seg, now);
	return sw_step_syn(flow, src, dst, seg);
}

SW_INLINE enum sw_counter sw_dispatch(struct sw_flow *flow, struct sw_endpoint *src,
				      struct sw_endpoint *dst, const struct sw_segment *seg,
				      const struct sw_config *cfg, __u64 now)
{
	enum sw_counter stop;
	__u32 opening;

	if (sw_flow_closed(flow)) {
		if ((seg->flags & (SW_TCP_SYN | SW_TCP_RST | SW_TCP_FIN)) == SW_TCP_SYN)
			sw_claim_synack(flow, seg); /* a SYN begins the flow anew */
		return SW_AFTER_CLOSE;
	}
	if (seg->flags & SW_TCP_RST)
		return sw_step_rst(flow, src, dst, seg);
	if (seg->flags & SW_TCP_SYN)
		return sw_dispatch_syn(flow, src, dst, seg, now);
	opening = sw_merged(sw_in_handshake(src) || sw_in_handshake(dst), seg->seq);
	if (opening) {
		stop = seg->self ? sw_complete_self(src, seg)
				 : sw_complete_handshake(flow, src, dst, seg, cfg);
		if (stop)
			return stop;
	}
	stop = sw_take_data(flow, src, dst, seg);
	/* What completes a handshake has changed something, be its data in the window or not. */
	return opening ? SW_NONE : stop;
}

/* In TIME_WAIT the clock runs from the moment it was entered; only the peer's FIN restarts it. */
SW_INLINE bool sw_restarts_clock(const struct sw_flow *flow, const struct sw_endpoint *src,
				 const struct sw_endpoint *dst, const struct sw_segment *seg)
{
	if (!flow->finished || sw_flow_closed(flow))
		return true;
	return (seg->flags & SW_TCP_FIN) && dst->state == TIME_WAIT &&
	       sw_segment_end(seg) == src->end;
}

/*
 * What the sender has said, for who tells afterwards how the connection went (user/text/conn_state.c): a
 * SYN, an ACK that is not a SYN's, a FIN, a RST. What was refused does not count, save where both ends
 * were closed already. A FIN after a RST is not its sender's.
 */
SW_INLINE void sw_note_said(struct sw_flow *flow, const struct sw_segment *seg,
			    enum sw_counter stop)
{
	__u8 *said = &flow->said[seg->sender & 1];
	__u8 kind = seg->flags & (SW_TCP_SYN | SW_TCP_RST);

	if (stop && stop != SW_AFTER_CLOSE)
		return;
	if (kind)
		*said |= kind | (kind == SW_TCP_SYN ? seg->flags & SW_TCP_FIN : 0);
	else if (!(*said & SW_TCP_RST))
		*said |= seg->flags & (SW_TCP_ACK | SW_TCP_FIN);
}

/* A SYN begins the flow, or begins it anew. */
SW_INLINE void sw_begin_with_syn(struct sw_flow *flow, struct sw_endpoint *src,
				 const struct sw_segment *seg, __u64 now,
				 const struct sw_config *cfg)
{
	src->packets = 1;
	src->place = seg->place;
	sw_note_said(flow, seg, SW_NONE);
	sw_set_deadline(flow, seg, now, cfg);
}

/* A SYN of which a SYN+ACK, which changed nothing when it came, acknowledges exactly this ISN (U13). */
SW_INLINE bool sw_was_answered_ahead(const struct sw_flow *flow, const struct sw_endpoint *src,
				     const struct sw_segment *seg)
{
	__u8 kind = seg->flags & (SW_TCP_SYN | SW_TCP_ACK | SW_TCP_FIN | SW_TCP_RST);

	return kind == SW_TCP_SYN && !seg->self && flow->claim_kind == SW_CLAIM_DATA &&
	       flow->claim_by != (seg->sender & 1) && flow->claim.ack == seg->seq + 1 &&
	       !sw_is_copy(flow, src, seg);
}

/* As it stands after both, the SYN+ACK's options forgotten. */
SW_INLINE void sw_open_answered(struct sw_flow *flow, struct sw_endpoint *src,
				struct sw_endpoint *dst, const struct sw_segment *seg, __u64 now)
{
	__u32 next = flow->claim.next;

	sw_open(flow, src, dst, seg, now);
	sw_recall_end(dst, next, seg->seq + 1, SW_WSCALE_UNKNOWN, seg->has_wscale);
	sw_enter(dst, SYN_RCVD);
	src->ack = next;
	flow->said[!(seg->sender & 1)] = SW_TCP_SYN;
}

/* A SYN+ACK that goes on with a SYN which changed nothing when it came. */
SW_INLINE bool sw_proves_claimed(const struct sw_flow *flow, const struct sw_segment *seg)
{
	return (seg->flags & (SW_TCP_SYN | SW_TCP_ACK | SW_TCP_FIN | SW_TCP_RST)) ==
		       (SW_TCP_SYN | SW_TCP_ACK) &&
	       sw_acks_claimed_syn(flow, seg) && (!seg->self || seg->seq + 1 == seg->ack);
}

SW_INLINE void sw_begin_claimed(struct sw_flow *flow, struct sw_endpoint *src,
				struct sw_endpoint *dst, const struct sw_segment *seg, __u64 now,
				const struct sw_config *cfg)
{
	if (seg->self) {
		sw_open_claimed_self(flow, src, seg, now);
		sw_step_self_syn(flow, src, seg);
	} else if (!(seg->flags & SW_TCP_ACK)) {
		sw_open_answered(flow, src, dst, seg, now);
	} else {
		sw_open_claimed(flow, src, dst, seg, now);
	}
	sw_begin_with_syn(flow, src, seg, now, cfg);
}

/*
 * The segment proves a SYN of another ISN than the flow's, of which the SYN+ACK was not seen (U13): the peer
 * acknowledges exactly it; or the peer was never heard, and its sender goes on with it.
 */
SW_INLINE bool sw_goes_on_claimed(const struct sw_flow *flow, const struct sw_endpoint *src,
				  const struct sw_endpoint *dst, const struct sw_segment *seg)
{
	bool answers = src->state == SYN_RCVD && dst->state == SYN_SENT;

	if (!dst->seen)
		return sw_follows_claimed_syn(flow, seg);
	return (sw_acks_claimed_syn(flow, seg) || sw_acks_fin_of_syn(flow, seg)) &&
	       !(seg->flags & (SW_TCP_SYN | SW_TCP_RST)) &&
	       (answers || (sw_synchronised(src) && sw_synchronised(dst))) &&
	       (!seg->self || seg->seq == flow->claim.next);
}

/* As it stood after that SYN, whose options are forgotten. The segment has yet to be applied. */
SW_INLINE void sw_open_after_claimed(struct sw_flow *flow, const struct sw_segment *seg, __u64 now,
				     const struct sw_config *cfg)
{
	__u32 next = flow->claim.next, fin = flow->claim.ack;
	__u8 by = flow->claim_by;
	struct sw_endpoint *opener = &flow->ep[by & 1], *peer = &flow->ep[!by];

	__builtin_memset(flow, 0, sizeof(*flow));
	flow->start_ns = now;
	flow->originator = by;
	flow->said[by & 1] = SW_TCP_SYN;
	sw_recall_end(opener, next, 0, SW_WSCALE_UNKNOWN, true);
	sw_enter(opener, SYN_SENT);
	if (!seg->self)
		sw_enter(peer, LISTEN);
	if (by != (seg->sender & 1)) {
		opener->ack = seg->seq;
		sw_learn_next(peer, seg->seq);
		peer->wscale = SW_WSCALE_UNKNOWN;
		peer->wscale_ok = true;
		sw_enter(peer, SYN_RCVD);
		sw_enter(opener, ESTABLISHED);
		sw_enter(peer, ESTABLISHED);
		if (fin) {
			flow->claim_kind = SW_CLAIM_FIN;
			flow->claim_by = by;
			flow->claim = (struct sw_claim){ fin, seg->seq };
		}
	}
	sw_set_deadline(flow, seg, now, cfg);
}

/* The next attempt begins the flow anew; the one before is remembered, it may yet be answered. */
SW_INLINE void sw_remember_attempt(struct sw_flow *flow, const struct sw_segment *seg, __u32 isn)
{
	sw_claim(flow, seg, SW_CLAIM_SYN);
	flow->claim.next = isn + 1;
}

/*
 * Applies one segment to a flow. A flow past its deadline is absent, and begins anew if the segment
 * may begin one: so a record of zeros is a flow that is yet to begin. Returns SW_NONE when the
 * segment was taken, SW_FLOWS_REPLACED when it was and began a new incarnation, else the counter
 * that says why it changed nothing, for which the flow is marked (U8).
 */
SW_INLINE enum sw_counter sw_flow_step(struct sw_flow *flow, const struct sw_segment *seg,
				       __u64 now, const struct sw_config *cfg)
{
	struct sw_endpoint *src = &flow->ep[sw_opaque(seg->sender) & 1];
	struct sw_endpoint *dst = &flow->ep[sw_opaque(seg->sender ^ seg->self ^ 1) & 1];
	bool absent = sw_flow_gone(flow, now);
	__u32 replaced, steady;
	enum sw_counter stop;

	if (sw_flags_bad(seg->flags))
		return SW_BAD_FLAGS;
	if (absent && sw_may_open(seg))
		return sw_may_open(seg);
	if (!absent && sw_is_foreign(src, seg))
		return SW_MARTIAN;
	if (!absent && (sw_proves_claimed(flow, seg) || sw_was_answered_ahead(flow, src, seg))) {
		sw_begin_claimed(flow, src, dst, seg, now, cfg);
		return SW_FLOWS_REPLACED;
	}
	if (absent || sw_reincarnates(flow, src, dst, seg, cfg)) {
		bool again = !absent && src->state == SYN_SENT && dst->state == LISTEN;
		__u32 isn = src->isn;

		sw_open(flow, src, dst, seg, now);
		if (again)
			sw_remember_attempt(flow, seg, isn);
		if (seg->flags & SW_TCP_SYN) {
			sw_begin_with_syn(flow, src, seg, now, cfg);
			return absent ? SW_NONE : SW_FLOWS_REPLACED;
		}
	}
	replaced = !absent && !cfg->guard.ports && sw_goes_on_claimed(flow, src, dst, seg);
	if (replaced)
		sw_open_after_claimed(flow, seg, now, cfg);
	replaced = sw_merged(replaced, seg->seq);
	SW_PHASE();
	src->packets++;
	if (seg->sender != flow->originator)
		flow->cookie = false; /* its server has spoken: the connection has its socket */
	steady = sw_merged(!!(flow->said[seg->sender & 1] & SW_SAID_STEADY), seg->seq);
	stop = sw_dispatch(flow, src, dst, seg, cfg, now);
	SW_PHASE();
	sw_note_said(flow, seg, stop);
	if (stop && stop != SW_SYN_RETRANSMITTED) {
		flow->refused |= stop != SW_AFTER_CLOSE;
		if (stop != SW_RST_CHALLENGE || !flow->reset)
			return replaced ? SW_FLOWS_REPLACED : stop;
	}
	SW_PHASE();
	if (!steady && !src->place)
		src->place = seg->place;
	if (sw_restarts_clock(flow, src, dst, seg))
		sw_set_deadline(flow, seg, now, cfg);
	flow->finished = sw_flow_finished(flow);
	return replaced ? SW_FLOWS_REPLACED : stop;
}

#endif
