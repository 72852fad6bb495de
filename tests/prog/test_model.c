// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The state model in the kernel: the same scenarios and vectors as in user space, and random
 * segments that must leave the same bytes in both.
 */
#include <errno.h>

#include "frame.h"
#include "harness.h"
#include "names.h"
#include "prog.h"
#include "scenarios.h"
#include "sound.h"
#include "stir.h"
#include "vectors.h"

/* The tracker in user space, beside which the programs run. */
static struct table beside;

static void reset(void *context, const struct sw_config *config)
{
	(void)context;
	table_init(&beside, config);
	harness_reset(config);
}

static void check_same(const struct outcome *kernel, const struct outcome *user)
{
	must(kernel->reason == user->reason, "%s in the kernel, %s in user space",
	     counter_name(kernel->reason), counter_name(user->reason));
	must(!memcmp(&kernel->before, &user->before, sizeof(user->before)),
	     "the record before the segment is not the same in the kernel");
	must(!memcmp(&kernel->after, &user->after, sizeof(user->after)),
	     "the record after the segment is not the same in the kernel");
}

/* The record lies in one map, in sw_flows once it has been proved live, as the step left it. */
static void check_kept(const struct sw_segment *segment, const struct outcome *outcome)
{
	struct sw_flow kept;
	enum place place = harness_find(&segment->key, &kept);

	if (!outcome->after.start_ns) {
		must(place == PLACE_NOWHERE, "a record of no flow");
		return;
	}
	must(place == PLACE_FLOWS || place == PLACE_HALFOPEN, "the record lies in %d maps",
	     place == PLACE_BOTH ? 2 : 0);
	must(place == PLACE_FLOWS || !sw_flow_proved(&kept, segment, &beside.config),
	     "a flow that has been proved live is left among the half-open");
	must(!memcmp(&kept, &outcome->after, sizeof(kept)), "the record kept is not that one");
}

static void apply(void *context, const struct sw_segment *segment, __u64 now,
		  struct outcome *outcome)
{
	struct outcome user;

	(void)context;
	harness_segment(segment->sender ? HOOK_TC : HOOK_XDP, segment, now, outcome);
	table_apply(&beside, segment, now, &user);
	check_same(outcome, &user);
	check_kept(segment, outcome);
}

static void run_scenario(void **state)
{
	const struct backend backend = { reset, apply, NULL };

	scenario_run_all(*state, &backend);
}

/* --- Vectors ---------------------------------------------------------------------------------- */

static void take_frame(void *context, const __u8 *bytes, size_t size, __u64 now,
		       struct sw_segment *segment, struct outcome *outcome)
{
	const enum hook *hook = context;

	must(harness_frame(*hook, bytes, size, now, segment, outcome),
	     "the kernel does not run a frame of %zu bytes: %s", size, strerror(errno));
}

static bool find(void *context, const struct sw_flow_key *key, struct sw_flow *flow)
{
	enum place place = harness_find(key, flow);

	(void)context;
	return place == PLACE_FLOWS || place == PLACE_HALFOPEN;
}

static void vector_at_xdp(void **state)
{
	enum hook hook = HOOK_XDP;
	const struct frame_backend backend = { reset, take_frame, find, &hook };

	vector_run(*state, &backend);
}

static void vector_at_tc(void **state)
{
	enum hook hook = HOOK_TC;
	const struct frame_backend backend = { reset, take_frame, find, &hook };

	vector_run(*state, &backend);
}

/* --- Random segments -------------------------------------------------------------------------- */

#define RANDOM_FLOWS    1500
#define RANDOM_SEGMENTS 40

static __u32 random_word(__u32 *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static void begin_random(struct sw_segment *segment, __u32 way)
{
	struct sw_config config = SW_CONFIG_DEFAULT;

	memset(segment, 0, sizeof(*segment));
	harness_key(&segment->key, way);
	if (way & 1)
		segment->key.addr[0][0] = segment->key.addr[1][0] = 0x20; /* IPv6 then */
	if (way % 8 == 7) {
		memcpy(segment->key.addr[1], segment->key.addr[0], 16);
		segment->key.port[1] = segment->key.port[0];
		segment->self = 1;
	}
	config.configured = 1;
	config.both_directions = !!(way & 2);
	reset(NULL, &config);
}

static void same_random_segments(__u32 way, __u32 *seed)
{
	struct outcome outcome = { .reason = SW_NONE };
	struct sw_segment segment;
	__u64 now = START_NS;

	begin_random(&segment, way);
	for (int i = 0; i < RANDOM_SEGMENTS; i++) {
		__u32 words[STIR_BYTES / 4];
		const char *wrong;

		for (size_t word = 0; word < COUNT(words); word++)
			words[word] = random_word(seed);
		now += stir_wait((const __u8 *)words);
		stir_segment((const __u8 *)words, &outcome.after, &segment);
		apply(NULL, &segment, now, &outcome);
		wrong = outcome.after.start_ns ? flow_unsound(&outcome.after, segment.self) : NULL;
		must(!wrong, "%s", wrong);
	}
}

static void random_segments_leave_the_same_bytes(void **state)
{
	__u32 seed = 20231114;

	(void)state;
	for (__u32 way = 0; way < RANDOM_FLOWS; way++)
		same_random_segments(way, &seed);
}

int test_model(void)
{
	static const struct scenario_group *const groups[] = SCENARIO_GROUPS;
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_segments_leave_the_same_bytes),
	};
	int failed = 0;

	for (size_t i = 0; i < COUNT(groups); i++)
		failed += scenario_group_run(groups[i], run_scenario);
	failed += vectors_run("vectors at XDP", vector_at_xdp);
	failed += vectors_run("vectors at tc", vector_at_tc);
	failed += cmocka_run_group_tests_name("random segments", tests, NULL, NULL);
	return failed;
}
