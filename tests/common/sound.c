// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Invariants, from STATE_MODEL.md: which states an endpoint and its peer can be in together, which
 * way an endpoint can go, and when a step may change anything at all.
 */
#include <string.h>

#include "sound.h"

#define IN(state) (1U << (state))

/*
 * What the peer can be in. The two move together on every segment that proves something of both, so
 * the pairs are few.
 */
static const unsigned int peer_of[SW_STATES] = {
	[CLOSED] = IN(CLOSED) | IN(TIME_WAIT),
	[LISTEN] = IN(SYN_SENT),
	[SYN_SENT] = IN(LISTEN) | IN(SYN_RCVD),
	[SYN_RCVD] = IN(SYN_SENT) | IN(SYN_RCVD) | IN(ESTABLISHED) | IN(FIN_WAIT_1),
	[ESTABLISHED] = IN(SYN_RCVD) | IN(ESTABLISHED) | IN(FIN_WAIT_1),
	[FIN_WAIT_1] = IN(ESTABLISHED) | IN(SYN_RCVD),
	[FIN_WAIT_2] = IN(CLOSE_WAIT) | IN(LAST_ACK),
	[CLOSE_WAIT] = IN(FIN_WAIT_2),
	[CLOSING] = IN(CLOSING) | IN(TIME_WAIT),
	[LAST_ACK] = IN(FIN_WAIT_2),
	[TIME_WAIT] = IN(CLOSED) | IN(CLOSING) | IN(TIME_WAIT),
};

/* Where an endpoint past its handshake can be after a segment, be it that FINs had come early. */
#define OPENED                                                                              \
	(IN(ESTABLISHED) | IN(FIN_WAIT_1) | IN(FIN_WAIT_2) | IN(CLOSE_WAIT) | IN(CLOSING) | \
	 IN(LAST_ACK) | IN(CLOSED))

/* Where an endpoint can go by one segment without a new incarnation: forward, or to CLOSED. */
static const unsigned int next_of[SW_STATES] = {
	[CLOSED] = 0,
	[LISTEN] = IN(SYN_SENT) | IN(SYN_RCVD) | OPENED,
	[SYN_SENT] = IN(SYN_RCVD) | OPENED,
	[SYN_RCVD] = OPENED | IN(TIME_WAIT),
	[ESTABLISHED] = IN(FIN_WAIT_1) | IN(FIN_WAIT_2) | IN(CLOSE_WAIT) | IN(CLOSING) |
			IN(LAST_ACK) | IN(TIME_WAIT) | IN(CLOSED),
	/* to LAST_ACK: it answered a FIN that was told of only afterwards */
	[FIN_WAIT_1] = IN(FIN_WAIT_2) | IN(CLOSING) | IN(LAST_ACK) | IN(TIME_WAIT) | IN(CLOSED),
	[FIN_WAIT_2] = IN(TIME_WAIT) | IN(CLOSED),
	[CLOSE_WAIT] = IN(CLOSING) | IN(LAST_ACK) | IN(CLOSED),
	[CLOSING] = IN(TIME_WAIT) | IN(CLOSED),
	[LAST_ACK] = IN(CLOSED),
	[TIME_WAIT] = IN(CLOSED),
};

static const char *endpoint_unsound(const struct sw_endpoint *ep)
{
	if (ep->state >= SW_STATES)
		return "a state that does not exist";
	if (!(ep->history & IN(ep->state)))
		return "a state that is not in the history";
	if (ep->fin && !ep->seen)
		return "a FIN of an endpoint that sent nothing";
	if (ep->packets && !ep->history)
		return "segments of an endpoint that has no history";
	return NULL;
}

const char *flow_unsound(const struct sw_flow *flow, bool self)
{
	const struct sw_endpoint *a = &flow->ep[0], *b = &flow->ep[!self];
	const char *wrong = endpoint_unsound(a);

	if (!wrong)
		wrong = endpoint_unsound(b);
	if (wrong)
		return wrong;
	if (!self && !(peer_of[a->state] & IN(b->state)))
		return "two states that never meet";
	if (!self && !(peer_of[b->state] & IN(a->state)))
		return "two states that never meet, seen from the other end";
	if (sw_flow_closed(flow) && !flow->reset)
		return "both ends CLOSED, and no RST was taken";
	if (flow->deadline_ns < flow->start_ns)
		return "a deadline before the first segment";
	return NULL;
}

static const char *way_unsound(const struct sw_endpoint *before, const struct sw_endpoint *after)
{
	if (before->state != after->state && !(next_of[before->state] & IN(after->state)))
		return "an endpoint that goes back";
	return NULL;
}

/*
 * Is it the same record but for the count of segments? It also notes that one was refused, and what
 * that said: for which it may forget blocks seen early. That is no state.
 */
static bool unchanged(const struct sw_flow *before, const struct sw_flow *after)
{
	struct sw_flow a = *before, b = *after;

	for (int i = 0; i < 2; i++) {
		a.ep[i].packets = b.ep[i].packets = 0;
		a.said[i] = b.said[i] = 0;
		memset(i ? a.early : b.early, 0, sizeof(a.early));
	}
	a.refused = b.refused = 0;
	if ((before->reset || after->reset) && !before->finished &&
	    after->timeout_ms <= before->timeout_ms) {
		a.reset = b.reset = a.reset_by = b.reset_by = 0; /* a RST in doubt (N2) */
		a.timeout_ms = b.timeout_ms = 0;
		a.deadline_ns = b.deadline_ns = 0;
	}
	a.claim_kind = b.claim_kind = a.claim_by = b.claim_by = a.early_of = b.early_of = 0;
	return !memcmp(&a, &b, sizeof(a));
}

static bool refuses(enum sw_counter reason)
{
	return reason != SW_NONE && reason != SW_FLOWS_REPLACED && reason != SW_SYN_RETRANSMITTED;
}

/* Of an end whose FIN was told by numbers alone: the segment is the byte, or says in order that more was sent (U14). */
static bool says_it_was_byte(const struct sw_flow *before, const struct sw_segment *segment,
			     int end)
{
	if (!before->ep[end].fin ||
	    (before->said[end] & (SW_SAID_ONE | SW_SAID_MORE)) != SW_SAID_ONE)
		return false;
	if (end == segment->sender && segment->length && !(segment->flags & SW_TCP_FIN) &&
	    sw_segment_end(segment) == before->ep[end].end)
		return true;
	if (segment->seq != before->ep[segment->sender].end)
		return false;
	if (end == segment->sender)
		return sw_segment_end(segment) != segment->seq;
	return sw_seq_after(segment->ack, before->ep[end].end);
}

/* From before its FIN, its sender acknowledges what it had not with it, or says its own there (U14). */
static bool says_it_was_not_mine(const struct sw_flow *before, const struct sw_segment *segment)
{
	const struct sw_endpoint *mine = &before->ep[segment->sender];
	const struct sw_endpoint *other = &before->ep[!segment->sender];
	bool fin = segment->flags & SW_TCP_FIN;

	if ((segment->length && !fin) || !sw_seq_after(mine->end, sw_segment_end(segment)) ||
	    !sw_seq_after(segment->ack, mine->ack) || !sw_seq_after(mine->end, other->ack))
		return false;
	if (mine->state == CLOSING)
		return segment->ack == other->end;
	return sw_fin_counts(mine) && !fin && segment->seq == mine->end - 1;
}

/* The FIN of this end was taken back, which the segment must say; its end then is as without one. */
static bool takes_fin_back(const struct sw_flow *before, const struct sw_flow *after,
			   const struct sw_segment *segment, int end)
{
	const struct sw_endpoint *ep = &after->ep[end];
	__u8 fin = end == segment->sender ? segment->flags & SW_TCP_FIN : 0;

	if (segment->self || (segment->flags & (SW_TCP_SYN | SW_TCP_RST)))
		return false;
	if (!says_it_was_byte(before, segment, end) &&
	    !(end == segment->sender && says_it_was_not_mine(before, segment)))
		return false;
	return fin ? ep->end == sw_segment_end(segment)
		   : !ep->fin && (ep->state == ESTABLISHED || ep->state == CLOSE_WAIT);
}

/* Its sender's FIN does not acknowledge its peer's, which it was taken to answer: they crossed (U15). */
static bool crosses_fins(const struct sw_flow *before, const struct sw_flow *after,
			 const struct sw_segment *segment)
{
	const struct sw_endpoint *mine = &before->ep[segment->sender];
	const struct sw_endpoint *other = &before->ep[!segment->sender];

	return !segment->self && (segment->flags & SW_TCP_FIN) &&
	       sw_seq_after(other->end, segment->ack) &&
	       (IN(mine->state) & (IN(CLOSE_WAIT) | IN(LAST_ACK) | IN(CLOSED))) &&
	       (after->ep[segment->sender].state == CLOSING ||
		after->ep[segment->sender].state == TIME_WAIT) &&
	       after->ep[!segment->sender].state == TIME_WAIT;
}

/* By another segment, which was refused: of its peer, or its own where that was never heard (U12, U16). */
static bool may_believe_claim(const struct sw_flow *before, const struct sw_segment *segment)
{
	return before->claim_kind && (segment->self || before->claim_by != segment->sender ||
				      !before->ep[!segment->sender].seen);
}

/* A SYN+ACK may take its sender back to SYN_RCVD; a claim that is believed may say that a FIN was none. */
static bool goes_back(const struct sw_flow *before, const struct sw_flow *after,
		      const struct sw_segment *segment)
{
	__u8 syn = segment->flags & SW_TCP_SYN;

	return syn || may_believe_claim(before, segment) ||
	       takes_fin_back(before, after, segment, 0) ||
	       takes_fin_back(before, after, segment, 1) || crosses_fins(before, after, segment);
}

const char *step_unsound(const struct sw_flow *before, const struct sw_flow *after,
			 const struct sw_segment *segment, enum sw_counter reason, __u64 now)
{
	bool absent = sw_flow_gone(before, now);
	const char *wrong;

	if (reason >= SW_COUNTER_MAX)
		return "a reason that does not exist";
	if (refuses(reason))
		return unchanged(before, after) ? NULL : "a refused segment that changed the flow";
	if (absent || reason == SW_FLOWS_REPLACED)
		return after->start_ns == now ? NULL : "a new flow that did not begin now";
	if (after->start_ns != before->start_ns || after->originator != before->originator)
		return "a flow that began anew and did not say so";
	if ((before->ep[0].history & ~after->ep[0].history) ||
	    (before->ep[1].history & ~after->ep[1].history))
		return "a history that forgets";
	if (goes_back(before, after, segment))
		return NULL;
	wrong = way_unsound(&before->ep[0], &after->ep[0]);
	if (!wrong && !segment->self)
		wrong = way_unsound(&before->ep[1], &after->ep[1]);
	if (!wrong && !sw_flow_closed(before) && sw_flow_closed(after) &&
	    !(segment->flags & SW_TCP_RST))
		wrong = "both ends CLOSED by a segment that is no RST";
	return wrong;
}

/* Of an endpoint to whose peer a window is known. */
static const char *numbers_unsound_at(const struct sw_endpoint *before,
				      const struct sw_endpoint *after, bool fin_back)
{
	if (sw_seq_after(after->next, after->end))
		return "all before next has been seen, but not as far as end";
	if (sw_in_handshake(after))
		return NULL; /* also one that a SYN+ACK took back: what it said before is not of this SYN */
	if (before->state >= ESTABLISHED && !fin_back && sw_seq_after(before->next, after->next))
		return "data that was seen and is no more";
	if (before->state >= ESTABLISHED && sw_seq_after(before->ack, after->ack))
		return "an acknowledgement taken back";
	if (before->state >= ESTABLISHED && !fin_back && sw_fin_counts(before) &&
	    (!after->fin || before->end != after->end))
		return "a FIN that moved"; /* one beyond a hole may: see STATE_MODEL.md, "Blind forgeries" */
	return NULL;
}

/* Blocks are in order, with holes between: next, early ones, the last one. */
static const char *blocks_unsound(const struct sw_flow *flow, __u8 who)
{
	const struct sw_endpoint *ep = &flow->ep[who];
	bool fast_open =
		ep->next == ep->isn + 1; /* a SYN's data may touch next until it is taken */
	__u32 first = ep->next + !fast_open; /* where a block can begin */
	struct sw_span early[2];
	int count = 0;

	for (__u8 place = 0; place < 2; place++)
		if (sw_has_early(flow, who, place))
			early[count++] = sw_early_span(flow, who, place);
	if (count && ep->next == ep->end)
		return "an early block where there is no hole";
	if (ep->next != ep->end && sw_seq_after(first, ep->block))
		return "a last block without a hole before it";
	for (int i = 0; i < count; i++)
		if (sw_seq_after(first, early[i].begin) || !sw_seq_after(ep->block, early[i].end))
			return "an early block without a hole on either side";
	if (count == 2 && !sw_seq_after(early[0].begin, early[1].end) &&
	    !sw_seq_after(early[1].begin, early[0].end))
		return "two early blocks without a hole between them";
	return NULL;
}

const char *numbers_unsound(const struct sw_flow *before, const struct sw_flow *after,
			    const struct sw_segment *segment, enum sw_counter reason)
{
	int last = !segment->self;
	const char *wrong = NULL;

	if (reason == SW_FLOWS_REPLACED || before->start_ns != after->start_ns || after->midstream)
		return NULL;
	if (!before->ep[0].seen || !before->ep[last].seen)
		return NULL;
	if (before->reset && !sw_flow_closed(before) && sw_flow_closed(after))
		return NULL; /* a RST was exact after all (N2), and what was taken for a FIN none */
	if (before->claim_kind && !after->claim_kind)
		return NULL; /* believed, it may say otherwise: see STATE_MODEL.md, "Rival claims" */
	for (int end = 0; end <= last && !wrong; end++)
		wrong = numbers_unsound_at(&before->ep[end], &after->ep[end],
					   takes_fin_back(before, after, segment, end));
	for (int end = 0; end <= last && !wrong; end++)
		wrong = blocks_unsound(after, (__u8)end);
	return wrong;
}

const char *prediction_unsound(const struct sw_flow *before, const struct sw_flow *after,
			       const struct sw_segment *segment, enum sw_counter reason, __u64 now,
			       const struct sw_config *config)
{
	struct sw_flow flow = *before;

	if (!sw_may_be_predicted(segment))
		return NULL;
	if (!sw_flow_predicted(&flow, segment, now, config))
		return memcmp(&flow, before, sizeof(flow)) ? "a change without a prediction" : NULL;
	if (reason)
		return "a prediction of a segment that changes nothing";
	return memcmp(&flow, after, sizeof(flow)) ? "a prediction that differs" : NULL;
}
