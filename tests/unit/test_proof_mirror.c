// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A million random segments: which endpoint is the first of the key makes no difference, and header
 * prediction comes to the same as the whole step. (That the programs come to the same as the model is
 * tests/prog/test_model.c's.)
 */
#include "check.h"
#include "names.h"
#include "proof.h"
#include "sound.h"
#include "stir.h"
#include "unit.h"

#define SEGMENTS 1000000
#define FLOW     50 /* segments of one flow, on average */

struct random {
	__u64 state;
};

static __u8 draw(struct random *random)
{
	random->state = random->state * 6364136223846793005 + 1442695040888963407;
	return (__u8)(random->state >> 56);
}

/* What lies in a place that is not in use means nothing. */
static struct sw_flow without_remains(const struct sw_flow *flow)
{
	struct sw_flow clean = *flow;

	if (!flow->claim_kind)
		clean.claim_by = 0;
	if (!flow->reset)
		clean.reset_by = 0;
	for (int place = 0; place < 2 && !flow->claim_kind; place++)
		if (!flow->early[place].length) {
			clean.early[place].begin = 0;
			clean.early_of &= (__u8) ~(1U << place) & 3;
		}
	return clean;
}

static struct sw_flow mirror(const struct sw_flow *flow)
{
	struct sw_flow clean = without_remains(flow), other = clean;

	for (int end = 0; end < 2; end++) {
		other.ep[end] = clean.ep[!end];
		other.said[end] = clean.said[!end];
	}
	other.originator = !clean.originator;
	if (clean.reset)
		other.reset_by = !clean.reset_by;
	if (clean.claim_kind) {
		other.claim_by = !clean.claim_by;
		return other;
	}
	other.early_of = 0;
	for (int place = 0; place < 2; place++) {
		other.early[place] = clean.early[!place];
		if (other.early[place].length && !(clean.early_of >> !place & 1))
			other.early_of |= (__u8)(1U << place) & 3;
	}
	return other;
}

static void expect_same(const struct sw_flow *flow, const struct sw_flow *mirrored, int nth)
{
	struct sw_flow one = without_remains(flow), other = mirror(mirrored);

	must(!memcmp(&one, &other, sizeof(one)), "segment %d: %s %s, and mirrored %s %s", nth,
	     state_name(one.ep[0].state), state_name(one.ep[1].state),
	     state_name(other.ep[0].state), state_name(other.ep[1].state));
}

static void predict(const struct sw_flow *before, const struct sw_flow *after,
		    const struct sw_segment *segment, enum sw_counter reason, __u64 now,
		    const struct sw_config *config)
{
	const char *wrong = prediction_unsound(before, after, segment, reason, now, config);

	must(!wrong, "%s", wrong);
}

static void which_end_is_first_makes_no_difference(void **state)
{
	struct sw_config config = SW_CONFIG_DEFAULT;
	struct sw_flow flow = { 0 }, mirrored = { 0 };
	struct random random = { .state = 1 };
	__u64 now = SW_NS_PER_S;
	int taken = 0;

	(void)state;
	for (int i = 0; i < SEGMENTS; i++) {
		struct sw_segment segment = { 0 };
		struct sw_flow before;
		enum sw_counter reason;
		__u8 bytes[STIR_BYTES];

		if (draw(&random) < 256 / FLOW) {
			flow = mirrored = (struct sw_flow){ 0 };
			config.both_directions = draw(&random) & 1;
		}
		for (int byte = 0; byte < STIR_BYTES; byte++)
			bytes[byte] = draw(&random);
		now += stir_wait(bytes);
		stir_segment(bytes, &flow, &segment);
		if (!flow.start_ns && sw_may_open(&segment))
			continue;
		before = flow;
		reason = proof_step(&flow, &segment, now, &config);
		predict(&before, &flow, &segment, reason, now, &config);
		segment.sender ^= 1;
		must(proof_step(&mirrored, &segment, now, &config) == reason,
		     "segment %d: %s, and another reason mirrored", i, counter_name(reason));
		expect_same(&flow, &mirrored, i);
		taken += !reason;
	}
	must(taken > SEGMENTS / 6, "only %d segments were taken", taken);
}

int test_proof_mirror(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(which_end_is_first_makes_no_difference),
	};

	return cmocka_run_group_tests_name("mirror symmetry", tests, NULL, NULL);
}
