// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The parsers, over the frames of golden_frames.h: whole, cut at every byte, with random bytes changed.
 */
#include "check.h"
#include "tests/golden_frames.h"
#include "names.h"
#include "unit.h"

static void frame_is_read_whole(void **state)
{
	const struct golden *g = *state;
	struct sw_segment segment;
	enum sw_counter stop = frame_parse(g->bytes, g->size, g->size, &segment);
	const char *wrong;

	must(stop == g->stop, "%s: %s, not %s", g->name, counter_name(stop), counter_name(g->stop));
	if (stop)
		return;
	wrong = golden_differs(g, &segment);
	must(!wrong, "%s: %s was misread", g->name, wrong);
}

/* Of a segment that is neither SYN nor FIN, too; there or not, the rest stays as it was read. */
static void options_are_read_when_asked_for(void **state)
{
	const struct golden *g = *state;
	struct sw_segment first, segment;
	enum sw_counter stop = frame_parse_options(g->bytes, g->size, g->size, &segment);
	const char *wrong;

	must(stop == g->stop, "%s: %s, not %s", g->name, counter_name(stop), counter_name(g->stop));
	if (stop)
		return;
	wrong = golden_options_differ(g, &segment);
	must(!wrong, "%s: %s was misread", g->name, wrong);
	frame_parse(g->bytes, g->size, g->size, &first);
	must(!memcmp(&first, &segment, offsetof(struct sw_segment, tsval)), "%s: it has changed",
	     g->name);
	must(g->late || !memcmp(&first, &segment, sizeof(first)), "%s: read otherwise", g->name);
	for (size_t size = 0; size < g->size; size++) {
		stop = frame_parse_options(g->bytes, size, g->size, &first);
		must(stop == SW_TRUNCATED || (!stop && !memcmp(&first, &segment, sizeof(first))),
		     "%s: %zu bytes are misread", g->name, size);
	}
}

/* The bytes in hand end early: the answer is that they do, or the same as for all of them. */
static void bytes_in_hand_may_end_anywhere(void **state)
{
	const struct golden *g = *state;
	struct sw_segment all, part;
	bool had_enough = false;

	frame_parse(g->bytes, g->size, g->size, &all);
	for (size_t size = 0; size <= g->size; size++) {
		enum sw_counter stop = frame_parse(g->bytes, size, g->size, &part);

		if (stop == SW_TRUNCATED) {
			must(!had_enough, "%s: %zu bytes are too few, less were enough", g->name,
			     size);
			continue;
		}
		had_enough = true;
		must(stop == g->stop, "%s: %zu bytes: %s, not %s", g->name, size,
		     counter_name(stop), counter_name(g->stop));
		must(stop || !memcmp(&all, &part, sizeof(all)), "%s: %zu bytes are misread",
		     g->name, size);
	}
	must(had_enough, "%s: all bytes are too few", g->name);
}

/* The frame itself ends early: it is malformed, or all that is missing is padding. */
static void frame_may_end_anywhere(void **state)
{
	const struct golden *g = *state;
	struct sw_segment all, part;

	if (g->whole)
		return; /* then a shorter frame is a shorter segment */
	frame_parse(g->bytes, g->size, g->size, &all);
	for (size_t size = 0; size < g->size; size++) {
		enum sw_counter stop = frame_parse(g->bytes, size, size, &part);

		if (stop == SW_TRUNCATED || stop == SW_BAD_IP || stop == SW_BAD_TCP)
			continue;
		must(stop == g->stop, "%s: %zu bytes: %s, not %s", g->name, size,
		     counter_name(stop), counter_name(g->stop));
		must(stop || !memcmp(&all, &part, sizeof(all)), "%s: %zu bytes are misread",
		     g->name, size);
	}
}

static __u32 next_random(__u32 *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* A sanitizer watches: whatever the bytes are, none beyond them is read. */
static void changed_bytes_are_read_within_bounds(void **state)
{
	const struct golden *g = *state;
	__u32 seed = 1 + (__u32)g->size;

	for (int turn = 0; turn < 2000; turn++) {
		struct sw_segment segment;
		__u8 bytes[2048];
		size_t size;

		memcpy(bytes, g->bytes, g->size);
		for (int change = 0; change <= turn % 4; change++)
			bytes[next_random(&seed) % g->size] = (__u8)next_random(&seed);
		size = turn % 3 ? g->size : next_random(&seed) % (g->size + 1);
		if (frame_parse_options(bytes, size, size, &segment))
			continue;
		assert_in_range(segment.length, 0, size);
		assert_in_range(segment.wscale, 0, 14);
		assert_in_range(segment.option_bytes, 0, 40);
		assert_in_range(segment.sender, 0, 1);
	}
}

static void built_frame_is_read_back(void **state)
{
	static const __u8 v4[16] = { [10] = 0xff, 0xff, 10, 0, 0, 1 };
	static const __u8 v6[16] = { 0x20, 0x01, [15] = 9 };

	(void)state;
	for (int way = 0; way < 16; way++) {
		struct sw_segment out, in = {
			.key.port = { 1000, 2000 },
			.seq = 0x01020304,
			.ack = 0xfffefdfc,
			.length = way & 8 ? 0 : 301,
			.window = 4321,
			.flags = SW_TCP_SYN | SW_TCP_ACK,
			.sender = way & 1,
			.has_wscale = !!(way & 2),
			.wscale = way & 2 ? 5 : 0,
			.has_tsval = !!(way & 2),
			.tsval = way & 2 ? 0x55667788 : 0,
		};
		__u8 frame[FRAME_MAX];
		size_t size;

		memcpy(in.key.addr[0], way & 4 ? v4 : v6, 16);
		memcpy(in.key.addr[1], way & 4 ? v4 : v6, 16);
		size = frame_build(&in, frame);
		assert_int_equal(frame_parse(frame, size, size, &out), SW_NONE);
		assert_int_equal(out.option_bytes, way & 2 ? 16 : 0);
		out.option_bytes = out.option_at = 0;
		memset(out.options, 0, sizeof(out.options));
		assert_memory_equal(&in, &out, sizeof(in));
	}
}

static int run_over_frames(const char *name, CMUnitTestFunction test)
{
	struct CMUnitTest tests[COUNT(golden_frames)];

	for (size_t i = 0; i < COUNT(golden_frames); i++)
		tests[i] = (struct CMUnitTest){
			.name = golden_frames[i].name,
			.test_func = test,
			.initial_state = (void *)&golden_frames[i],
		};
	return _cmocka_run_group_tests(name, tests, COUNT(tests), NULL, NULL);
}

int test_parse(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(built_frame_is_read_back),
	};
	int failed = cmocka_run_group_tests_name("frames built", tests, NULL, NULL);

	failed += run_over_frames("frames", frame_is_read_whole);
	failed += run_over_frames("options", options_are_read_when_asked_for);
	failed += run_over_frames("bytes in hand cut", bytes_in_hand_may_end_anywhere);
	failed += run_over_frames("frames cut", frame_may_end_anywhere);
	failed += run_over_frames("frames changed", changed_bytes_are_read_within_bounds);
	return failed;
}
