// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Conversations of which the observer misses a segment or two, sees two neighbours swapped, a segment
 * again, at once or later, or one end alone. In the end the states are those of the two TCPs. Where
 * they are not, the case stands below by name, with the reason why nobody could know; and there must
 * be another conversation that shows the same, with no more unseen, and ends as the model says.
 */
#include "check.h"
#include "names.h"
#include "proof.h"
#include "unit.h"

#define ANY_END     2
#define FIN_TIMEOUT (120 * SW_NS_PER_S) /* L1: FIN_WAIT_1 */

/* --- The conversations ------------------------------------------------------------------------ */

struct line {
	enum end who;
	enum saying what;
	__u32 length;
	__u16 crosses; /* so many segments are under way to it then, and come later */
};

struct conversation {
	const char *name;
	bool self;
	const struct line *lines;
	size_t count;
	enum sw_state alone[2]; /* of an end of which the peer is not heard */
};

#define SAY(from, saying)                           \
	{                                           \
		.who = (from), .what = SAY_##saying \
	}
#define SAY_WITH(from, saying, bytes)                                   \
	{                                                               \
		.who = (from), .what = SAY_##saying, .length = (bytes), \
	}
#define CROSS(from, saying)                                       \
	{                                                         \
		.who = (from), .what = SAY_##saying, .crosses = 1 \
	}
#define LINES(...)                                     \
	.lines = (const struct line[]){ __VA_ARGS__ }, \
	.count = sizeof((const struct line[]){ __VA_ARGS__ }) / sizeof(struct line)

#define OPEN SAY(A, SYN), SAY(B, SYN_ACK), SAY(A, ACK)
#define TALK SAY_WITH(A, DATA, 100), SAY(B, ACK), SAY_WITH(B, DATA, 500), SAY(A, ACK)

/*
 * Alone, an end that has closed is in FIN_WAIT_1: whether its FIN was acknowledged its peer would
 * have to say, and what it acknowledges after that may be one byte more, and not a FIN.
 */
#define CLOSED_ALONE .alone = { FIN_WAIT_1, FIN_WAIT_1 }

static const struct conversation conversations[] = {
	{ "four_segments", CLOSED_ALONE,
	  LINES(OPEN, TALK, SAY(A, FIN), SAY(B, ACK), SAY(B, FIN), SAY(A, ACK)) },
	{ "three_segments", CLOSED_ALONE,
	  LINES(OPEN, TALK, SAY(A, FIN), SAY(B, FIN), SAY(A, ACK)) },
	{ "server_first", CLOSED_ALONE,
	  LINES(OPEN, TALK, SAY(B, FIN), SAY(A, ACK), SAY(A, FIN), SAY(B, ACK)) },
	{ "half_close", CLOSED_ALONE,
	  LINES(OPEN, SAY_WITH(A, DATA, 100), SAY(B, ACK), SAY(A, FIN), SAY(B, ACK),
		SAY_WITH(B, DATA, 500), SAY(A, ACK), SAY_WITH(B, DATA, 500), SAY(A, ACK),
		SAY(B, FIN), SAY(A, ACK)) },
	{ "fins_with_data", CLOSED_ALONE,
	  LINES(OPEN, SAY_WITH(A, FIN, 100), SAY_WITH(B, FIN, 500), SAY(A, ACK)) },
	{ "response_with_fin", CLOSED_ALONE,
	  LINES(OPEN, SAY_WITH(A, DATA, 100), SAY_WITH(B, DATA, 500), SAY_WITH(B, FIN, 500),
		SAY(A, ACK), SAY(A, FIN), SAY(B, ACK)) },
	{ "no_data", CLOSED_ALONE,
	  LINES(OPEN, SAY(A, FIN), SAY(B, ACK), SAY(B, FIN), SAY(A, ACK)) },
	{ "single_bytes", CLOSED_ALONE,
	  LINES(OPEN, SAY_WITH(A, DATA, 1), SAY(B, ACK), SAY_WITH(B, DATA, 1), SAY(A, ACK),
		SAY(A, FIN), SAY(B, ACK), SAY(B, FIN), SAY(A, ACK)) },
	{ "simultaneous_close", CLOSED_ALONE,
	  LINES(OPEN, TALK, SAY(A, FIN), CROSS(B, FIN), SAY(A, ACK), CROSS(B, ACK)) },
	{ "simultaneous_open", CLOSED_ALONE,
	  LINES(SAY(A, SYN), CROSS(B, SYN), SAY(A, SYN_ACK), CROSS(B, SYN_ACK), TALK, SAY(A, FIN),
		SAY(B, FIN), SAY(A, ACK)) },
	{ "reset_by_client", .alone = { CLOSED, ESTABLISHED }, LINES(OPEN, TALK, SAY(A, RST)) },
	{ "reset_by_server", .alone = { ESTABLISHED, CLOSED }, LINES(OPEN, TALK, SAY(B, RST)) },
	{ "reset_of_a_half", .alone = { CLOSED, ESTABLISHED },
	  LINES(OPEN, SAY_WITH(A, DATA, 100), SAY(B, ACK), SAY(A, FIN), SAY(B, ACK),
		SAY_WITH(B, DATA, 500), SAY(A, RST)) },
	{ "self_connection", .self = true,
	  LINES(SAY(A, SYN), SAY(A, SYN_ACK), SAY(A, ACK), SAY_WITH(A, DATA, 100), SAY(A, ACK),
		SAY(A, FIN), SAY(A, ACK)) },
};

/* --- What nobody could know ------------------------------------------------------------------- */

/* The last word of an end tells its last state, and no other segment repeats it. */
#define LAST_WORD "nothing that was seen says it once more"
/* So many numbers were acknowledged and not seen; its sender says nothing afterwards. */
#define BYTES_OR_FIN "data of the same length is acknowledged by the same number"
/* RFC 5961, 3.2: in the window and not exact. Its receiver knows of data that was not seen. */
#define BLIND_RST "a blind RST looks the same"

enum way {
	UNSEEN, /* one, and any other or none; or two */
	SWAPPED,
	AGAIN, /* the first, after the second has passed */
};

struct exception {
	const char *conversation;
	enum way way;
	const char *first, *second;
	enum sw_state a, b; /* as the model says */
	const char *why;
};

/* clang-format off */
static const struct exception exceptions[] = {
	{ "four_segments", UNSEEN, "A:ACK3", NULL, FIN_WAIT_2, LAST_ACK, LAST_WORD },
	{ "four_segments", UNSEEN, "B:FIN1", NULL, FIN_WAIT_2, CLOSE_WAIT, BYTES_OR_FIN },
	{ "four_segments", UNSEEN, "A:FIN1", "A:ACK3", ESTABLISHED, FIN_WAIT_1, BYTES_OR_FIN },
	{ "four_segments", UNSEEN, "B:ACK2", "B:FIN1", FIN_WAIT_1, ESTABLISHED, BYTES_OR_FIN },
	{ "half_close", UNSEEN, "A:ACK4", NULL, FIN_WAIT_2, LAST_ACK, LAST_WORD },
	{ "half_close", UNSEEN, "B:FIN1", NULL, FIN_WAIT_2, CLOSE_WAIT, BYTES_OR_FIN },
	{ "no_data", UNSEEN, "A:ACK2", NULL, FIN_WAIT_2, LAST_ACK, LAST_WORD },
	{ "no_data", UNSEEN, "B:FIN1", NULL, FIN_WAIT_2, CLOSE_WAIT, BYTES_OR_FIN },
	{ "no_data", UNSEEN, "A:FIN1", "A:ACK2", ESTABLISHED, FIN_WAIT_1, BYTES_OR_FIN },
	{ "no_data", UNSEEN, "B:ACK1", "B:FIN1", FIN_WAIT_1, ESTABLISHED, BYTES_OR_FIN },
	{ "single_bytes", UNSEEN, "A:ACK3", NULL, FIN_WAIT_2, LAST_ACK, LAST_WORD },
	{ "single_bytes", UNSEEN, "B:FIN1", NULL, FIN_WAIT_2, CLOSE_WAIT, BYTES_OR_FIN },
	{ "single_bytes", UNSEEN, "A:FIN1", "A:ACK3", ESTABLISHED, FIN_WAIT_1, BYTES_OR_FIN },
	{ "single_bytes", UNSEEN, "B:ACK2", "B:FIN1", FIN_WAIT_1, ESTABLISHED, BYTES_OR_FIN },
	{ "three_segments", UNSEEN, "A:ACK3", NULL, FIN_WAIT_2, LAST_ACK, LAST_WORD },
	{ "three_segments", UNSEEN, "B:FIN1", NULL, FIN_WAIT_1, ESTABLISHED, BYTES_OR_FIN },
	{ "three_segments", UNSEEN, "A:FIN1", "A:ACK3", ESTABLISHED, FIN_WAIT_1, BYTES_OR_FIN },
	{ "three_segments", UNSEEN, "A:FIN1", "B:FIN1", ESTABLISHED, ESTABLISHED, BYTES_OR_FIN },
	{ "simultaneous_open", UNSEEN, "A:ACK2", NULL, FIN_WAIT_2, LAST_ACK, LAST_WORD },
	{ "simultaneous_open", UNSEEN, "B:FIN1", NULL, FIN_WAIT_1, ESTABLISHED, BYTES_OR_FIN },
	{ "simultaneous_open", UNSEEN, "A:FIN1", "A:ACK2", ESTABLISHED, FIN_WAIT_1, BYTES_OR_FIN },
	{ "simultaneous_open", UNSEEN, "A:FIN1", "B:FIN1", ESTABLISHED, ESTABLISHED, BYTES_OR_FIN },
	{ "fins_with_data", UNSEEN, "A:ACK2", NULL, FIN_WAIT_2, LAST_ACK, LAST_WORD },
	{ "fins_with_data", UNSEEN, "B:FIN1", NULL, FIN_WAIT_1, ESTABLISHED, BYTES_OR_FIN },
	{ "fins_with_data", UNSEEN, "A:FIN1", "A:ACK2", ESTABLISHED, FIN_WAIT_1, BYTES_OR_FIN },
	{ "fins_with_data", UNSEEN, "A:FIN1", "B:FIN1", ESTABLISHED, ESTABLISHED, BYTES_OR_FIN },
	{ "fins_with_data", UNSEEN, "A:FIN1", NULL, CLOSE_WAIT, FIN_WAIT_2, BYTES_OR_FIN },
	{ "server_first", UNSEEN, "B:ACK2", NULL, LAST_ACK, FIN_WAIT_2, LAST_WORD },
	{ "server_first", UNSEEN, "A:FIN1", NULL, CLOSE_WAIT, FIN_WAIT_2, BYTES_OR_FIN },
	{ "server_first", UNSEEN, "B:FIN1", "B:ACK2", FIN_WAIT_1, ESTABLISHED, BYTES_OR_FIN },
	{ "server_first", UNSEEN, "A:ACK3", "A:FIN1", ESTABLISHED, FIN_WAIT_1, BYTES_OR_FIN },
	{ "response_with_fin", UNSEEN, "B:ACK1", NULL, LAST_ACK, FIN_WAIT_2, LAST_WORD },
	{ "response_with_fin", UNSEEN, "A:FIN1", NULL, CLOSE_WAIT, FIN_WAIT_2, BYTES_OR_FIN },
	{ "response_with_fin", UNSEEN, "B:FIN1", "B:ACK1", FIN_WAIT_1, ESTABLISHED, BYTES_OR_FIN },
	{ "response_with_fin", UNSEEN, "A:ACK2", "A:FIN1", ESTABLISHED, FIN_WAIT_1, BYTES_OR_FIN },
	{ "response_with_fin", UNSEEN, "B:FIN1", NULL, FIN_WAIT_2, CLOSE_WAIT, BYTES_OR_FIN },
	{ "response_with_fin", UNSEEN, "B:FIN1", "A:FIN1", ESTABLISHED, ESTABLISHED, BYTES_OR_FIN },
	{ "simultaneous_close", UNSEEN, "A:ACK3", NULL, TIME_WAIT, CLOSING, LAST_WORD },
	{ "simultaneous_close", UNSEEN, "B:ACK2", NULL, CLOSING, TIME_WAIT, LAST_WORD },
	{ "simultaneous_close", UNSEEN, "A:ACK3", "B:ACK2", CLOSING, CLOSING, LAST_WORD },
	{ "simultaneous_close", UNSEEN, "A:FIN1", NULL, CLOSE_WAIT, FIN_WAIT_2, BYTES_OR_FIN },
	{ "simultaneous_close", UNSEEN, "A:FIN1", "A:ACK3", ESTABLISHED, FIN_WAIT_1, BYTES_OR_FIN },
	{ "simultaneous_close", UNSEEN, "B:FIN1", "A:ACK3", FIN_WAIT_2, CLOSE_WAIT, BYTES_OR_FIN },
	{ "simultaneous_close", UNSEEN, "B:FIN1", "B:ACK2", FIN_WAIT_1, ESTABLISHED, BYTES_OR_FIN },
	{ "reset_by_client", UNSEEN, "A:RST1", NULL, ESTABLISHED, ESTABLISHED, LAST_WORD },
	{ "reset_by_server", UNSEEN, "B:RST1", NULL, ESTABLISHED, ESTABLISHED, LAST_WORD },
	{ "reset_by_server", UNSEEN, "B:DATA1", "A:ACK2", ESTABLISHED, ESTABLISHED, BLIND_RST },
	{ "reset_of_a_half", UNSEEN, "A:RST1", NULL, FIN_WAIT_2, CLOSE_WAIT, LAST_WORD },
	{ "reset_of_a_half", UNSEEN, "A:FIN1", "A:RST1", ESTABLISHED, ESTABLISHED, BYTES_OR_FIN },
	{ "self_connection", UNSEEN, "A:ACK3", NULL, FIN_WAIT_1, CLOSED, LAST_WORD },
	{ "self_connection", UNSEEN, "A:FIN1", NULL, ESTABLISHED, CLOSED, BYTES_OR_FIN },
};
/* clang-format on */

static bool needed[COUNT(exceptions)];

/* --- One view --------------------------------------------------------------------------------- */

struct trial {
	const struct conversation *conversation;
	struct talk talk;
	struct view view;
	enum way way;
	char first[SAYING_NAME], second[SAYING_NAME];
	int unseen;
	/* The last answer of could_be(), which is the same for every observer: */
	enum sw_state asked[2];
	bool possible;
};

static void play(struct trial *trial, const struct conversation *conversation)
{
	struct talk *talk = &trial->talk;

	trial->conversation = conversation;
	talk_begin(talk, 0xffffff00, 5000, conversation->self);
	for (size_t i = 0; i < conversation->count; i++) {
		const struct line *line = &conversation->lines[i];

		while (talk_under_way(talk, line->who) > line->crosses)
			talk_arrive(talk, line->who);
		must(talk_say(talk, line->who, line->what, line->length),
		     "%s: line %zu can't be said", conversation->name, i + 1);
	}
	talk_arrive_all(talk, A);
	if (!conversation->self)
		talk_arrive_all(talk, B);
}

static bool is_named(const struct exception *exception, const struct trial *trial)
{
	const char *first = exception->first, *second = exception->second;

	if (!second)
		return !strcmp(first, trial->first) || !strcmp(first, trial->second);
	return !strcmp(first, trial->first) && !strcmp(second, trial->second);
}

static bool is_case_of(const struct exception *exception, const struct trial *trial,
		       enum sw_state a, enum sw_state b)
{
	return exception->way == trial->way && exception->a == a && exception->b == b &&
	       !strcmp(exception->conversation, trial->conversation->name) &&
	       is_named(exception, trial);
}

static const struct exception *find_exception(const struct trial *trial, enum sw_state a,
					      enum sw_state b)
{
	for (size_t i = 0; i < COUNT(exceptions); i++)
		if (is_case_of(&exceptions[i], trial, a, b)) {
			needed[i] = true;
			return &exceptions[i];
		}
	return NULL;
}

/* Of a RST that is not believed, it is as if it had not been seen. */
static bool is_possible(struct trial *trial, enum sw_state a, enum sw_state b, bool blind)
{
	struct view view = trial->view;

	if (blind)
		view.count--;
	if (trial->asked[A] != a || trial->asked[B] != b)
		trial->possible = could_be(&trial->talk, &view, a, b, trial->unseen);
	trial->asked[A] = a;
	trial->asked[B] = b;
	return trial->possible;
}

static void describe(const struct trial *trial, const struct observer *observer, char text[256])
{
	static const char *const ways[] = { "unseen", "swapped", "again" };

	snprintf(text, 256, "%s, %s %s %s%s%s%s%s, %u ms", trial->conversation->name,
		 ways[trial->way], trial->first, trial->second,
		 observer->offer.timestamps ? ", timestamps" : "",
		 observer->offer.sack ? ", SACK" : "", observer->offer.scaling ? ", scaling" : "",
		 observer->mirrored ? ", B first" : "", observer->gap_ms);
}

static void look(struct trial *trial, const struct observer *observer)
{
	struct observation seen = observe(&trial->talk, &trial->view, observer);
	enum sw_state a = observed_state(&seen, observer, A), true_a = trial->talk.end[A].state;
	enum sw_state b = observed_state(&seen, observer, B), true_b = trial->talk.end[B].state;
	const struct exception *exception;
	char text[256];

	if (a == true_a && b == true_b && !seen.wrong)
		return;
	exception = find_exception(trial, a, b);
	describe(trial, observer, text);
	must(exception, "%s: %s %s, not %s %s", text, state_name(a), state_name(b),
	     state_name(true_a), state_name(true_b));
	must(!seen.wrong, "%s: %s", text, seen.wrong);
	must(is_possible(trial, a, b, !strcmp(exception->why, BLIND_RST)),
	     "%s: %s %s, which is not possible", text, state_name(a), state_name(b));
}

/* Options, and whether segments come at once or so late that one sent again is no copy. */
static void look_all_ways(struct trial *trial)
{
	trial->asked[A] = trial->asked[B] = ANY_STATE;
	for (int way = 0; way < 32; way++) {
		const struct observer observer = {
			.offer = { way & 1, way & 2, way & 4 },
			.both_directions = true,
			.mirrored = way & 8 && !trial->talk.self,
			.gap_ms = way & 16 ? 300 : 10,
		};

		look(trial, &observer);
	}
}

/* --- What is not seen, or not as it was said -------------------------------------------------- */

static void name_two(struct trial *trial, enum way way, __u16 first, __u16 second)
{
	trial->way = way;
	saying_name(&trial->talk, first, trial->first);
	saying_name(&trial->talk, second, trial->second);
}

static void show(struct trial *trial, __u16 index)
{
	trial->view.index[trial->view.count++] = index;
}

/* All but these two, which may be the same one. */
static void miss(struct trial *trial, __u16 first, __u16 second)
{
	name_two(trial, UNSEEN, first, second);
	trial->unseen = first == second ? 1 : 2;
	trial->view.count = 0;
	for (__u16 i = 0; i < trial->talk.count; i++)
		if (i != first && i != second)
			show(trial, i);
	look_all_ways(trial);
}

static void swap(struct trial *trial, __u16 first, __u16 second)
{
	name_two(trial, SWAPPED, first, second);
	trial->view.count = 0;
	for (__u16 i = 0; i < trial->talk.count; i++)
		show(trial, i == first ? second : i == second ? first : i);
	look_all_ways(trial);
}

static void repeat(struct trial *trial, __u16 again, __u16 after)
{
	name_two(trial, AGAIN, again, after);
	trial->view.count = 0;
	for (__u16 i = 0; i < trial->talk.count; i++) {
		show(trial, i);
		if (i == after)
			show(trial, again);
	}
	look_all_ways(trial);
}

/* One end alone is heard, and whether the observer knows that both should be makes no difference. */
static void hear_alone(struct trial *trial, enum end who)
{
	const struct observer observers[] = {
		{ .both_directions = true, .gap_ms = 10 },
		{ .both_directions = false, .gap_ms = 10 },
		{ .both_directions = true, .gap_ms = 300, .offer = { true, true, true } },
		{ .both_directions = false, .gap_ms = 300, .offer = { true, true, true } },
	};
	enum sw_state expected = trial->conversation->alone[who];

	trial->view.count = 0;
	for (__u16 i = 0; i < trial->talk.count; i++)
		if (trial->talk.said[i].who == who)
			show(trial, i);
	for (size_t i = 0; i < COUNT(observers); i++) {
		struct observation seen = observe(&trial->talk, &trial->view, &observers[i]);
		enum sw_state of = observed_state(&seen, &observers[i], who);

		must(of == expected && !seen.wrong, "%s, only %c: %s, not %s; %s",
		     trial->conversation->name, "AB"[who], state_name(of), state_name(expected),
		     seen.wrong ? seen.wrong : "sound");
	}
	if (expected != trial->talk.end[who].state)
		must(could_be(&trial->talk, &trial->view, who == A ? expected : ANY_STATE,
			      who == B ? expected : ANY_STATE,
			      trial->talk.count - trial->view.count),
		     "%s, only %c: %s is not possible", trial->conversation->name, "AB"[who],
		     state_name(expected));
}

typedef void (*change)(struct trial *trial, __u16 first, __u16 second);

/* For two segments of every conversation that are `least` to `most` apart. */
static void for_all(change make, int least, int most)
{
	for (size_t i = 0; i < COUNT(conversations); i++) {
		struct trial trial = { 0 };

		play(&trial, &conversations[i]);
		for (int first = 0; first < trial.talk.count; first++)
			for (int apart = least; apart <= most; apart++)
				if (first + apart < trial.talk.count)
					make(&trial, (__u16)first, (__u16)(first + apart));
	}
}

static void any_segment_may_be_unseen(void **state)
{
	(void)state;
	for_all(miss, 0, 0);
}

static void any_two_segments_may_be_unseen(void **state)
{
	(void)state;
	for_all(miss, 1, TALK_MAX);
}

static void any_two_neighbours_may_be_swapped(void **state)
{
	(void)state;
	for_all(swap, 1, 1);
}

static void any_segment_may_come_again_at_once_or_later(void **state)
{
	(void)state;
	for_all(repeat, 0, TALK_MAX);
}

static void each_end_tells_its_states_alone(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(conversations); i++) {
		struct trial trial = { 0 };

		play(&trial, &conversations[i]);
		if (trial.talk.self)
			continue;
		hear_alone(&trial, A);
		hear_alone(&trial, B);
	}
}

static bool has_shown(const struct trial *trial, int who, enum saying what)
{
	for (int i = 0; i < trial->view.count; i++) {
		const struct saying_at *said = &trial->talk.said[trial->view.index[i]];

		if (said->what == what && (who == said->who || who == ANY_END))
			return true;
	}
	return false;
}

/* What the rest of it proves is much, or nothing; but a FIN that was seen holds, at the latest behind its hole. */
static void expect_believed(const struct trial *trial, const struct observer *observer, int mask)
{
	struct observation seen = observe(&trial->talk, &trial->view, observer);
	bool closed = has_shown(trial, ANY_END, SAY_FIN) || has_shown(trial, ANY_END, SAY_RST);
	bool gone = sw_flow_gone(&seen.flow, seen.now + FIN_TIMEOUT);

	for (int who = 0; who <= !trial->talk.self; who++) {
		const struct sw_endpoint *end = &seen.flow.ep[who ^ observer->mirrored];
		bool open = end->state == CLOSE_WAIT || (end->state && end->state <= ESTABLISHED);

		must(!has_shown(trial, who, SAY_FIN) || !open || end->fin,
		     "%s, seen %x: FIN of %c, %s", trial->conversation->name, mask, "AB"[who],
		     state_name(end->state));
		must(!closed || end->state != ESTABLISHED || gone, "%s, seen %x: %c %s for long",
		     trial->conversation->name, mask, "AB"[who], state_name(end->state));
	}
	must(!seen.wrong, "%s, seen %x: %s", trial->conversation->name, mask, seen.wrong);
}

static void of_any_that_are_unseen_a_fin_or_rst_is_not(void **state)
{
	static const struct observer observers[] = {
		{ .both_directions = true, .gap_ms = 10 },
		{ .both_directions = true, .gap_ms = 300, .offer = { true, true, true } },
		{ .both_directions = true, .gap_ms = 10, .mirrored = true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(conversations); i++) {
		struct trial trial = { 0 };

		play(&trial, &conversations[i]);
		for (int mask = 1; mask < 1 << trial.talk.count; mask++) {
			trial.view.count = 0;
			for (__u16 said = 0; said < trial.talk.count; said++)
				if (mask >> said & 1)
					show(&trial, said);
			for (size_t way = 0; way < COUNT(observers) - trial.talk.self; way++)
				expect_believed(&trial, &observers[way], mask);
		}
	}
}

/* What is no exception any more, has to go. */
static void every_exception_is_needed(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(exceptions); i++)
		must(needed[i], "%s, %s: no exception any more", exceptions[i].conversation,
		     exceptions[i].first);
}

int test_proof_unseen(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_segment_may_be_unseen),
		cmocka_unit_test(any_two_segments_may_be_unseen),
		cmocka_unit_test(any_two_neighbours_may_be_swapped),
		cmocka_unit_test(any_segment_may_come_again_at_once_or_later),
		cmocka_unit_test(each_end_tells_its_states_alone),
		cmocka_unit_test(of_any_that_are_unseen_a_fin_or_rst_is_not),
		cmocka_unit_test(every_exception_is_needed),
	};

	return cmocka_run_group_tests_name("segments not seen", tests, NULL, NULL);
}
