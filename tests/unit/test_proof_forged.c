// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Any one forged segment of the kinds that a blind sender can try, at the edges of both windows and
 * between, is healed if it is believed; and so are two, from both ends, that agree. What the two ends
 * say and do afterwards leads to the states of the two.
 */
#include "check.h"
#include "names.h"
#include "proof.h"
#include "unit.h"

#define FORGED_AFTER 6 /* the last segment of the first round of data */

/* --- The true conversation -------------------------------------------------------------------- */

enum closing {
	FOUR_SEGMENTS,
	THREE_SEGMENTS,
	SERVER_FIRST,
};

#define CLOSINGS (SERVER_FIRST + 1)

static void say(struct talk *talk, enum end who, enum saying what, __u32 length)
{
	talk_arrive_all(talk, who);
	must(talk_say(talk, who, what, length), "%d can't be said", what);
}

static void say_round(struct talk *talk)
{
	say(talk, A, SAY_DATA, 100);
	say(talk, B, SAY_ACK, 0);
	say(talk, B, SAY_DATA, 500);
	say(talk, A, SAY_ACK, 0);
}

/* `rounds` of data follow the forgery. */
static void make_talk(struct talk *talk, int rounds, enum closing closing)
{
	enum end first = closing == SERVER_FIRST ? B : A, second = (enum end) !first;

	talk_begin(talk, 0x80000000 - 300, 5000, false);
	say(talk, A, SAY_SYN, 0);
	say(talk, B, SAY_SYN_ACK, 0);
	say(talk, A, SAY_ACK, 0);
	say_round(talk);
	while (rounds--)
		say_round(talk);
	say(talk, first, SAY_FIN, 0);
	if (closing != THREE_SEGMENTS)
		say(talk, second, SAY_ACK, 0);
	say(talk, second, SAY_FIN, 0);
	say(talk, first, SAY_ACK, 0);
	talk_arrive_all(talk, A);
	talk_arrive_all(talk, B);
}

/* --- What is forged --------------------------------------------------------------------------- */

static const __u8 scales[] = { 0, 7, 14 };
static const __u8 kinds[] = {
	SW_TCP_SYN, SW_TCP_SYN | SW_TCP_ACK, SW_TCP_ACK, SW_TCP_FIN | SW_TCP_ACK, SW_TCP_RST,
};

/* From the number that is due: at the edges of a window on either side, halfway, and near. */
static __u32 offset(int nth, __u32 window)
{
	const __u32 offsets[] = {
		-window - 1, -window, -window / 2, -500,       -1,         0,      1,
		2,           500,     1000,        window / 2, window - 1, window, window + 1,
	};

	return offsets[nth];
}

#define OFFSETS 14

static __u32 window_of(const struct observer *observer)
{
	return observer->scale ? 0xffffU << observer->scale : 64240;
}

struct trial {
	struct talk talk;
	struct view view;
	struct observer observer;
	__u32 next[2]; /* what each end says next, where it is forged */
	int believed, otherwise;
};

static void begin(struct trial *trial, int rounds, enum closing closing, __u8 scale)
{
	make_talk(&trial->talk, rounds, closing);
	trial->view.count = 0;
	for (__u16 i = 0; i < trial->talk.count; i++)
		trial->view.index[trial->view.count++] = i;
	trial->observer = (struct observer){
		.offer.scaling = scale,
		.scale = scale,
		.both_directions = true,
		.gap_ms = 10,
		.forged_after = FORGED_AFTER,
	};
	trial->next[A] = trial->talk.end[A].isn + 101;
	trial->next[B] = trial->talk.end[B].isn + 501;
}

/*
 * The one exception, which nobody could know: a FIN with the number of the true one, and behind a hole. So looks a
 * simultaneous close of which the data was lost before this observer, and was sent again, and the FIN behind it: an
 * end that says its FIN again acknowledges what has come since. TIME_WAIT is then at both ends.
 */
static bool looks_crossed(const struct trial *trial, enum sw_state a, enum sw_state b)
{
	const struct forgery *forged = trial->observer.forged;
	const struct tcp *sender = &trial->talk.end[forged->who];
	const struct tcp *peer = &trial->talk.end[!forged->who];

	return trial->observer.forgeries == 1 && (forged->flags & SW_TCP_FIN) &&
	       forged->seq + forged->length + 1 == sender->next &&
	       forged->seq != trial->next[forged->who] && sw_seq_after(peer->next, forged->ack) &&
	       a == TIME_WAIT && b == TIME_WAIT;
}

static void expect_healed(struct trial *trial, const struct forgery *forged, int count)
{
	struct observation seen;
	enum sw_state a, b;

	trial->observer.forged = forged;
	trial->observer.forgeries = count;
	seen = observe(&trial->talk, &trial->view, &trial->observer);
	a = observed_state(&seen, &trial->observer, A);
	b = observed_state(&seen, &trial->observer, B);
	trial->believed += seen.believed;
	if (a == trial->talk.end[A].state && b == trial->talk.end[B].state)
		return;
	trial->otherwise++;
	must(looks_crossed(trial, a, b),
	     "%s %s after %x of %d seq %+d ack %+d len %u, scale %u, %d segments", state_name(a),
	     state_name(b), forged->flags, forged->who,
	     (int)(forged->seq - trial->next[forged->who]),
	     (int)(forged->ack - trial->next[!forged->who]), forged->length, trial->observer.scale,
	     trial->talk.count);
}

/* The socket takes it, too, and that end is in another state than without: a RST, or a FIN in order. */
static bool closes(const struct trial *trial, const struct forgery *forged)
{
	__u32 due = trial->next[forged->who], end = forged->seq + forged->length;

	if (forged->flags == SW_TCP_RST)
		return forged->seq == due;
	return (forged->flags & SW_TCP_FIN) && !sw_seq_after(forged->seq, due) &&
	       !sw_seq_after(due, end) && !sw_seq_after(forged->ack, trial->next[!forged->who]);
}

static void forge_one(struct trial *trial, enum end who)
{
	static const __u32 lengths[] = { 0, 1, 100, 1460 };
	__u32 window = window_of(&trial->observer);

	for (size_t kind = 0; kind < COUNT(kinds); kind++)
		for (int nth = 0; nth < OFFSETS * OFFSETS * (int)COUNT(lengths); nth++) {
			struct forgery forged = {
				.who = (__u8)who,
				.flags = kinds[kind],
				.seq = trial->next[who] + offset(nth % OFFSETS, window),
				.ack = trial->next[!who] + offset(nth / OFFSETS % OFFSETS, window),
				.length = lengths[nth / OFFSETS / OFFSETS],
			};

			if (!closes(trial, &forged))
				expect_healed(trial, &forged, 1);
		}
}

/* Two that agree, far from what is due: data of both, a FIN and its ACK, a SYN and its SYN+ACK. */
static void forge_two(struct trial *trial, enum end who)
{
	static const __u8 pairs[][2] = {
		{ SW_TCP_ACK, SW_TCP_ACK },
		{ SW_TCP_FIN | SW_TCP_ACK, SW_TCP_ACK },
		{ SW_TCP_FIN | SW_TCP_ACK, SW_TCP_FIN | SW_TCP_ACK },
		{ SW_TCP_SYN, SW_TCP_SYN | SW_TCP_ACK },
	};

	for (size_t i = 0; i < COUNT(pairs); i++)
		for (int nth = 0; nth < OFFSETS * OFFSETS; nth++) {
			__u32 a = trial->next[who] + 3 * offset(nth % OFFSETS, 0x30000000);
			__u32 b = trial->next[!who] + 3 * offset(nth / OFFSETS, 0x30000000);
			const struct forgery forged[2] = {
				{ (__u8)who, pairs[i][0], a, b, 0 },
				{ (__u8)!who, pairs[i][1], b, a + !!(pairs[i][0] & ~SW_TCP_ACK),
				  0 },
			};

			if (!closes(trial, &forged[0]) && !closes(trial, &forged[1]))
				expect_healed(trial, forged, 2);
		}
}

static int forge_all(void (*forge)(struct trial *trial, enum end who))
{
	int believed = 0, otherwise = 0;

	for (int way = 0; way < 3 * CLOSINGS * (int)COUNT(scales); way++) {
		struct trial trial = { 0 };

		begin(&trial, way % 3, (enum closing)(way / 3 % CLOSINGS),
		      scales[way / 3 / CLOSINGS]);
		forge(&trial, A);
		forge(&trial, B);
		believed += trial.believed;
		otherwise += trial.otherwise;
	}
	must(believed > 1000, "only %d forgeries were believed", believed);
	return otherwise;
}

static void one_forgery_is_healed(void **state)
{
	(void)state;
	must(forge_all(forge_one),
	     "no forged FIN looks crossed any more: take looks_crossed() out");
}

static void two_forgeries_that_agree_are_healed(void **state)
{
	(void)state;
	forge_all(forge_two);
}

int test_proof_forged(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_forgery_is_healed),
		cmocka_unit_test(two_forgeries_that_agree_are_healed),
	};

	return cmocka_run_group_tests_name("forgeries", tests, NULL, NULL);
}
