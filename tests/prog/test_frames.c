// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Whole frames through both hooks: they pass unaltered, are read as golden_frames.h says and counted once.
 * Then frames cut short, frames whose headers lie beyond the linear part, frames of many pages.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>

#include "tests/golden_frames.h"
#include "harness.h"
#include "names.h"
#include "prog.h"
#include "synward.skel.h"

/* Every counter but the one that stopped the frame, and those of a segment, stays as it was. */
static void check_counted(const struct golden *g, const struct sw_stats *stats)
{
	const __u64 *counts = (const __u64 *)stats;

	must(stats->frames == 1, "%s: %llu frames", g->name, stats->frames);
	must(stats->segments == (g->stop == SW_NONE), "%s: %llu segments", g->name,
	     stats->segments);
	for (unsigned int i = SW_NOT_IP; i <= SW_BAD_TCP; i++)
		must(counts[i] == (i == g->stop), "%s: %s counts %llu", g->name, counter_name(i),
		     counts[i]);
}

static void pass_frame(const struct golden *g, enum hook hook)
{
	struct sw_segment segment;
	struct outcome outcome;
	struct sw_stats stats;
	const char *wrong;

	harness_reset(NULL);
	if (!harness_frame(hook, g->bytes, g->size, START_NS, &segment, &outcome)) {
		must(hook == HOOK_TC && errno == EINVAL && g->size < 14 + 20,
		     "%s: the kernel does not run it: %s", g->name, strerror(errno));
		skip_because("the kernel runs no frame of %zu bytes at tc", g->size);
	}
	harness_stats(&stats);
	check_counted(g, &stats);
	if (g->stop) {
		must(outcome.reason == g->stop, "%s: %s, not %s", g->name,
		     counter_name(outcome.reason), counter_name(g->stop));
		must(!outcome.after.start_ns, "%s made a flow", g->name);
		return;
	}
	wrong = golden_differs(g, &segment);
	must(!wrong, "%s: %s was misread", g->name, wrong);
}

static void frame_passes_xdp(void **state)
{
	pass_frame(*state, HOOK_XDP);
}

static void frame_passes_tc(void **state)
{
	pass_frame(*state, HOOK_TC);
}

/* What the options are read as is what counts, not what is left behind them. */
static bool same_segment(const struct sw_segment *a, const struct sw_segment *b)
{
	return !memcmp(a, b, offsetof(struct sw_segment, options)) &&
	       !memcmp(a->options, b->options, a->option_bytes);
}

/* Cut anywhere, the frame is read in the kernel as in user space. */
static void cut_frame(const struct golden *g, enum hook hook, size_t least)
{
	harness_reset(NULL);
	for (size_t size = least; size < g->size; size++) {
		struct sw_segment expected, segment;
		enum sw_counter stop = frame_parse(g->bytes, size, size, &expected);
		struct outcome outcome;

		if (!harness_frame(hook, g->bytes, size, START_NS, &segment, &outcome)) {
			must(errno == EINVAL && size < 14 + 40, "%s: %zu bytes: %s", g->name, size,
			     strerror(errno));
			continue;
		}
		if (stop)
			must(outcome.reason == stop, "%s: %zu bytes: %s, not %s", g->name, size,
			     counter_name(outcome.reason), counter_name(stop));
		else
			must(same_segment(&segment, &expected), "%s: %zu bytes are misread",
			     g->name, size);
	}
}

static void frame_cut_at_xdp_is_read_within_bounds(void **state)
{
	cut_frame(*state, HOOK_XDP, 14);
}

static void frame_cut_at_tc_is_read_within_bounds(void **state)
{
	cut_frame(*state, HOOK_TC, 15);
}

static void headers_may_lie_beyond_the_linear_part(void **state)
{
	const struct golden *g = *state;
	struct sw_segment expected, segment;
	struct outcome outcome;

	harness_reset(NULL);
	frame_parse(g->bytes, g->size, g->size, &expected);
	for (size_t linear = 14; linear < g->size; linear++) {
		if (!harness_frame_split(g->bytes, g->size, linear, START_NS, &segment, &outcome)) {
			if (errno == EINVAL && linear == 14)
				skip_because("this kernel runs no frame with a short linear part");
			fail_msg("%s: %zu linear bytes: %s", g->name, linear, strerror(errno));
		}
		if (g->stop)
			must(outcome.reason == g->stop, "%s: %zu linear bytes: %s, not %s", g->name,
			     linear, counter_name(outcome.reason), counter_name(g->stop));
		else
			must(same_segment(&segment, &expected), "%s: %zu linear bytes are misread",
			     g->name, linear);
	}
}

/* --- Frames larger than a page ---------------------------------------------------------------- */

static void send_large(enum hook hook, __u32 length)
{
	struct sw_segment segment = { .window = 64240, .flags = SW_TCP_ACK, .seq = 7, .ack = 9 };
	struct outcome outcome;

	harness_key(&segment.key, 1);
	segment.length = length;
	harness_reset(NULL);
	harness_segment(hook, &segment, START_NS, &outcome);
	assert_int_equal(outcome.reason, SW_NONE);
	assert_int_equal(sw_endpoint_bytes(&outcome.after.ep[0]), length);
}

static void frame_of_many_pages_passes_xdp(void **state)
{
	(void)state;
	for (__u32 length = 3000; length < 14000; length += 997)
		send_large(HOOK_XDP, length);
}

static void frame_of_most_of_a_page_passes_tc(void **state)
{
	(void)state;
	send_large(HOOK_TC, 3000);
}

/* --- Forwarded frames ------------------------------------------------------------------------- */

static void send_forwarded(__u32 from)
{
	harness_forward(from, golden_frames[0].bytes, golden_frames[0].size, START_NS);
}

static void frame_counted_at_ingress_is_not_counted_at_egress(void **state)
{
	int fd = bpf_map__fd(harness_skeleton()->maps.sw_ifaces);
	__u32 ours = 7, egress_only = 8;
	struct sw_iface ingress = { .ingress = 1 }, none = { .egress = 1 };
	struct sw_stats stats;

	(void)state;
	harness_reset(NULL);
	must(!bpf_map_update_elem(fd, &ours, &ingress, 0), "sw_ifaces");
	must(!bpf_map_update_elem(fd, &egress_only, &none, 0), "sw_ifaces");
	send_forwarded(ours);
	send_forwarded(egress_only);
	send_forwarded(9);
	send_forwarded(0);
	bpf_map_delete_elem(fd, &ours);
	bpf_map_delete_elem(fd, &egress_only);
	harness_stats(&stats);
	assert_int_equal(stats.forwarded, 1);
	assert_int_equal(stats.frames, 3);
	assert_int_equal(stats.segments, 3);
}

static int run_over_frames(const char *name, CMUnitTestFunction test)
{
	static struct CMUnitTest tests[COUNT(golden_frames)];

	for (size_t i = 0; i < COUNT(golden_frames); i++)
		tests[i] = (struct CMUnitTest){
			.name = golden_frames[i].name,
			.test_func = test,
			.initial_state = (void *)&golden_frames[i],
		};
	return _cmocka_run_group_tests(name, tests, COUNT(tests), NULL, NULL);
}

int test_frames(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(frame_of_many_pages_passes_xdp),
		cmocka_unit_test(frame_of_most_of_a_page_passes_tc),
		cmocka_unit_test(frame_counted_at_ingress_is_not_counted_at_egress),
	};
	int failed = run_over_frames("frames at XDP", frame_passes_xdp);

	failed += run_over_frames("frames at tc", frame_passes_tc);
	failed += run_over_frames("frames cut at XDP", frame_cut_at_xdp_is_read_within_bounds);
	failed += run_over_frames("frames cut at tc", frame_cut_at_tc_is_read_within_bounds);
	failed += run_over_frames("frames split at XDP", headers_may_lie_beyond_the_linear_part);
	failed += cmocka_run_group_tests_name("large frames", tests, NULL, NULL);
	return failed;
}
