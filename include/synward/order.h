/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What has been seen beyond a hole lies in blocks: for each endpoint the last one, [block, end), and
 * early ones before it, of which a flow has room for two. No two blocks of an endpoint touch, nor
 * does one touch next, save the data of a SYN that is yet to be taken. A block for which there is
 * no room is forgotten, as if it had not been seen: the peer's acknowledgement makes up for it
 * (STATE_MODEL.md, E16 and U2).
 */
#ifndef SYNWARD_ORDER_H
#define SYNWARD_ORDER_H

#include <synward/flow.h>

/* All before `to` has been seen. */
SW_INLINE void sw_advance(struct sw_endpoint *ep, __u32 to)
{
	if (!sw_seq_after(to, ep->next))
		return;
	if (to - ep->isn < ep->next - ep->isn)
		ep->wraps++;
	ep->next = to;
	if (sw_seq_after(to, ep->end))
		ep->end = to;
}

struct sw_span {
	__u32 begin, end;
};

/* Makes one of the span and the block [begin, end), if nothing lies between them. */
SW_INLINE bool sw_join(struct sw_span *span, __u32 begin, __u32 end)
{
	if (sw_seq_after(begin, span->end) || sw_seq_after(span->begin, end))
		return false;
	if (sw_seq_after(span->begin, begin))
		span->begin = begin;
	if (sw_seq_after(end, span->end))
		span->end = end;
	return true;
}

/* Does early[place] hold a block of this endpoint? */
SW_INLINE bool sw_has_early(const struct sw_flow *flow, __u8 who, __u8 place)
{
	return !flow->claim_kind && flow->early[place & 1].length &&
	       (flow->early_of >> place & 1) == who;
}

/* As next only grows, and takes what it reaches, the block stays within 2^16 of it. */
SW_INLINE struct sw_span sw_early_span(const struct sw_flow *flow, __u8 who, __u8 place)
{
	const struct sw_early *early = &flow->early[place & 1];
	__u32 next = flow->ep[who & 1].next;
	__u32 begin = next + (__u16)(early->begin - next);

	return (struct sw_span){ begin, begin + early->length };
}

SW_INLINE void sw_join_early(struct sw_flow *flow, __u8 who, __u8 place, struct sw_span *span)
{
	struct sw_span early = sw_early_span(flow, who, place);

	if (sw_has_early(flow, who, place) && sw_join(span, early.begin, early.end))
		flow->early[place & 1].length = 0;
}

/* In the endpoint's own place, be it lent to the peer, else in the peer's, if that is free. */
SW_INLINE void sw_keep_early(struct sw_flow *flow, __u8 who, struct sw_span span)
{
	__u32 ahead = span.begin - flow->ep[who & 1].next, length = span.end - span.begin;
	__u8 place = sw_has_early(flow, who, who) ? !who : who;

	if (flow->claim_kind || (place != who && flow->early[place & 1].length))
		return;
	if (ahead > 0xffff || length > 0xffff)
		return;
	flow->early[place & 1].begin = (__u16)span.begin;
	flow->early[place & 1].length = (__u16)length;
	flow->early_of = (__u8)((flow->early_of & ~(1U << place) & 3) | (__u32)who << place) & 3;
}

/* The endpoint sent [begin, end), which lies beyond a hole or fills one. */
SW_INLINE void sw_occupy_at_hole(struct sw_flow *flow, __u8 who, __u32 begin, __u32 end)
{
	struct sw_endpoint *ep = &flow->ep[who & 1];
	struct sw_span span = { begin, end };

	if (ep->next != ep->end)
		sw_join(&span, ep->block, ep->end);
	sw_join_early(flow, who, 0, &span);
	sw_join_early(flow, who, 1, &span);
	SW_PHASE();
	if (!sw_seq_after(begin, ep->next)) {
		sw_advance(ep, span.end);
		return;
	}
	if (sw_seq_after(ep->end, span.end)) {
		sw_keep_early(flow, who, span);
		return;
	}
	if (ep->next != ep->end && sw_seq_after(span.begin, ep->end))
		sw_keep_early(flow, who, (struct sw_span){ ep->block, ep->end });
	ep->block = span.begin;
	ep->end = span.end;
}

/* The endpoint sent [begin, end), or its peer says that it did. */
SW_INLINE void sw_occupy(struct sw_flow *flow, __u8 who, __u32 begin, __u32 end)
{
	struct sw_endpoint *ep = &flow->ep[who & 1];

	if (begin == end || !sw_seq_after(end, ep->next))
		return;
	if (ep->next == ep->end && !sw_seq_after(begin, ep->next))
		sw_advance(ep, end);
	else
		sw_occupy_at_hole(flow, who, begin, end);
}

/* Has all of [begin, end) been seen before, as far as is remembered? */
SW_INLINE bool sw_was_seen(const struct sw_flow *flow, __u8 who, __u32 begin, __u32 end)
{
	const struct sw_endpoint *ep = &flow->ep[who & 1];

	if (!sw_seq_after(end, ep->next))
		return true;
	if (ep->next != ep->end && !sw_seq_after(ep->block, begin) && !sw_seq_after(end, ep->end))
		return true;
	for (__u8 place = 0; place < 2; place++) {
		struct sw_span early = sw_early_span(flow, who, place);

		if (sw_has_early(flow, who, place) && !sw_seq_after(early.begin, begin) &&
		    !sw_seq_after(end, early.end))
			return true;
	}
	return false;
}

#endif
