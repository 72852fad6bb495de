/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The state model: what one segment proves about the two endpoints of its flow.
 *
 * The observer sees segments, not sockets. What an endpoint sends proves its own state at once;
 * what passes towards an endpoint counts as delivered only where that leaves one outcome (the ACK
 * of its SYN, the ACK of its FIN, a valid RST). Sources: RFC 9293 (3.3.2, 3.5, 3.6, 3.10.7), RFC
 * 5961 (blind attacks), RFC 6191 and RFC 1122, 4.2.2.13 (TIME_WAIT), RFC 7323 (window scale).
 *
 * The one entrance is sw_flow_step(), which is pure: time and settings come in as parameters. "src"
 * is the endpoint that sent the segment, "dst" its peer; for a self-connection both are the same.
 */
#ifndef SYNWARD_STATE_H
#define SYNWARD_STATE_H

#include <synward/config.h>
#include <synward/flow.h>
#include <synward/order.h>
#include <synward/segment.h>
#include <synward/stats.h>
#include <synward/wire.h>

/* A closed flow stays this long to absorb segments that were under way when it closed. */
#define SW_CLOSED_LINGER_MS 1000

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

/* TIME_WAIT or CLOSED: this endpoint has nothing left to say. */
SW_INLINE bool sw_finished(const struct sw_endpoint *ep)
{
	return ep->state == TIME_WAIT || ep->state == CLOSED;
}

SW_INLINE bool sw_flow_finished(const struct sw_flow *flow)
{
	return sw_finished(&flow->ep[0]) && sw_finished(&flow->ep[1]);
}

/*
 * Both ends have been heard, past the handshake. What is not proved live stays in sw_halfopen.
 * Where only one direction is seen there is nothing better to go by than that one.
 */
SW_INLINE bool sw_flow_proved(const struct sw_flow *flow, const struct sw_segment *seg,
			      const struct sw_config *cfg)
{
	const struct sw_endpoint *a = &flow->ep[0], *b = &flow->ep[!seg->self];

	return sw_synchronised(a) && sw_synchronised(b) &&
	       ((a->seen && b->seen) || !cfg->both_directions);
}

/* --- Lifetime ------------------------------------------------------------------------------- */

/* The one rule: from its deadline on there is no such flow, whether its record still lies there or not. */
SW_INLINE bool sw_flow_gone(const struct sw_flow *flow, __u64 now)
{
	return now >= flow->deadline_ns;
}

/* For who walks through a map: the record is that of a live flow, and the flow has not moved away. */
SW_INLINE bool sw_flow_here(const struct sw_flow *flow, __u64 now)
{
	return !flow->moved && !sw_flow_gone(flow, now);
}

/* Where one direction only is seen, the state of the other end is a guess and keeps no flow alive. */
SW_INLINE __u32 sw_timeout_ms(const struct sw_config *cfg, const struct sw_endpoint *ep)
{
	if (!ep->seen && !cfg->both_directions)
		return 0;
	return ep->state < SW_STATES ? cfg->timeout.ms[ep->state] : 0;
}

/* Past ESTABLISHED, on whichever way. */
SW_INLINE bool sw_ending(const struct sw_endpoint *ep)
{
	return ep->state == CLOSED || ep->state > ESTABLISHED;
}

/* A flow lives as long as its longer-lived endpoint. */
SW_INLINE void sw_set_deadline(struct sw_flow *flow, const struct sw_segment *seg, __u64 now,
			       const struct sw_config *cfg)
{
	__u32 a = sw_timeout_ms(cfg, &flow->ep[0]);
	__u32 b = sw_timeout_ms(cfg, &flow->ep[!seg->self]);
	__u64 deadline;

	flow->timeout_ms = a > b ? a : b;
	if (sw_flow_closed(flow) && flow->timeout_ms < SW_CLOSED_LINGER_MS)
		flow->timeout_ms = SW_CLOSED_LINGER_MS;
	deadline = now + flow->timeout_ms * SW_NS_PER_MS;
	if (sw_ending(&flow->ep[0]) || sw_ending(&flow->ep[1]))
		/* Behind the states, for all CPUs: see header prediction. */
		__atomic_exchange_n(&flow->deadline_ns, deadline, __ATOMIC_SEQ_CST);
	else
		flow->deadline_ns = deadline;
}

/* --- Sequence numbers ----------------------------------------------------------------------- */

/* The FIN counts: all data before it has been seen. */
SW_INLINE bool sw_fin_counts(const struct sw_endpoint *ep)
{
	return ep->fin && ep->next == ep->end;
}

/* The window `ep` offers, in bytes. Scaling holds only if both SYNs carried it (RFC 7323, 2.2). */
SW_INLINE __u32 sw_window(const struct sw_flow *flow, const struct sw_endpoint *ep,
			  const struct sw_endpoint *peer)
{
	__u32 scale = 0;

	if (ep->wscale_ok && peer->wscale_ok)
		scale = ep->wscale;
	else if (flow->midstream)
		scale = SW_WSCALE_MAX; /* unknown: a window too wide harms no one */
	return (__u32)ep->window << scale;
}

/*
 * Would dst accept [seq, end)? (RFC 9293, 3.10.7.4.) With an observer's slack: the largest window
 * ever offered stands for the one in force, and one window to the left there may be
 * retransmissions.
 */
SW_INLINE bool sw_in_window(const struct sw_flow *flow, const struct sw_endpoint *src,
			    const struct sw_endpoint *dst, __u32 seq, __u32 end)
{
	__u32 window = sw_window(flow, dst, src);

	if (window == 0)
		window = 1; /* a probe of a closed window */
	return sw_seq_between(src->end - window - 1, end, dst->ack + window + 1) &&
	       sw_seq_between(src->end - window - 1, seq, dst->ack + window);
}

/* --- What a SYN says of its sender ------------------------------------------------------------ */

SW_INLINE void sw_learn_syn(struct sw_flow *flow, struct sw_endpoint *src,
			    const struct sw_segment *seg)
{
	__builtin_memset(flow->early, 0, sizeof(flow->early));
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

/* ack covers the SYN, and perhaps data that came with it, and nothing that was not sent. */
SW_INLINE bool sw_acks_syn(const struct sw_endpoint *ep, const struct sw_segment *seg)
{
	return (seg->flags & SW_TCP_ACK) && sw_seq_between(ep->isn + 1, seg->ack, ep->end);
}

/* The window of a SYN is never scaled (RFC 7323, 2.2); from here on windows are. */
SW_INLINE void sw_establish(struct sw_endpoint *ep, const struct sw_endpoint *peer)
{
	if (sw_synchronised(ep))
		return;
	if (ep->wscale_ok && peer->wscale_ok)
		ep->window = (__u16)((ep->window >> ep->wscale) + 1);
	sw_enter(ep, ESTABLISHED);
}

/* --- Opening ---------------------------------------------------------------------------------- */

/* Flag combinations that no endpoint sends and every receiver drops (RFC 9293, 3.10.7). */
SW_INLINE bool sw_flags_bad(__u8 flags)
{
	if (flags & SW_TCP_SYN)
		return flags & (SW_TCP_FIN | SW_TCP_RST);
	return !(flags & (SW_TCP_ACK | SW_TCP_RST));
}

/* First seen without its SYN: both ends are taken to be ESTABLISHED. */
SW_INLINE void sw_open_midstream(struct sw_flow *flow, struct sw_endpoint *src,
				 struct sw_endpoint *dst, const struct sw_segment *seg)
{
	flow->midstream = true;
	sw_learn_next(src, seg->seq);
	if (dst != src)
		sw_learn_next(dst, seg->ack);
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
	sw_learn_next(dst, seg->ack);
	dst->wscale = SW_WSCALE_MAX; /* offered, or src could not offer it; how much is unknown */
	dst->wscale_ok = seg->has_wscale;
	sw_enter(dst, SYN_SENT);
}

/* Could the segment be the first of a flow? SW_NONE, or the counter that says why not. */
SW_INLINE enum sw_counter sw_may_open(const struct sw_segment *seg)
{
	if (sw_flags_bad(seg->flags))
		return SW_BAD_FLAGS;
	return seg->flags & SW_TCP_RST ? SW_RST_NO_FLOW : SW_NONE;
}

/*
 * Begins a flow with its first segment, whatever *flow held before. What a SYN says is thereby said;
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
		sw_enter(src, SYN_SENT);
		if (dst != src)
			sw_enter(dst, LISTEN);
	}
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

/* --- SYN and SYN+ACK of a known flow ---------------------------------------------------------- */

/* RFC 6191, 2 and RFC 1122, 4.2.2.13: may this SYN replace a connection that is over? */
SW_INLINE bool sw_syn_is_newer(const struct sw_endpoint *src, const struct sw_segment *seg)
{
	if (sw_seq_after(seg->seq, src->end))
		return true;
	return seg->has_tsval && src->tsval_ok && sw_seq_after(seg->tsval, src->tsval);
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
	if (sw_flow_closed(flow))
		return true;
	if (sw_flow_finished(flow))
		return sw_syn_is_newer(src, seg);
	/* A connect given up and tried again with a later ISN, before anyone answered. */
	return src->state == SYN_SENT && dst->state == LISTEN && sw_seq_after(seg->seq, src->isn);
}

SW_INLINE enum sw_counter sw_step_syn(struct sw_flow *flow, struct sw_endpoint *src,
				      struct sw_endpoint *dst, const struct sw_segment *seg)
{
	if (src->state == LISTEN && dst->state == SYN_SENT) {
		/* Simultaneous open (RFC 9293, 3.5, figure 7): the SYNs have crossed. */
		sw_learn_syn(flow, src, seg);
		src->ack = dst->isn + 1;
		dst->ack = src->isn + 1;
		sw_enter(src, SYN_SENT);
		sw_enter(src, SYN_RCVD);
		sw_enter(dst, SYN_RCVD);
		return SW_NONE;
	}
	if (src->state == SYN_SENT || src->state == SYN_RCVD) {
		if (seg->seq == src->isn)
			return SW_SYN_RETRANSMITTED;
		return sw_seq_after(seg->seq, src->isn) ? SW_SYN_CHALLENGE : SW_SYN_OLD;
	}
	return sw_flow_finished(flow) ? SW_SYN_OLD : SW_SYN_CHALLENGE;
}

SW_INLINE enum sw_counter sw_step_synack(struct sw_flow *flow, struct sw_endpoint *src,
					 struct sw_endpoint *dst, const struct sw_segment *seg,
					 const struct sw_config *cfg)
{
	if (dst->state == SYN_RCVD && seg->seq == src->isn) {
		/* Simultaneous open: src has dst's SYN, and says so. */
		if (!sw_acks_syn(dst, seg))
			return SW_SYNACK_BAD_ACK;
		if (src->state == SYN_SENT)
			sw_enter(src, SYN_RCVD); /* dst's own SYN was missed */
		sw_establish(dst, src);
		return SW_NONE;
	}
	if (sw_synchronised(src))
		return seg->seq == src->isn ? SW_SYN_RETRANSMITTED : SW_SYN_CHALLENGE;
	if (src->state == SYN_SENT && dst->state == LISTEN && seg->seq == src->isn &&
	    !cfg->both_directions) {
		/* It answers a SYN that this observer cannot see: simultaneous open. */
		sw_learn_next(dst, seg->ack);
		src->ack = seg->ack;
		sw_enter(dst, SYN_SENT);
		sw_enter(src, SYN_RCVD);
		return SW_NONE;
	}
	if (dst->state != SYN_SENT || !sw_acks_syn(dst, seg))
		return SW_SYNACK_BAD_ACK;
	if (src->state == SYN_RCVD && seg->seq == src->isn)
		return SW_SYN_RETRANSMITTED;
	/* The answer; or a later one of a stateless server, whose ISN then replaces the first. */
	sw_learn_syn(flow, src, seg);
	dst->ack = seg->seq + 1;
	if (sw_seq_after(seg->ack, dst->next))
		sw_advance(dst, dst->end); /* Fast Open: the data of the SYN was taken */
	sw_enter(src, SYN_RCVD);
	return SW_NONE;
}

/* --- ACK and data of a handshake not yet complete --------------------------------------------- */

/*
 * src sends as one who got the ACK of its SYN, though that ACK was not seen: data or a FIN. From
 * LISTEN (its SYN+ACK was not seen either) any ACK of dst's SYN shows as much.
 */
SW_INLINE enum sw_counter sw_missed_ack(struct sw_endpoint *src, struct sw_endpoint *dst,
					const struct sw_segment *seg)
{
	if (!sw_acks_syn(dst, seg))
		return SW_ACK_BAD;
	if (src->state == LISTEN) {
		sw_learn_next(src, seg->seq);
		dst->ack = seg->seq;
	} else if (dst->state == SYN_SENT && dst->end != dst->isn + 1) {
		return SW_NONE; /* Fast Open (RFC 7413): src may send before it is acknowledged */
	} else if (!seg->length && !(seg->flags & SW_TCP_FIN)) {
		return SW_ACK_BAD;
	}
	sw_establish(src, dst);
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
	if (dst->state == SYN_RCVD) {
		if (!sw_acks_syn(dst, seg))
			return SW_ACK_BAD;
		if (!sw_in_window(flow, src, dst, seg->seq, sw_segment_end(seg)))
			return SW_OUT_OF_WINDOW;
	} else if (src->state == SYN_RCVD || src->state == LISTEN) {
		return sw_missed_ack(src, dst, seg);
	} else if (!cfg->both_directions && seg->seq == src->isn + 1) {
		/* src has seen a SYN+ACK that this observer cannot see. */
		sw_learn_next(dst, seg->ack);
		src->ack = seg->ack;
		dst->ack = seg->seq;
		dst->wscale = SW_WSCALE_MAX;
		dst->wscale_ok = src->wscale_ok;
	} else {
		return SW_ACK_BAD;
	}
	sw_establish(src, dst);
	sw_establish(dst, src);
	return SW_NONE;
}

/* --- Data, ACK and FIN of an established connection ------------------------------------------- */

/* The segment acknowledges dst's FIN. */
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

/* src's FIN counts. Said again, it changes nothing. */
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

/* May the numbers of this segment be what they are? Those of an end not heard yet are learnt. */
SW_INLINE enum sw_counter sw_check_numbers(const struct sw_flow *flow, struct sw_endpoint *src,
					   struct sw_endpoint *dst, const struct sw_segment *seg)
{
	__u32 end = sw_segment_end(seg);

	if (!src->seen || !dst->seen) {
		if (!src->seen)
			sw_learn_next(src, seg->seq);
		if (!dst->seen)
			sw_advance(dst, seg->ack);
		return SW_NONE;
	}
	if (sw_seq_after(seg->ack, dst->end))
		return SW_ACK_UNSENT;
	if (!sw_in_window(flow, src, dst, seg->seq, end))
		return SW_OUT_OF_WINDOW;
	if (src->fin && sw_seq_after(end, src->end))
		return SW_OUT_OF_WINDOW; /* beyond its FIN */
	if ((seg->flags & SW_TCP_FIN) &&
	    (src->fin ? end != src->end : !sw_seq_after(end, src->end)))
		return SW_OUT_OF_WINDOW; /* a FIN where data was sent */
	return SW_NONE;
}

SW_INLINE void sw_note_fin(struct sw_endpoint *src, const struct sw_segment *seg)
{
	src->fin = true;
	if (!sw_fin_counts(src)) /* block is in use until the hole is filled */
		return;
	src->tsval_ok = seg->has_tsval;
	src->tsval = seg->tsval;
}

/* Applies a segment without SYN and RST to two synchronised endpoints. */
SW_INLINE enum sw_counter sw_take_data(struct sw_flow *flow, struct sw_endpoint *src,
				       struct sw_endpoint *dst, const struct sw_segment *seg)
{
	enum sw_counter stop;

	SW_PHASE();
	stop = sw_check_numbers(flow, src, dst, seg);
	if (stop)
		return stop;
	SW_PHASE();
	if (!src->seen || sw_seq_after(seg->ack, src->ack))
		src->ack = seg->ack;
	src->seen = true;
	if (src->window < seg->window)
		src->window = seg->window;
	sw_occupy(flow, !(seg->sender ^ seg->self), dst->next, seg->ack);
	SW_PHASE();
	sw_occupy(flow, seg->sender, seg->seq, sw_segment_end(seg));
	SW_PHASE();
	if ((seg->flags & SW_TCP_FIN) && !src->fin)
		sw_note_fin(src, seg);

	SW_PHASE();
	if (sw_fin_counts(dst)) {
		sw_fin_sent(dst, src); /* the ACK may have filled the hole before it */
		if (seg->ack == dst->end)
			sw_fin_acked(src, dst);
	}
	SW_PHASE();
	if (sw_fin_counts(src))
		sw_fin_sent(src, dst);
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
	if (seg->seq == src->next)
		return true;
	if (dst->state == LISTEN)
		return false;
	if (dst->seen && seg->seq == dst->ack)
		return true;
	return sw_fin_counts(src) && seg->seq + 1 == src->end && dst->state != TIME_WAIT;
}

/*
 * RFC 9293, 3.10.7.3 and RFC 5961, 3: it closes when it is exactly what the receiver expects next,
 * or acknowledges the receiver's SYN.
 */
SW_INLINE enum sw_counter sw_step_rst(struct sw_flow *flow, struct sw_endpoint *src,
				      struct sw_endpoint *dst, const struct sw_segment *seg)
{
	if (dst->state == SYN_SENT && dst != src) {
		/* From SYN_RCVD the SYN+ACK travelled ahead: dst may be past SYN_SENT. */
		bool follows = src->state == SYN_RCVD && seg->seq == src->next;

		if (!follows && !sw_acks_syn(dst, seg))
			return SW_RST_BLIND;
	} else if (!sw_rst_exact(src, dst, seg)) {
		__u32 window = sw_window(flow, dst, src);

		if (dst->state != LISTEN && sw_seq_between(dst->ack, seg->seq, dst->ack + window))
			return SW_RST_CHALLENGE;
		return SW_RST_BLIND;
	}
	sw_enter(src, CLOSED);
	sw_enter(dst, CLOSED);
	flow->reset = true;
	flow->reset_by = seg->sender;
	return SW_NONE;
}

/* --- A socket connected to itself ------------------------------------------------------------- */

/*
 * RFC 9293, 3.5: a simultaneous open with itself. What the endpoint sends, it receives; so its own
 * SYN+ACK shows that the SYN arrived, and its own ACK that the FIN did.
 */
SW_INLINE enum sw_counter sw_step_self_syn(struct sw_endpoint *ep, const struct sw_segment *seg)
{
	if (seg->seq != ep->isn)
		return sw_synchronised(ep) && !sw_finished(ep) ? SW_SYN_CHALLENGE : SW_SYN_OLD;
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
	if (!sw_acks_syn(ep, seg))
		return SW_ACK_BAD;
	sw_establish(ep, ep);
	return SW_NONE;
}

/* --- The step --------------------------------------------------------------------------------- */

SW_INLINE enum sw_counter sw_dispatch_syn(struct sw_flow *flow, struct sw_endpoint *src,
					  struct sw_endpoint *dst, const struct sw_segment *seg,
					  const struct sw_config *cfg)
{
	if (seg->self)
		return sw_step_self_syn(src, seg);
	if (seg->flags & SW_TCP_ACK)
		return sw_step_synack(flow, src, dst, seg, cfg);
	return sw_step_syn(flow, src, dst, seg);
}

SW_INLINE enum sw_counter sw_dispatch(struct sw_flow *flow, struct sw_endpoint *src,
				      struct sw_endpoint *dst, const struct sw_segment *seg,
				      const struct sw_config *cfg)
{
	enum sw_counter stop;
	bool opening;

	if (sw_flow_closed(flow))
		return SW_AFTER_CLOSE;
	if (seg->flags & SW_TCP_RST)
		return sw_step_rst(flow, src, dst, seg);
	if (seg->flags & SW_TCP_SYN)
		return sw_dispatch_syn(flow, src, dst, seg, cfg);
	opening = sw_in_handshake(src) || sw_in_handshake(dst);
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
 * SYN, an ACK that is not a SYN's, a FIN, a RST. It counts although it changed nothing where the
 * peer has never been heard, so that nothing tells whether it would take it, and where both ends
 * were closed already. A FIN after a RST is not its sender's.
 */
SW_INLINE void sw_note_said(struct sw_flow *flow, const struct sw_endpoint *dst,
			    const struct sw_segment *seg, enum sw_counter stop)
{
	__u8 *said = &flow->said[seg->sender & 1];
	__u8 kind = seg->flags & (SW_TCP_SYN | SW_TCP_RST);

	if (stop && stop != SW_AFTER_CLOSE && dst->seen)
		return;
	if (kind)
		*said |= kind;
	else if (!(*said & SW_TCP_RST))
		*said |= seg->flags & (SW_TCP_ACK | SW_TCP_FIN);
}

/*
 * Applies one segment to a flow. A flow past its deadline is absent, and begins anew if the segment
 * may begin one: so a record of zeros is a flow that is yet to begin. Returns SW_NONE when the
 * segment was taken, SW_FLOWS_REPLACED when it was and began a new incarnation, else the counter
 * that says why it changed nothing.
 */
SW_INLINE enum sw_counter sw_flow_step(struct sw_flow *flow, const struct sw_segment *seg,
				       __u64 now, const struct sw_config *cfg)
{
	struct sw_endpoint *src = &flow->ep[seg->sender & 1];
	struct sw_endpoint *dst = &flow->ep[!(seg->sender ^ seg->self)];
	bool absent = sw_flow_gone(flow, now);
	enum sw_counter stop;

	if (sw_flags_bad(seg->flags))
		return SW_BAD_FLAGS;
	if (absent && (seg->flags & SW_TCP_RST))
		return SW_RST_NO_FLOW;
	if (absent || sw_reincarnates(flow, src, dst, seg, cfg)) {
		sw_open(flow, src, dst, seg, now);
		if (seg->flags & SW_TCP_SYN) {
			src->packets = 1;
			sw_note_said(flow, dst, seg, SW_NONE);
			sw_set_deadline(flow, seg, now, cfg);
			return absent ? SW_NONE : SW_FLOWS_REPLACED;
		}
	}
	SW_PHASE();
	src->packets++;
	if (seg->sender != flow->originator)
		flow->cookie = false; /* its server has spoken: the connection has its socket */
	stop = sw_dispatch(flow, src, dst, seg, cfg);
	sw_note_said(flow, dst, seg, stop);
	if (stop && stop != SW_SYN_RETRANSMITTED)
		return stop;
	SW_PHASE();
	if (sw_restarts_clock(flow, src, dst, seg))
		sw_set_deadline(flow, seg, now, cfg);
	flow->finished = sw_flow_finished(flow);
	return stop;
}

#endif
