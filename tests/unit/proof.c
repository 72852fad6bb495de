// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "check.h"
#include "proof.h"
#include "sound.h"

#define START_NS (1000 * SW_NS_PER_S)
#define WINDOW   64240

#define ORDINARY_SCALE 7

/* --- Two TCPs --------------------------------------------------------------------------------- */

static enum end peer_of(const struct talk *talk, enum end who)
{
	return talk->self ? A : (enum end) !who;
}

void talk_begin(struct talk *talk, __u32 isn_a, __u32 isn_b, bool self)
{
	memset(talk, 0, sizeof(*talk));
	talk->self = self;
	talk->end[A] = (struct tcp){ .state = LISTEN, .isn = isn_a, .next = isn_a };
	talk->end[B] = (struct tcp){ .state = LISTEN, .isn = isn_b, .next = isn_b };
	if (self)
		talk->end[B].state = CLOSED;
}

static bool may_say(const struct tcp *tcp, enum saying what)
{
	switch (what) {
	case SAY_SYN:
		return tcp->state == LISTEN;
	case SAY_SYN_ACK:
		return tcp->state == SYN_RCVD;
	case SAY_ACK:
		return tcp->state >= ESTABLISHED;
	case SAY_DATA:
	case SAY_FIN:
		return tcp->state == ESTABLISHED || tcp->state == CLOSE_WAIT;
	case SAY_RST:
		return tcp->state >= ESTABLISHED && tcp->state != TIME_WAIT;
	}
	return false;
}

static void has_said(struct tcp *tcp, enum saying what, __u32 length)
{
	switch (what) {
	case SAY_SYN:
		tcp->state = SYN_SENT;
		tcp->next = tcp->isn + 1;
		break;
	case SAY_SYN_ACK:
		tcp->next = tcp->isn + 1;
		break;
	case SAY_ACK:
		break;
	case SAY_DATA:
		tcp->next += length;
		break;
	case SAY_FIN:
		tcp->next += length + 1;
		tcp->state = tcp->state == ESTABLISHED ? FIN_WAIT_1 : LAST_ACK;
		break;
	case SAY_RST:
		tcp->state = CLOSED;
		break;
	}
}

bool talk_say(struct talk *talk, enum end who, enum saying what, __u32 length)
{
	struct tcp *tcp = &talk->end[who];
	bool synchronises = what == SAY_SYN || what == SAY_SYN_ACK;

	if (!may_say(tcp, what) || talk->count == TALK_MAX)
		return false;
	talk->said[talk->count] = (struct saying_at){
		.who = (__u8)who,
		.what = (__u8)what,
		.seq = synchronises ? tcp->isn : tcp->next,
		.ack = what == SAY_SYN ? 0 : tcp->got,
		.length = length,
	};
	tcp->says[tcp->count++] = talk->count++;
	has_said(tcp, what, length);
	return true;
}

bool talk_say_again(struct talk *talk, __u16 index)
{
	struct tcp *tcp = &talk->end[talk->said[index].who];

	if (talk->count == TALK_MAX)
		return false;
	talk->said[talk->count] = talk->said[index];
	tcp->says[tcp->count++] = talk->count++;
	return true;
}

static void get_ack(struct tcp *tcp, __u32 ack)
{
	if (tcp->state == SYN_RCVD)
		tcp->state = ESTABLISHED;
	if (ack != tcp->next)
		return;
	if (tcp->state == FIN_WAIT_1)
		tcp->state = FIN_WAIT_2;
	else if (tcp->state == CLOSING)
		tcp->state = TIME_WAIT;
	else if (tcp->state == LAST_ACK)
		tcp->state = CLOSED;
}

static void get_fin(struct tcp *tcp)
{
	if (tcp->state == ESTABLISHED)
		tcp->state = CLOSE_WAIT;
	else if (tcp->state == FIN_WAIT_1)
		tcp->state = CLOSING;
	else if (tcp->state == FIN_WAIT_2)
		tcp->state = TIME_WAIT;
}

/* RFC 9293, 3.10.7.4, of segments that come in order, or again. */
static void get_synchronised(struct tcp *tcp, const struct saying_at *said)
{
	__u32 end = said->seq + said->length + (said->what == SAY_FIN);

	if (said->what == SAY_SYN || (said->what == SAY_SYN_ACK && tcp->state != SYN_RCVD))
		return;
	if (said->what == SAY_RST) {
		tcp->state = CLOSED;
		return;
	}
	get_ack(tcp, said->ack);
	if (said->what == SAY_SYN_ACK || !sw_seq_after(end, tcp->got))
		return;
	tcp->got = end;
	if (said->what == SAY_FIN)
		get_fin(tcp);
}

/* RFC 9293, 3.10.7.2 and 3.10.7.3. */
static void get(struct tcp *tcp, const struct saying_at *said)
{
	bool syn = said->what == SAY_SYN || said->what == SAY_SYN_ACK;

	if (tcp->state == CLOSED)
		return;
	if (tcp->state != LISTEN && tcp->state != SYN_SENT) {
		get_synchronised(tcp, said);
		return;
	}
	if (!syn || (tcp->state == LISTEN && said->what != SAY_SYN))
		return;
	tcp->got = said->seq + 1;
	tcp->state = said->what == SAY_SYN ? SYN_RCVD : ESTABLISHED;
}

__u16 talk_under_way(const struct talk *talk, enum end to)
{
	const struct tcp *from = &talk->end[peer_of(talk, to)];

	return from->count - from->arrived;
}

void talk_arrive(struct talk *talk, enum end to)
{
	struct tcp *from = &talk->end[peer_of(talk, to)];

	get(&talk->end[to], &talk->said[from->says[from->arrived++]]);
}

void talk_arrive_all(struct talk *talk, enum end to)
{
	while (talk_under_way(talk, to))
		talk_arrive(talk, to);
}

void saying_name(const struct talk *talk, __u16 index, char name[SAYING_NAME])
{
	static const char *const names[SAYINGS] = {
		[SAY_SYN] = "SYN",   [SAY_SYN_ACK] = "SYN+ACK", [SAY_ACK] = "ACK",
		[SAY_DATA] = "DATA", [SAY_FIN] = "FIN",         [SAY_RST] = "RST",
	};
	const struct saying_at *said = &talk->said[index];
	int nth = 0;

	for (int i = 0; i <= index; i++)
		nth += talk->said[i].who == said->who && talk->said[i].what == said->what;
	snprintf(name, SAYING_NAME, "%c:%s%d", "AB"[said->who & 1], names[said->what % SAYINGS],
		 nth);
}

/* --- What an observer sees -------------------------------------------------------------------- */

static __u8 flags_of(enum saying what)
{
	static const __u8 flags[SAYINGS] = {
		[SAY_SYN] = SW_TCP_SYN,
		[SAY_SYN_ACK] = SW_TCP_SYN | SW_TCP_ACK,
		[SAY_ACK] = SW_TCP_ACK,
		[SAY_DATA] = SW_TCP_PSH | SW_TCP_ACK,
		[SAY_FIN] = SW_TCP_FIN | SW_TCP_ACK,
		[SAY_RST] = SW_TCP_RST | SW_TCP_ACK,
	};

	return flags[what];
}

/* The window of a SYN is not scaled. */
static void offer_window(struct sw_segment *segment, const struct observer *observer)
{
	bool syn = segment->flags & SW_TCP_SYN, scaling = observer->offer.scaling;

	segment->window = observer->scale ? 0xffff : WINDOW;
	if (scaling && !syn && !observer->scale)
		segment->window >>= ORDINARY_SCALE;
	segment->has_wscale = syn && scaling;
	if (segment->has_wscale)
		segment->wscale = observer->scale ? observer->scale : ORDINARY_SCALE;
}

static struct sw_segment segment_of(const struct saying_at *said, const struct observer *observer,
				    bool self, __u64 now)
{
	const struct offer *offer = &observer->offer;
	struct sw_segment segment = {
		.sender = self ? 0 : said->who ^ observer->mirrored,
		.self = self,
		.flags = flags_of(said->what),
		.seq = said->seq,
		.ack = said->ack,
		.length = said->length,
	};
	bool syn = segment.flags & SW_TCP_SYN;

	offer_window(&segment, observer);
	segment.sack_ok = syn && offer->sack;
	segment.has_tsval = offer->timestamps && (syn || said->what == SAY_FIN);
	segment.tsval = segment.has_tsval ? (__u32)(now / SW_NS_PER_MS) : 0;
	return segment;
}

enum sw_counter proof_step(struct sw_flow *flow, const struct sw_segment *segment, __u64 now,
			   const struct sw_config *config)
{
	return sw_flow_step(flow, segment, now, config);
}

/* True: it was taken. */
static bool step(struct observation *seen, const struct sw_segment *segment,
		 const struct sw_config *config)
{
	struct sw_flow before = seen->flow, *flow = &seen->flow;
	enum sw_counter reason = sw_flow_gone(flow, seen->now) ? sw_may_open(segment) : SW_NONE;
	const char *wrong;

	if (reason)
		return false;
	reason = proof_step(flow, segment, seen->now, config);
	wrong = flow_unsound(flow, segment->self);
	if (!wrong)
		wrong = step_unsound(&before, flow, segment, reason, seen->now);
	if (!wrong)
		wrong = prediction_unsound(&before, flow, segment, reason, seen->now, config);
	if (!wrong && config->both_directions)
		wrong = numbers_unsound(&before, flow, segment, reason);
	if (wrong)
		seen->wrong = wrong;
	return !reason || reason == SW_FLOWS_REPLACED;
}

static void forge(struct observation *seen, const struct observer *observer,
		  const struct sw_config *config)
{
	for (int i = 0; i < observer->forgeries; i++) {
		const struct forgery *forged = &observer->forged[i];
		struct sw_segment segment = {
			.sender = forged->who ^ observer->mirrored,
			.flags = forged->flags,
			.seq = forged->seq,
			.ack = forged->ack,
			.length = forged->length,
		};

		offer_window(&segment, observer);
		seen->believed += step(seen, &segment, config);
	}
}

struct observation observe(const struct talk *talk, const struct view *view,
			   const struct observer *observer)
{
	struct sw_config config = SW_CONFIG_DEFAULT;
	struct observation seen = { .now = START_NS };

	config.both_directions = observer->both_directions;
	for (int i = 0; i < view->count; i++) {
		const struct saying_at *said = &talk->said[view->index[i]];
		struct sw_segment segment = segment_of(said, observer, talk->self, seen.now);

		step(&seen, &segment, &config);
		if (i == observer->forged_after)
			forge(&seen, observer, &config);
		if (i + 1 < view->count)
			seen.now += observer->gap_ms * SW_NS_PER_MS;
	}
	return seen;
}

enum sw_state observed_state(const struct observation *seen, const struct observer *observer,
			     enum end who)
{
	return seen->flow.ep[who ^ observer->mirrored].state;
}

/* --- What could be ---------------------------------------------------------------------------- */

struct question {
	const struct talk *talk;
	const struct view *view;
	enum sw_state wanted[2];
};

static bool is_same(const struct saying_at *a, const struct saying_at *b)
{
	return a->who == b->who && a->what == b->what && a->seq == b->seq && a->ack == b->ack &&
	       a->length == b->length;
}

static bool is_in(const struct tcp *tcp, enum sw_state wanted)
{
	return wanted == ANY_STATE || tcp->state == wanted;
}

/* Now, or when some of what is under way has arrived. */
static bool is_as_wanted(const struct question *question, const struct talk *talk)
{
	struct talk then = *talk;

	for (;;) {
		struct talk later = then;

		for (;;) {
			if (is_in(&later.end[A], question->wanted[A]) &&
			    (talk->self || is_in(&later.end[B], question->wanted[B])))
				return true;
			if (talk->self || !talk_under_way(&later, B))
				break;
			talk_arrive(&later, B);
		}
		if (!talk_under_way(&then, A))
			return false;
		talk_arrive(&then, A);
	}
}

static bool search(const struct question *question, const struct talk *talk, int at, int unseen);

/* It says the next one seen, now or again. */
static bool search_seen(const struct question *question, const struct talk *talk, enum end who,
			int at, int unseen)
{
	const struct saying_at *next = &question->talk->said[question->view->index[at]];
	struct talk then = *talk;

	return next->who == who && talk_say(&then, who, next->what, next->length) &&
	       is_same(&then.said[then.count - 1], next) && search(question, &then, at + 1, unseen);
}

/*
 * Data of the sizes of the conversations here, and as long as these and a FIN: other sizes leave other
 * gaps.
 */
static bool search_unseen(const struct question *question, const struct talk *talk, enum end who,
			  int at, int unseen)
{
	static const __u32 lengths[] = { 0, 1, 100, 101, 500, 501 };

	for (enum saying what = SAY_SYN; what < SAYINGS; what++)
		for (size_t i = what == SAY_DATA; i < COUNT(lengths); i++) {
			struct talk then = *talk;

			if (i && what != SAY_DATA && what != SAY_FIN)
				break;
			if (talk_say(&then, who, what, lengths[i]) &&
			    search(question, &then, at, unseen - 1))
				return true;
		}
	return false;
}

/* Before it says something, some of what is under way to it has arrived, or nothing. */
static bool search_says(const struct question *question, const struct talk *talk, enum end who,
			int at, int unseen)
{
	struct talk then = *talk;

	for (;;) {
		if (at < question->view->count && search_seen(question, &then, who, at, unseen))
			return true;
		if (unseen && search_unseen(question, &then, who, at, unseen))
			return true;
		if (!talk_under_way(&then, who))
			return false;
		talk_arrive(&then, who);
	}
}

static bool was_seen_before(const struct view *view, int at)
{
	for (int i = 0; i < at; i++)
		if (view->index[i] == view->index[at])
			return true;
	return false;
}

static bool search(const struct question *question, const struct talk *talk, int at, int unseen)
{
	while (at < question->view->count && was_seen_before(question->view, at))
		at++; /* a copy says nothing */
	if (at == question->view->count && is_as_wanted(question, talk))
		return true;
	return search_says(question, talk, A, at, unseen) ||
	       (!talk->self && search_says(question, talk, B, at, unseen));
}

bool could_be(const struct talk *talk, const struct view *view, enum sw_state a, enum sw_state b,
	      int unseen)
{
	const struct question question = { talk, view, { a, b } };
	struct talk begin;

	talk_begin(&begin, talk->end[A].isn, talk->end[B].isn, talk->self);
	return search(&question, &begin, 0, unseen);
}
