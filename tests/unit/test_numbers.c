// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What needs more than a scenario: sequence arithmetic at its edges, connections of many gigabytes,
 * the time-out of every state, when a flow has proved live.
 */
#include "check.h"
#include "names.h"
#include "table.h"
#include "unit.h"

#define NOW (50 * SW_NS_PER_S)

static void after_is_a_signed_distance(void **state)
{
	(void)state;
	assert_true(sw_seq_after(1, 0));
	assert_false(sw_seq_after(0, 0));
	assert_false(sw_seq_after(0, 1));
	assert_true(sw_seq_after(0, 0xffffffff));
	assert_false(sw_seq_after(0xffffffff, 0));
	assert_true(sw_seq_after(0x7fffffff, 0));
	assert_true(sw_seq_after(0x80000000, 1));
	assert_false(sw_seq_after(0, 0x7fffffff));
}

static void between_includes_both_edges(void **state)
{
	(void)state;
	assert_true(sw_seq_between(5, 5, 9));
	assert_true(sw_seq_between(5, 9, 9));
	assert_false(sw_seq_between(5, 4, 9));
	assert_false(sw_seq_between(5, 10, 9));
	assert_true(sw_seq_between(0xfffffffe, 1, 3));
	assert_true(sw_seq_between(0xfffffffe, 0xffffffff, 3));
	assert_false(sw_seq_between(0xfffffffe, 4, 3));
	assert_true(sw_seq_between(7, 7, 7));
	assert_false(sw_seq_between(7, 8, 7));
}

/* --- Connections of many gigabytes ------------------------------------------------------------ */

#define GIGA         1000000000U
#define WIDEST_SCALE 14

struct talk {
	struct table table;
	struct sw_segment segment; /* the next one, key and sender set */
	struct outcome outcome;
	__u64 now;
};

static void send_from(struct talk *talk, int sender, __u8 flags, __u32 seq, __u32 ack, __u32 length)
{
	struct sw_segment *s = &talk->segment;

	s->sender = (__u8)sender;
	s->flags = flags;
	s->seq = seq;
	s->ack = ack;
	s->length = length;
	s->window = 65535;
	s->has_wscale = !!(flags & SW_TCP_SYN);
	s->wscale = WIDEST_SCALE;
	table_apply(&talk->table, s, talk->now, &talk->outcome);
	must(talk->outcome.reason == SW_NONE, "%s at seq %u", counter_name(talk->outcome.reason),
	     seq);
}

static void begin_talk(struct talk *talk, __u32 isn, __u32 isn_b)
{
	struct sw_config config = SW_CONFIG_DEFAULT;

	config.configured = config.both_directions = 1;
	memset(talk, 0, sizeof(*talk));
	talk->now = NOW;
	talk->segment.key.port[0] = 40000;
	talk->segment.key.port[1] = 80;
	table_init(&talk->table, &config);
	send_from(talk, 0, SW_TCP_SYN, isn, 0, 0);
	send_from(talk, 1, SW_TCP_SYN | SW_TCP_ACK, isn_b, isn + 1, 0);
	send_from(talk, 0, SW_TCP_ACK, isn + 1, isn_b + 1, 0);
	send_from(talk, 1, SW_TCP_ACK, isn_b + 1, isn + 1, 0);
}

static const __u32 isns[] = { 0, 1, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, 3000000000U };

static void bytes_are_counted_beyond_four_gigabytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(isns); i++) {
		const struct sw_endpoint *a;
		struct talk talk;
		__u32 next = isns[i] + 1;

		begin_talk(&talk, isns[i], 77);
		a = &talk.outcome.after.ep[0];
		for (__u64 sent = GIGA; sent <= 23ULL * GIGA; sent += GIGA) {
			send_from(&talk, 0, SW_TCP_ACK, next, 78, GIGA);
			assert_int_equal(sw_endpoint_bytes(a), sent);
			next += GIGA;
			send_from(&talk, 1, SW_TCP_ACK, 78, next, 0);
			assert_int_equal(sw_endpoint_bytes(a), sent);
		}
		send_from(&talk, 0, SW_TCP_FIN | SW_TCP_ACK, next, 78, 0);
		assert_int_equal(a->state, FIN_WAIT_1);
		assert_int_equal(sw_endpoint_bytes(a), 23ULL * GIGA);
		assert_int_equal(sw_endpoint_bytes(&talk.outcome.after.ep[1]), 0);
	}
}

static void hole_across_the_wrap_is_filled(void **state)
{
	(void)state;
	for (__u32 back = 0; back < 400; back++) {
		__u32 isn = -back;
		struct talk talk;

		begin_talk(&talk, isn, isn);
		send_from(&talk, 0, SW_TCP_FIN | SW_TCP_ACK, isn + 201, isn + 1, 100);
		assert_int_equal(talk.outcome.after.ep[0].state, ESTABLISHED);
		send_from(&talk, 0, SW_TCP_ACK, isn + 101, isn + 1, 100);
		assert_int_equal(talk.outcome.after.ep[0].state, ESTABLISHED);
		send_from(&talk, 0, SW_TCP_ACK, isn + 1, isn + 1, 100);
		assert_int_equal(talk.outcome.after.ep[0].state, FIN_WAIT_1);
		assert_int_equal(sw_endpoint_bytes(&talk.outcome.after.ep[0]), 300);
	}
}

/* --- Time-outs -------------------------------------------------------------------------------- */

/* L1 */
static void defaults_are_those_of_the_state_model(void **state)
{
	static const struct sw_config config = SW_CONFIG_DEFAULT;
	static const __u32 seconds[SW_STATES] = {
		[CLOSED] = 0,       [LISTEN] = 60,          [SYN_SENT] = 60,
		[SYN_RCVD] = 60,    [ESTABLISHED] = 432000, [FIN_WAIT_1] = 120,
		[FIN_WAIT_2] = 120, [CLOSE_WAIT] = 43200,   [CLOSING] = 60,
		[LAST_ACK] = 60,    [TIME_WAIT] = 60,
	};

	(void)state;
	for (int i = 0; i < SW_STATES; i++)
		assert_int_equal(config.timeout.ms[i], seconds[i] * 1000);
	assert_int_equal(config.both_directions, 0);
	assert_int_equal(config.configured, 0);
}

/* SYN_RCVD and an unanswered FIN shorten the life of a flow, whatever its other end is in. */
static bool is_shortened(enum sw_state which, enum sw_state a, enum sw_state b)
{
	return ((a == SYN_RCVD || b == SYN_RCVD) && which != SYN_RCVD) ||
	       ((a == FIN_WAIT_1 || b == FIN_WAIT_1) && which != FIN_WAIT_1);
}

/* A deadline must be that of the one state whose time-out is not zero. */
static void expect_timeout_of(enum sw_state which, enum sw_state a, enum sw_state b)
{
	struct sw_config config = { .both_directions = 1 };
	struct sw_segment segment = { .sender = 0 };
	struct sw_flow flow = { .ep = { { .state = a, .seen = 1 }, { .state = b, .seen = 1 } } };
	__u64 linger = a == CLOSED && b == CLOSED ? SW_CLOSED_LINGER_MS * SW_NS_PER_MS : 0;
	__u64 left = which == a || which == b ? 4321 * SW_NS_PER_MS : linger;

	config.timeout.ms[which] = 4321;
	if (is_shortened(which, a, b))
		left = 0;
	sw_set_deadline(&flow, &segment, NOW, &config);
	must(flow.deadline_ns == NOW + left, "%s %s: the time-out of %s counts wrongly",
	     state_name(a), state_name(b), state_name(which));
}

/* L1, L2 */
static void time_out_of_every_state_is_settable(void **state)
{
	(void)state;
	for (unsigned int which = 0; which < SW_STATES; which++)
		for (unsigned int a = 0; a < SW_STATES; a++)
			for (unsigned int b = 0; b < SW_STATES; b++)
				expect_timeout_of(which, a, b);
}

static void time_out_may_be_as_long_as_its_field(void **state)
{
	struct sw_config config = {
		.both_directions = 1,
		.timeout.ms[ESTABLISHED] = 0xffffffff,
	};
	struct sw_segment segment = { .sender = 0 };
	struct sw_flow flow = { .ep = { { .state = ESTABLISHED, .seen = 1 },
					{ .state = ESTABLISHED, .seen = 1 } } };

	(void)state;
	sw_set_deadline(&flow, &segment, NOW, &config);
	assert_int_equal(flow.deadline_ns, NOW + 4294967295000000ULL);
	assert_int_equal(flow.timeout_ms, 0xffffffff);
}

static void self_connection_has_one_time_out(void **state)
{
	struct sw_config config = {
		.both_directions = 1,
		.timeout.ms = { [CLOSED] = 5000, [TIME_WAIT] = 100 },
	};
	struct sw_segment segment = { .self = 1 };
	struct sw_flow flow = { .ep = { { .state = TIME_WAIT, .seen = 1 } } };

	(void)state;
	sw_set_deadline(&flow, &segment, NOW, &config);
	assert_int_equal(flow.deadline_ns, NOW + 100 * SW_NS_PER_MS);
}

/* L5 */
static void flow_is_gone_from_its_deadline_on(void **state)
{
	struct sw_flow flow = { .deadline_ns = NOW, .ep = { { .state = TIME_WAIT } } };
	const struct sw_flow nothing = { 0 };

	(void)state;
	assert_false(sw_flow_gone(&flow, NOW - 1));
	assert_true(sw_flow_gone(&flow, NOW));
	assert_true(sw_flow_gone(&nothing, NOW));
}

/* L6: the SYN alone says nothing of who listens. */
static void end_that_was_never_heard_keeps_no_flow_alive(void **state)
{
	struct sw_config config = { .both_directions = 1, .timeout.ms = { [LISTEN] = 9000 } };
	struct sw_segment segment = { .sender = 0 };
	struct sw_flow flow = { .ep = { { .state = SYN_SENT, .seen = 1 }, { .state = LISTEN } } };

	(void)state;
	sw_set_deadline(&flow, &segment, NOW, &config);
	assert_int_equal(flow.deadline_ns, NOW);
	flow.ep[1].seen = true;
	sw_set_deadline(&flow, &segment, NOW, &config);
	assert_int_equal(flow.deadline_ns, NOW + 9 * SW_NS_PER_S);
}

static void flow_that_has_moved_away_is_not_here(void **state)
{
	struct sw_flow flow = { .deadline_ns = NOW, .ep = { { .state = ESTABLISHED } } };

	(void)state;
	assert_true(sw_flow_here(&flow, NOW - 1));
	assert_false(sw_flow_here(&flow, NOW));
	flow.moved = true;
	assert_false(sw_flow_here(&flow, NOW - 1));
	assert_false(sw_flow_gone(&flow, NOW - 1));
}

/* "CLOSED at once", but for what was under way when it closed (L6). */
static void closed_flow_is_gone_after_a_second(void **state)
{
	struct sw_config config = SW_CONFIG_DEFAULT;
	struct sw_segment segment = { .sender = 0 };
	struct sw_flow flow = { .ep = { { .seen = 1 }, { .seen = 1 } } };

	(void)state;
	config.both_directions = 1;
	sw_set_deadline(&flow, &segment, NOW, &config);
	assert_false(sw_flow_gone(&flow, NOW + SW_NS_PER_S - 1));
	assert_true(sw_flow_gone(&flow, NOW + SW_NS_PER_S));
	config.timeout.closed = 5000;
	sw_set_deadline(&flow, &segment, NOW, &config);
	assert_false(sw_flow_gone(&flow, NOW + 5 * SW_NS_PER_S - 1));
	assert_true(sw_flow_gone(&flow, NOW + 5 * SW_NS_PER_S));
}

/* --- Who may leave sw_halfopen ---------------------------------------------------------------- */

static bool proved(enum sw_state a, bool seen_a, enum sw_state b, bool seen_b, bool both)
{
	struct sw_config config = { .both_directions = both };
	struct sw_segment segment = { .sender = 0 };
	struct sw_flow flow = { .ep = { { .state = a, .seen = seen_a },
					{ .state = b, .seen = seen_b } } };

	return sw_flow_proved(&flow, &segment, &config);
}

static void flow_is_proved_by_both_ends(void **state)
{
	(void)state;
	assert_true(proved(ESTABLISHED, true, ESTABLISHED, true, true));
	assert_true(proved(FIN_WAIT_2, true, CLOSE_WAIT, true, true));
	assert_false(proved(ESTABLISHED, true, ESTABLISHED, false, true));
	assert_false(proved(ESTABLISHED, false, ESTABLISHED, true, true));
	assert_false(proved(SYN_SENT, true, SYN_RCVD, true, true));
	assert_false(proved(ESTABLISHED, true, SYN_RCVD, true, true));
	assert_false(proved(SYN_SENT, true, LISTEN, false, false));
	assert_true(proved(ESTABLISHED, true, ESTABLISHED, false, false));
}

/* Each end has said two true segments (a, b); where each was heard; are both directions seen? */
static bool picked_up_is_proved(bool a, bool b, __u8 place_a, __u8 place_b, bool both)
{
	struct sw_config config = { .both_directions = both };
	struct sw_segment segment = { .sender = 0 };
	struct sw_flow flow = {
		.midstream = 1,
		.said = { a ? SW_SAID_STEADY : 0, b ? SW_SAID_STEADY : 0 },
		.ep = { { .state = ESTABLISHED, .seen = 1, .place = place_a },
			{ .state = ESTABLISHED, .seen = 1, .place = place_b } },
	};

	return sw_flow_proved(&flow, &segment, &config);
}

/* L3 */
static void picked_up_flow_is_proved_by_two_segments_of_each_end(void **state)
{
	__u8 in = sw_place_of_ingress(2), other = sw_place_of_ingress(3);

	(void)state;
	assert_true(picked_up_is_proved(true, true, in, SW_PLACE_EGRESS, true));
	assert_true(picked_up_is_proved(true, true, in, other, true));
	assert_true(picked_up_is_proved(true, true, SW_PLACE_UNKNOWN, SW_PLACE_UNKNOWN, true));
	assert_false(picked_up_is_proved(true, true, in, in, true));
	assert_false(picked_up_is_proved(true, false, in, SW_PLACE_EGRESS, true));
	assert_false(picked_up_is_proved(false, true, in, SW_PLACE_EGRESS, true));
	assert_false(picked_up_is_proved(false, false, in, SW_PLACE_EGRESS, true));
	assert_true(picked_up_is_proved(true, false, in, SW_PLACE_UNKNOWN, false));
	assert_false(picked_up_is_proved(false, false, in, SW_PLACE_UNKNOWN, false));
}

int test_numbers(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(after_is_a_signed_distance),
		cmocka_unit_test(between_includes_both_edges),
		cmocka_unit_test(bytes_are_counted_beyond_four_gigabytes),
		cmocka_unit_test(hole_across_the_wrap_is_filled),
		cmocka_unit_test(defaults_are_those_of_the_state_model),
		cmocka_unit_test(time_out_of_every_state_is_settable),
		cmocka_unit_test(time_out_may_be_as_long_as_its_field),
		cmocka_unit_test(self_connection_has_one_time_out),
		cmocka_unit_test(flow_is_gone_from_its_deadline_on),
		cmocka_unit_test(end_that_was_never_heard_keeps_no_flow_alive),
		cmocka_unit_test(flow_that_has_moved_away_is_not_here),
		cmocka_unit_test(closed_flow_is_gone_after_a_second),
		cmocka_unit_test(flow_is_proved_by_both_ends),
		cmocka_unit_test(picked_up_flow_is_proved_by_two_segments_of_each_end),
	};

	return cmocka_run_group_tests_name("numbers", tests, NULL, NULL);
}
