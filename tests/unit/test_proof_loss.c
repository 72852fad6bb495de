// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Ten thousand conversations made at random, with simultaneous opens and closes, data both ways,
 * segments said again and resets; of which 1, 5 or 20 % of the segments are unseen, one by one or in
 * bursts. None that both ends have closed stays ESTABLISHED beyond its FIN's time-out, if anything of
 * its end was seen.
 */
#include "check.h"
#include "names.h"
#include "proof.h"
#include "unit.h"

#define CONVERSATIONS 10000
#define FIN_TIMEOUT   (120 * SW_NS_PER_S) /* L1: FIN_WAIT_1 and FIN_WAIT_2 */
#define OUTSTANDING   60000 /* bytes that may be under way: a window, less a segment */

struct random {
	__u64 state;
};

static __u32 pick(struct random *random, __u32 below)
{
	random->state = random->state * 6364136223846793005 + 1442695040888963407;
	return (__u32)((random->state >> 32) * below >> 32);
}

/* --- A conversation --------------------------------------------------------------------------- */

static bool is_over(const struct talk *talk, enum end who)
{
	return talk->end[who].state == TIME_WAIT || talk->end[who].state == CLOSED;
}

static bool owes_ack(const struct talk *talk, enum end who)
{
	const struct tcp *tcp = &talk->end[who];

	return tcp->state >= ESTABLISHED && talk->said[tcp->says[tcp->count - 1]].ack != tcp->got;
}

static void arrive_some(struct talk *talk, enum end to, struct random *random)
{
	while (talk_under_way(talk, to) && pick(random, 4))
		talk_arrive(talk, to);
}

static void open_talk(struct talk *talk, struct random *random)
{
	talk_begin(talk, pick(random, 0xffffffff), pick(random, 0xffffffff), false);
	talk_say(talk, A, SAY_SYN, 0);
	if (!pick(random, 10)) {
		talk_say(talk, B, SAY_SYN, 0);
		talk_arrive(talk, A);
		talk_arrive(talk, B);
		talk_say(talk, A, SAY_SYN_ACK, 0);
		talk_say(talk, B, SAY_SYN_ACK, 0);
		talk_arrive(talk, A);
		talk_arrive(talk, B);
	} else {
		talk_arrive(talk, B);
		talk_say(talk, B, SAY_SYN_ACK, 0);
		talk_arrive(talk, A);
		talk_say(talk, A, SAY_ACK, 0);
	}
}

static void say_something(struct talk *talk, enum end who, struct random *random)
{
	const struct tcp *tcp = &talk->end[who];
	__u32 length = pick(random, 4) ? 1 + pick(random, 1460) : 1;

	if (!pick(random, 20))
		talk_say_again(talk, tcp->says[pick(random, tcp->count)]);
	else if (pick(random, 3) && tcp->next - talk->end[!who].got < OUTSTANDING)
		talk_say(talk, who, SAY_DATA, length);
	else if (owes_ack(talk, who))
		talk_say(talk, who, SAY_ACK, 0);
}

/* Each end closes in its own time, and acknowledges what comes. */
static void close_talk(struct talk *talk, struct random *random)
{
	while (!is_over(talk, A) || !is_over(talk, B) || talk_under_way(talk, A) ||
	       talk_under_way(talk, B)) {
		enum end who = pick(random, 2) ? B : A;

		arrive_some(talk, who, random);
		if (!pick(random, 40))
			talk_say(talk, who, SAY_RST, 0);
		else if (!pick(random, 3))
			talk_say(talk, who, SAY_FIN, pick(random, 2) ? pick(random, 1460) : 0);
		else if (owes_ack(talk, who))
			talk_say(talk, who, SAY_ACK, 0);
		must(talk->count < TALK_MAX, "a conversation that does not end");
	}
}

static void make_talk(struct talk *talk, struct random *random)
{
	int turns = (int)pick(random, 40);

	open_talk(talk, random);
	while (turns--) {
		enum end who = pick(random, 2) ? B : A;

		arrive_some(talk, who, random);
		say_something(talk, who, random);
	}
	close_talk(talk, random);
}

/* --- What is seen of it ----------------------------------------------------------------------- */

struct loss {
	const char *name;
	__u32 per_mille;
	__u32 burst; /* so many are unseen together, on average */
};

static void see_some(struct view *view, const struct talk *talk, const struct loss *loss,
		     struct random *random)
{
	bool unseen = false;

	view->count = 0;
	for (__u16 i = 0; i < talk->count; i++) {
		unseen = unseen && pick(random, loss->burst);
		if (!unseen)
			unseen = pick(random, 1000 * loss->burst) < loss->per_mille;
		if (!unseen)
			view->index[view->count++] = i;
	}
}

static bool has_seen(const struct talk *talk, const struct view *view, enum saying what)
{
	for (int i = 0; i < view->count; i++)
		if (talk->said[view->index[i]].what == what)
			return true;
	return false;
}

/* True: something of its end was seen, and holds. */
static bool ends(const struct loss *loss, int seed)
{
	struct random random = { .state = (__u64)seed * 1000003 + loss->per_mille + loss->burst };
	const struct observer observer = {
		.offer = { pick(&random, 2), pick(&random, 2), pick(&random, 2) },
		.both_directions = true,
		.mirrored = pick(&random, 2),
		.gap_ms = 1 + pick(&random, 400),
	};
	struct observation seen;
	struct talk talk;
	struct view view;
	enum sw_state a, b;

	make_talk(&talk, &random);
	see_some(&view, &talk, loss, &random);
	seen = observe(&talk, &view, &observer);
	must(!seen.wrong, "conversation %d: %s", seed, seen.wrong);
	if (!has_seen(&talk, &view, SAY_FIN) && !has_seen(&talk, &view, SAY_RST))
		return false;
	a = observed_state(&seen, &observer, A);
	b = observed_state(&seen, &observer, B);
	must((a != ESTABLISHED && b != ESTABLISHED) ||
		     sw_flow_gone(&seen.flow, seen.now + FIN_TIMEOUT),
	     "conversation %d: %s %s, which are %s %s", seed, state_name(a), state_name(b),
	     state_name(talk.end[A].state), state_name(talk.end[B].state));
	return true;
}

static void none_stays_established(void **state)
{
	const struct loss *loss = *state;
	int judged = 0;

	for (int i = 0; i < CONVERSATIONS; i++)
		judged += ends(loss, i);
	/* In bursts at 20 % one in eight shows nothing of its end. */
	must(judged > CONVERSATIONS * 4 / 5, "only %d show their end", judged);
}

int test_proof_loss(void)
{
	static const struct loss losses[] = {
		{ "1_percent_unseen", 10, 1 },   { "1_percent_unseen_in_bursts", 10, 5 },
		{ "5_percent_unseen", 50, 1 },   { "5_percent_unseen_in_bursts", 50, 5 },
		{ "20_percent_unseen", 200, 1 }, { "20_percent_unseen_in_bursts", 200, 5 },
	};
	struct CMUnitTest tests[COUNT(losses)];

	for (size_t i = 0; i < COUNT(losses); i++)
		tests[i] = (struct CMUnitTest){
			.name = losses[i].name,
			.test_func = none_stays_established,
			.initial_state = (void *)&losses[i],
		};
	return cmocka_run_group_tests_name("conversations with losses", tests, NULL, NULL);
}
