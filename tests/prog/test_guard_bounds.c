// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Frames cut short, frames whose headers lie beyond the linear part, frames of several pages.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <unistd.h>

#include "guarded.h"
#include "prog.h"

#define WANT_HANDSHAKES
#include "tests/golden_handshakes.h"

static const struct net_end server = { SERVER, PORT }, server6 = { SERVER6, PORT };
static struct passage passage;

static void set_up(const struct golden_handshake *g)
{
	struct sw_guard guard = guard_for(g);

	guard_reset(&guard, COOKIES_ALWAYS);
}

static bool is_reply(const struct golden_handshake *g)
{
	return passage.size == g->reply_size && !memcmp(passage.bytes, g->reply, g->reply_size);
}

static void frame_cut_anywhere_passes(void **state)
{
	const struct golden_handshake *g = *state;
	__u64 now = guard_time(g->epoch);

	set_up(g);
	for (size_t size = 14; size < g->syn_needed; size++) {
		guard_run(g->syn, size, now, &passage);
		must(passage.verdict == XDP_PASS, "%s: %zu bytes of the SYN: verdict %u", g->name,
		     size, passage.verdict);
		must(passage.outcome.reason, "%s: %zu bytes are a segment", g->name, size);
	}
	guard_run(g->syn, g->syn_needed, now, &passage);
	must(passage.verdict == XDP_TX && is_reply(g), "%s: padding is needed", g->name);
	for (size_t size = 14; size < g->ack_size; size++) {
		guard_run(g->ack, size, now, &passage);
		must(passage.verdict == XDP_PASS && !passage.hinted,
		     "%s: %zu bytes of the ACK: verdict %u", g->name, size, passage.verdict);
	}
	must(!harness_count(SW_COOKIES_ACCEPTED), "%s: a cookie in half an ACK", g->name);
}

/* A reply longer than its SYN needs room behind it, which the kernel may not have there. */
static bool no_room(const struct golden_handshake *g)
{
	return passage.verdict == XDP_DROP && passage.outcome.reason == SW_REPLY_FAILED &&
	       g->reply_size > g->syn_size;
}

static void headers_may_lie_beyond_the_linear_part(void **state)
{
	const struct golden_handshake *g = *state;
	__u64 now = guard_time(g->epoch);

	for (size_t linear = 14; linear < g->syn_size; linear++) {
		set_up(g);
		if (!harness_pass(HOOK_XDP, g->syn, g->syn_size, linear, now, &passage)) {
			if (errno == EINVAL && linear == 14)
				skip_because("this kernel runs no frame with a short linear part");
			fail_msg("%s: %zu linear bytes: %s", g->name, linear, strerror(errno));
		}
		must(no_room(g) || (passage.verdict == XDP_TX && is_reply(g)),
		     "%s: %zu linear bytes: verdict %u, %u bytes", g->name, linear, passage.verdict,
		     passage.size);
	}
	for (size_t linear = 14; linear < g->ack_size; linear++) {
		set_up(g);
		guard_run(g->syn, g->syn_size, now, &passage);
		must(harness_pass(HOOK_XDP, g->ack, g->ack_size, linear, now, &passage), "run: %s",
		     strerror(errno));
		must(passage.verdict == XDP_PASS && passage.hinted,
		     "%s: %zu linear bytes of the ACK: verdict %u", g->name, linear,
		     passage.verdict);
		must(passage.size == g->ack_size && !memcmp(passage.bytes, g->ack, g->ack_size),
		     "%s: %zu linear bytes of the ACK: altered", g->name, linear);
		must(harness_count(SW_COOKIES_ACCEPTED) == 1, "%s: not accepted", g->name);
	}
}

/* --- Several pages ---------------------------------------------------------------------------- */

static void syn_with_data_of_several_pages_is_answered_in_one_frame(void **state)
{
	(void)state;
	for (__u32 length = 1000; length < 14000; length += 1499) {
		struct client client = guard_client("192.0.2.1", 1024), once = client;
		struct sw_segment syn = client_syn(&client);
		static struct passage plain;
		__u8 frame[FRAME_MAX];

		guard_reset(&guard_usual, COOKIES_ALWAYS);
		guard_send(&syn, START_NS, &plain);
		guard_open(&once, START_NS);
		syn.length = length;
		guard_run(frame, frame_build(&syn, frame), START_NS, &passage);
		must(passage.verdict == XDP_TX, "%u bytes: verdict %u", length, passage.verdict);
		must(passage.size == plain.size && !memcmp(passage.bytes, plain.bytes, plain.size),
		     "%u bytes: another reply", length);
	}
}

static void ack_with_data_of_several_pages_opens_its_flow(void **state)
{
	(void)state;
	for (__u32 length = 1000; length < 14000; length += 1499) {
		struct client client = guard_client("192.0.2.1", 1024);
		struct sw_segment ack;
		struct sw_flow flow;

		guard_reset(&guard_usual, COOKIES_ALWAYS);
		guard_open(&client, START_NS);
		ack = client_ack(&client);
		ack.length = length;
		guard_send(&ack, START_NS, &passage);
		must(passage.verdict == XDP_PASS && passage.hinted, "%u bytes: verdict %u", length,
		     passage.verdict);
		assert_int_equal(harness_find(&ack.key, &flow), PLACE_FLOWS);
		assert_int_equal(sw_endpoint_bytes(&flow.ep[ack.sender]), length);
	}
}

int test_guard_bounds(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(syn_with_data_of_several_pages_is_answered_in_one_frame),
		cmocka_unit_test(ack_with_data_of_several_pages_opens_its_flow),
	};
	int fd = net_listen(&server, 5), fd6 = net_listen(&server6, 5), failed;

	failed = run_table("guarded frames cut", frame_cut_anywhere_passes, golden_handshakes,
			   sizeof(golden_handshakes[0]), COUNT(golden_handshakes));
	failed += run_table("guarded frames split", headers_may_lie_beyond_the_linear_part,
			    golden_handshakes, sizeof(golden_handshakes[0]),
			    COUNT(golden_handshakes));
	failed += cmocka_run_group_tests_name("large guarded frames", tests, NULL, NULL);
	close(fd);
	close(fd6);
	return failed;
}
