/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Nearly every segment is the next data or an ACK of a connection that is ESTABLISHED at both ends,
 * and changes numbers alone. TCPs take a short cut for these (RFC 7323, 5.6), and so does this
 * observer. It takes no lock, which would cost as much again as all the rest, so that steps of other
 * CPUs may happen at the same time. They stay whole:
 * - What the sender has sent moves on at once, and only if nothing else has moved it (sw_move_on).
 *   The counter, the acknowledgement and the window that follow are that sender's alone.
 * - A step that ends the connection writes its states, and then its deadline. Here the deadline is
 *   read first, and replaced only where it is what was read and the states have not changed since;
 *   the exchange in sw_move_on() keeps all CPUs to this order. So the deadline is that of the end,
 *   whichever of the two comes last.
 * Two segments of one direction on two CPUs may miss each other: they then count as one, or one of
 * them as not seen, which the peer's acknowledgement makes up for.
 */
#ifndef SYNWARD_PREDICT_H
#define SYNWARD_PREDICT_H

#include <synward/state.h>

typedef __u64 __attribute__((may_alias)) sw_pair; /* two neighbouring fields of 32 bits */

/* All before `from` and nothing beyond it has been seen; now all before `to`. False: it was not so. */
SW_INLINE bool sw_move_on(struct sw_endpoint *ep, __u32 from, __u32 to)
{
	union {
		__u32 next_end[2];
		__u64 whole;
	} old = { .next_end = { from, from } }, new = { .next_end = { to, to } };

	return __sync_val_compare_and_swap((sw_pair *)&ep->next, old.whole, new.whole) == old.whole;
}

SW_INLINE bool sw_both_established(const struct sw_flow *flow)
{
	return SW_READ_ONCE(flow->ep[0].state) == ESTABLISHED &&
	       SW_READ_ONCE(flow->ep[1].state) == ESTABLISHED;
}

/* Bears data or an acknowledgement and nothing else. */
SW_INLINE bool sw_may_be_predicted(const struct sw_segment *seg)
{
	__u8 control = seg->flags & (SW_TCP_SYN | SW_TCP_FIN | SW_TCP_RST | SW_TCP_ACK);

	return control == SW_TCP_ACK && !seg->self;
}

/* What its sender must have said before, and must not: so a step would have nothing to note. */
#define SW_SAID_ORDINARY  (SW_TCP_ACK | SW_SAID_STEADY)
#define SW_SAID_PREDICTED (SW_SAID_ORDINARY | SW_SAID_MORE)

/* It would change numbers, the sender's, and the deadline. */
SW_INLINE bool sw_is_predicted(const struct sw_flow *flow, const struct sw_endpoint *src,
			       const struct sw_endpoint *dst, const struct sw_segment *seg,
			       const struct sw_config *cfg)
{
	__u32 end = seg->seq + seg->length;

	/* sw_move_on() sees to the first; what is out of order need not come so far. */
	return seg->seq == src->next && sw_both_established(flow) && src->seen && dst->seen &&
	       !src->fin && !dst->fin && !sw_is_foreign(src, seg) && !flow->cookie &&
	       !flow->reset && !flow->claim_kind &&
	       (flow->said[seg->sender & 1] & SW_SAID_PREDICTED) == SW_SAID_ORDINARY &&
	       flow->timeout_ms == cfg->timeout.established &&
	       end - src->isn >= seg->seq - src->isn && /* no wrap-around to be counted */
	       !sw_seq_after(src->ack, seg->ack) && !sw_seq_after(seg->ack, dst->next) &&
	       !sw_seq_after(seg->ack, dst->end) && sw_seq_acceptable(flow, src, dst, seg);
}

/* See above. True: it has done all that sw_flow_step() would have. False: it has done nothing. */
SW_INLINE bool sw_flow_predicted(struct sw_flow *flow, const struct sw_segment *seg, __u64 now,
				 const struct sw_config *cfg)
{
	struct sw_endpoint *src = &flow->ep[seg->sender & 1];
	struct sw_endpoint *dst = &flow->ep[!(seg->sender & 1)];
	__u64 deadline = SW_READ_ONCE(flow->deadline_ns), later;

	if (now >= deadline || !sw_is_predicted(flow, src, dst, seg, cfg) ||
	    !sw_move_on(src, seg->seq, seg->seq + seg->length))
		return false;
	src->packets++;
	src->ack = seg->ack;
	if (src->window < seg->window)
		src->window = seg->window;
	later = now + cfg->timeout.established * SW_NS_PER_MS;
	if (later != deadline && sw_both_established(flow))
		__sync_val_compare_and_swap(&flow->deadline_ns, deadline, later);
	return true;
}

#endif
