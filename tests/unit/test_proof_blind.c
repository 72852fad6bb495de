// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Blind segments into an established connection: of each kind, from each end and from both in turn, with
 * windows of 64 kB, 8 MB and 1 GB, after little data and after more than a window; seen whole, picked up in the
 * middle, and of which one end alone was heard. They may move the
 * model no more often than they move a socket that has nothing under way: by RFC 9293, 3.10.7.4 and
 * RFC 5961, 3.2, 4.2 and 5.2, computed beside it for the same segments. How many of each is 50,000,
 * or what BLIND in the environment says. This file is compiled without sanitizers.
 */
#include <synward/state.h>

#include "check.h"
#include "proof.h"
#include "unit.h"

#define NOW    (1000 * SW_NS_PER_S)
#define TRIALS 50000
#define LITTLE 1400

static const struct sw_config settings = {
	.both_directions = 1,
	.timeout.ms = { SW_TIMEOUTS(SW_TIMEOUT_DEFAULT) },
};

enum seen {
	WHOLE,
	FROM_THE_MIDDLE,
	ONE_END,
	ONE_END_FROM_THE_MIDDLE,
};

#define SEEN (ONE_END_FROM_THE_MIDDLE + 1)

static const char *const seen_names[SEEN] = { "seen whole", "from the middle", "one end heard",
					      "one end heard, from the middle" };

struct session {
	struct sw_flow flow;
	enum seen seen;
	__u32 next[2]; /* what each end says next, and the other expects */
	__u32 window;
	__u8 scale;
	bool much;
	__u64 random;
};

static __u32 draw(struct session *session)
{
	session->random ^= session->random << 13;
	session->random ^= session->random >> 7;
	session->random ^= session->random << 17;
	return (__u32)(session->random >> 16);
}

/* --- The connection --------------------------------------------------------------------------- */

static void say(struct session *session, int who, __u8 flags, __u32 length)
{
	struct sw_segment segment = {
		.sender = (__u8)who,
		.flags = flags,
		.seq = session->next[who],
		.ack = flags & SW_TCP_ACK ? session->next[!who] : 0,
		.length = length,
		.window = 0xffff,
		.has_wscale = !!(flags & SW_TCP_SYN),
		.wscale = flags & SW_TCP_SYN ? session->scale : 0,
	};

	session->next[who] = sw_segment_end(&segment);
	if (who && session->seen >= ONE_END)
		return;
	if ((flags & SW_TCP_SYN) && (session->seen & FROM_THE_MIDDLE))
		return;
	assert_int_equal(proof_step(&session->flow, &segment, NOW, &settings), SW_NONE);
}

static struct session establish(enum seen seen, __u8 scale, bool much)
{
	struct session session = {
		.seen = seen,
		.next = { 0xfffff000, 77777777 },
		.window = 0xffffU << scale,
		.scale = scale,
		.much = much,
		.random = 88172645463325252ULL,
	};
	__u32 length = much ? 60000 : LITTLE;

	say(&session, 0, SW_TCP_SYN, 0);
	say(&session, 1, SW_TCP_SYN | SW_TCP_ACK, 0);
	say(&session, 0, SW_TCP_ACK, 0);
	for (__u64 sent = 0; sent <= (much ? session.window : 0); sent += length) {
		say(&session, 0, SW_TCP_ACK | SW_TCP_PSH, length);
		say(&session, 1, SW_TCP_ACK | SW_TCP_PSH, length);
	}
	say(&session, 0, SW_TCP_ACK, 0);
	say(&session, 1, SW_TCP_ACK, 0);
	return session;
}

/* --- Model and socket ------------------------------------------------------------------------- */

/* Whatever is seen of the flow: what counts segments, marks it and is only claimed is not. */
static bool is_moved(const struct sw_flow *before, const struct sw_flow *after)
{
	struct sw_flow then = *after;

	for (int end = 0; end < 2; end++) {
		then.ep[end].packets = before->ep[end].packets;
		then.said[end] = before->said[end];
	}
	memcpy(then.early, before->early, sizeof(then.early));
	then.claim_kind = before->claim_kind;
	then.claim_by = before->claim_by;
	then.early_of = before->early_of;
	if (!then.reset)
		then.reset_by = before->reset_by;
	then.refused = before->refused;
	return memcmp(before, &then, sizeof(then));
}

static bool moves_socket(const struct session *session, const struct sw_segment *segment)
{
	__u32 due = session->next[segment->sender], sent = session->next[!segment->sender];
	__u32 last = sw_segment_end(segment) - 1, window = session->window;

	if (segment->flags & SW_TCP_SYN)
		return false;
	if (segment->flags & SW_TCP_RST)
		return segment->seq == due;
	return (segment->seq - due < window || (segment->length && last - due < window)) &&
	       sent - segment->ack <= window;
}

struct kind {
	const char *name;
	__u8 flags;
	bool data;
};

static const struct kind kinds[] = {
	{ "SYN", SW_TCP_SYN, false },
	{ "SYN+ACK", SW_TCP_SYN | SW_TCP_ACK, false },
	{ "ACK", SW_TCP_ACK, false },
	{ "data", SW_TCP_ACK | SW_TCP_PSH, true },
	{ "FIN", SW_TCP_ACK | SW_TCP_FIN, false },
	{ "RST", SW_TCP_RST, false },
	{ "RST+ACK", SW_TCP_RST | SW_TCP_ACK, false },
};

/* Who got a RST in its window, and lives, says so at once (RFC 5961, 3.2). */
static void answer_rst(const struct session *session, struct sw_flow *flow,
		       const struct sw_segment *rst)
{
	const struct sw_segment challenge = {
		.sender = !rst->sender,
		.flags = SW_TCP_ACK,
		.seq = session->next[!rst->sender],
		.ack = session->next[rst->sender],
	};

	if ((rst->flags & SW_TCP_ACK) || rst->seq - session->next[rst->sender] >= session->window)
		return;
	if (challenge.sender == 0 || session->seen < ONE_END)
		proof_step(flow, &challenge, NOW, &settings);
}

static long trials(void)
{
	const char *text = getenv("BLIND");

	return text ? atol(text) : TRIALS;
}

/* So many standard deviations above it are a false alarm once in 10^7 (Poisson, and few). */
static bool is_more(long moved, long bound)
{
	long above = moved - bound - 15;

	return above > 0 && above * above > 36 * (bound + moved);
}

/* From: 0 or 1, or 2: both in turn. What is claimed stays, what is moved is put right again. */
static void try_kind(struct session *session, const struct kind *kind, int from)
{
	struct sw_flow flow = session->flow;
	long moved = 0, bound = 0, count = trials();

	for (long i = 0; i < count; i++) {
		struct sw_segment segment = {
			.sender = from < 2 ? (__u8)from : i & 1,
			.flags = kind->flags,
			.seq = draw(session),
			.ack = draw(session),
			.length = kind->data ? 1 + draw(session) % 1460 : 0,
			.window = (__u16)draw(session),
		};

		proof_step(&flow, &segment, NOW, &settings);
		if (kind->flags & SW_TCP_RST)
			answer_rst(session, &flow, &segment);
		bound += moves_socket(session, &segment);
		if (is_moved(&session->flow, &flow)) {
			moved++;
			flow = session->flow;
		}
	}
	must(!is_more(moved, bound),
	     "%s, %s from %d, window %u: %ld of %ld moved the model, %ld a socket",
	     seen_names[session->seen], kind->name, from, session->window, moved, count, bound);
	if (getenv("BLIND"))
		print_message("%s, %s from %s, window %u, %s of data: %ld of %ld, a socket %ld\n",
			      seen_names[session->seen], kind->name,
			      (const char *[]){ "A", "B", "both" }[from], session->window,
			      session->much ? "more than a window" : "1400 bytes", moved, count,
			      bound);
}

static void try_windows(enum seen seen, bool much)
{
	static const __u8 scales[] = { 0, 7, 14 };

	for (size_t i = 0; i < COUNT(scales); i++) {
		struct session session = establish(seen, scales[i], much);

		for (size_t kind = 0; kind < COUNT(kinds); kind++)
			for (int from = 0; from < 3; from++)
				try_kind(&session, &kinds[kind], from);
	}
}

static void blind_segments_move_the_model_as_rarely_as_a_socket(void **state)
{
	(void)state;
	for (enum seen seen = WHOLE; seen < SEEN; seen++)
		try_windows(seen, false);
}

static void after_more_than_a_window_of_data_as_well(void **state)
{
	(void)state;
	for (enum seen seen = WHOLE; seen < SEEN; seen++)
		try_windows(seen, true);
}

int test_proof_blind(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(blind_segments_move_the_model_as_rarely_as_a_socket),
		cmocka_unit_test(after_more_than_a_window_of_data_as_well),
	};

	return cmocka_run_group_tests_name("blind segments", tests, NULL, NULL);
}
