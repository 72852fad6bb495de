// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Header prediction: which segments take the short cut, and which must not. That it comes to the same
 * as the whole step is held against every step of every other test, see prediction_unsound().
 */
#include "check.h"
#include "sound.h"
#include "step.h"
#include "unit.h"

#define NOW  (1000 * SW_NS_PER_S)
#define A    1000 /* ISNs */
#define B    5000
#define SENT 100 /* bytes that each end has sent, and the other has acknowledged */

static const struct sw_config settings = {
	.both_directions = 1,
	.timeout.ms = { SW_TIMEOUTS(SW_TIMEOUT_DEFAULT) },
};

static struct sw_segment segment_of(int sender, __u8 flags, __u32 seq, __u32 ack, __u32 length)
{
	return (struct sw_segment){
		.sender = (__u8)sender,
		.flags = flags,
		.seq = (sender ? B : A) + seq,
		.ack = flags & SW_TCP_ACK ? (sender ? A : B) + ack : 0,
		.length = length,
		.window = 1000,
	};
}

static void take(struct sw_flow *flow, const struct sw_segment *segment)
{
	assert_int_equal(flow_step(flow, segment, NOW, &settings), SW_NONE);
}

static void take_one(struct sw_flow *flow, int sender, __u8 flags, __u32 seq, __u32 ack,
		     __u32 length)
{
	struct sw_segment segment = segment_of(sender, flags, seq, ack, length);

	take(flow, &segment);
}

/* Both ends have sent SENT bytes since their SYNs, and each has acknowledged what came. */
static struct sw_flow established(void)
{
	struct sw_flow flow = { 0 };

	take_one(&flow, 0, SW_TCP_SYN, 0, 0, 0);
	take_one(&flow, 1, SW_TCP_SYN | SW_TCP_ACK, 0, 1, 0);
	take_one(&flow, 0, SW_TCP_ACK, 1, 1, SENT);
	take_one(&flow, 1, SW_TCP_ACK, 1, 1 + SENT, SENT);
	take_one(&flow, 0, SW_TCP_ACK, 1 + SENT, 1 + SENT, 0);
	return flow;
}

static bool predicts(const struct sw_flow *flow, const struct sw_segment *segment, __u64 now,
		     const struct sw_config *config)
{
	struct sw_flow before = *flow, after = *flow;
	enum sw_counter reason = flow_step(&after, segment, now, config);
	const char *wrong = prediction_unsound(&before, &after, segment, reason, now, config);

	must(!wrong, "%s", wrong);
	return sw_may_be_predicted(segment) && sw_flow_predicted(&before, segment, now, config);
}

static bool predicted(const struct sw_flow *flow, __u8 flags, __u32 seq, __u32 ack, __u32 length)
{
	struct sw_segment segment = segment_of(0, flags, seq, ack, length);

	return predicts(flow, &segment, NOW, &settings);
}

/* --- Segments --------------------------------------------------------------------------------- */

static void next_data_and_acks_are_predicted(void **state)
{
	struct sw_flow flow = established();

	(void)state;
	assert_true(predicted(&flow, SW_TCP_ACK, 1 + SENT, 1 + SENT, 10));
	assert_true(predicted(&flow, SW_TCP_ACK | SW_TCP_PSH, 1 + SENT, 1 + SENT, 1));
	assert_true(predicted(&flow, SW_TCP_ACK | SW_TCP_URG, 1 + SENT, 1 + SENT, 10));
	assert_true(predicted(&flow, SW_TCP_ACK, 1 + SENT, 1 + SENT, 0));
	assert_false(predicted(&flow, SW_TCP_ACK, 1 + SENT, 1, 0)); /* it said more before */
}

static void segments_that_open_or_close_are_not(void **state)
{
	struct sw_flow flow = established();

	(void)state;
	assert_false(predicted(&flow, SW_TCP_FIN | SW_TCP_ACK, 1 + SENT, 1 + SENT, 0));
	assert_false(predicted(&flow, SW_TCP_RST | SW_TCP_ACK, 1 + SENT, 1 + SENT, 0));
	assert_false(predicted(&flow, SW_TCP_SYN | SW_TCP_ACK, 1 + SENT, 1 + SENT, 0));
	assert_false(predicted(&flow, SW_TCP_PSH, 1 + SENT, 0, 10));
}

static void segments_out_of_order_are_not(void **state)
{
	struct sw_flow flow = established();

	(void)state;
	assert_false(predicted(&flow, SW_TCP_ACK, 1 + SENT + 1, 1 + SENT, 10)); /* beyond a hole */
	assert_false(predicted(&flow, SW_TCP_ACK, 1 + SENT - 10, 1 + SENT, 10)); /* sent again */
	take_one(&flow, 0, SW_TCP_ACK, 1 + SENT + 10, 1 + SENT, 10);
	assert_false(predicted(&flow, SW_TCP_ACK, 1 + SENT, 1 + SENT, 10)); /* fills the hole */
}

static void segments_out_of_bounds_are_not(void **state)
{
	struct sw_flow flow = established();

	(void)state;
	assert_true(predicted(&flow, SW_TCP_ACK, 1 + SENT, 1 + SENT, 1001)); /* begins in it */
	flow.ep[1].ack -= 1001; /* the window: 1000 */
	assert_false(predicted(&flow, SW_TCP_ACK, 1 + SENT, 1 + SENT, 10));
	flow.ep[1].ack += 1001;
	assert_false(predicted(&flow, SW_TCP_ACK, 1 + SENT, 1 + SENT + 1, 0)); /* never sent */
}

static void an_ack_of_more_than_was_seen_is_not(void **state)
{
	struct sw_flow flow = established();

	(void)state;
	take_one(&flow, 1, SW_TCP_ACK, 1 + SENT + 10, 1 + SENT, 10); /* a hole before it */
	assert_true(predicted(&flow, SW_TCP_ACK, 1 + SENT, 1 + SENT, 0));
	assert_false(predicted(&flow, SW_TCP_ACK, 1 + SENT, 1 + SENT + 20, 0));
}

/* With a hole of a third of the circle (midstream) a number can be before its begin and after its end. */
static void an_ack_from_the_other_side_of_the_circle_is_not(void **state)
{
	struct sw_flow flow = established();
	struct sw_segment segment = segment_of(0, SW_TCP_ACK, 1 + SENT, 0, 0);

	(void)state;
	flow.ep[1].block = flow.ep[1].end = flow.ep[1].next + 0x60000000;
	segment.ack = flow.ep[0].ack = flow.ep[1].next - 0x10000000;
	assert_true(predicts(&flow, &segment, NOW, &settings));
	segment.ack = flow.ep[1].next - 0x30000000;
	assert_false(predicts(&flow, &segment, NOW, &settings));
}

static void what_takes_the_numbers_round_is_not(void **state)
{
	struct sw_flow flow = established();
	struct sw_segment segment = segment_of(0, SW_TCP_ACK, 0, 1 + SENT, 10);

	(void)state;
	segment.seq = flow.ep[0].next = flow.ep[0].end = flow.ep[1].ack = A - 11;
	assert_true(predicts(&flow, &segment, NOW, &settings));
	segment.length = 11; /* as far as the ISN */
	assert_false(predicts(&flow, &segment, NOW, &settings));
}

/* --- Flows ------------------------------------------------------------------------------------ */

static void flows_that_open_or_close_are_not(void **state)
{
	struct sw_flow flow = { 0 };

	(void)state;
	take_one(&flow, 0, SW_TCP_SYN, 0, 0, 0);
	take_one(&flow, 1, SW_TCP_SYN | SW_TCP_ACK, 0, 1, 0);
	assert_false(predicted(&flow, SW_TCP_ACK, 1, 1, 0));
	flow = established();
	take_one(&flow, 1, SW_TCP_FIN | SW_TCP_ACK, 1 + SENT, 1 + SENT, 0);
	assert_false(predicted(&flow, SW_TCP_ACK, 1 + SENT, 1 + SENT, 10));
	assert_false(predicted(&flow, SW_TCP_ACK, 1 + SENT, 1 + SENT + 1, 0));
}

/*
 * Fast Open: the server may close before it is known to be ESTABLISHED. What then shows it is a FIN
 * with a wrong number, so that nothing else of that segment counts.
 */
static void a_flow_with_a_fin_that_is_yet_to_count_is_not(void **state)
{
	struct sw_flow flow = { 0 };
	struct sw_segment segment = segment_of(1, SW_TCP_ACK, 2, 1, 0);

	(void)state;
	take_one(&flow, 0, SW_TCP_SYN, 0, 0, 1);
	take_one(&flow, 1, SW_TCP_SYN | SW_TCP_ACK, 0, 1, 0);
	take_one(&flow, 1, SW_TCP_FIN | SW_TCP_ACK, 1, 1, 0);
	take_one(&flow, 0, SW_TCP_FIN | SW_TCP_ACK, 1, 2, 0);
	assert_true(sw_both_established(&flow));
	assert_false(predicts(&flow, &segment, NOW, &settings));
}

static void a_flow_of_which_one_end_was_heard_is_not(void **state)
{
	struct sw_flow flow = { 0 };

	(void)state;
	take_one(&flow, 0, SW_TCP_ACK, 1, 1, 10);
	assert_true(flow.midstream);
	assert_false(predicted(&flow, SW_TCP_ACK, 11, 1, 10));
	take_one(&flow, 1, SW_TCP_ACK, 1, 11, 0);
	assert_false(predicted(&flow, SW_TCP_ACK, 11, 1, 10)); /* not twice yet */
	take_one(&flow, 0, SW_TCP_ACK, 11, 1, 0);
	take_one(&flow, 1, SW_TCP_ACK, 1, 11, 0);
	assert_true(predicted(&flow, SW_TCP_ACK, 11, 1, 10));
}

static void a_flow_that_awaits_admission_is_not(void **state)
{
	struct sw_flow flow = established();

	(void)state;
	flow.cookie = true;
	assert_false(predicted(&flow, SW_TCP_ACK, 1 + SENT, 1 + SENT, 10));
}

static void the_first_ack_of_an_end_is_not(void **state)
{
	struct sw_flow flow = { 0 };
	struct sw_segment segment = segment_of(1, SW_TCP_ACK, 1, 1, 0);

	(void)state;
	take_one(&flow, 0, SW_TCP_SYN, 0, 0, 0);
	take_one(&flow, 1, SW_TCP_SYN | SW_TCP_ACK, 0, 1, 0);
	take_one(&flow, 0, SW_TCP_ACK, 1, 1, 0);
	assert_false(predicts(&flow, &segment, NOW, &settings));
	take(&flow, &segment);
	assert_true(predicts(&flow, &segment, NOW, &settings));
}

/* --- Time ------------------------------------------------------------------------------------- */

static void a_predicted_segment_moves_the_deadline(void **state)
{
	struct sw_flow flow = established();
	struct sw_segment segment = segment_of(0, SW_TCP_ACK, 1 + SENT, 1 + SENT, 10);
	__u64 before = flow.deadline_ns;

	(void)state;
	assert_true(sw_flow_predicted(&flow, &segment, NOW + 7, &settings));
	assert_int_equal(flow.deadline_ns, before + 7);
}

static void past_its_deadline_a_flow_is_not_predicted(void **state)
{
	struct sw_flow flow = established();
	struct sw_segment segment = segment_of(0, SW_TCP_ACK, 1 + SENT, 1 + SENT, 10);

	(void)state;
	assert_true(predicts(&flow, &segment, flow.deadline_ns - 1, &settings));
	assert_false(predicts(&flow, &segment, flow.deadline_ns, &settings));
}

static void a_new_time_out_is_taken_up(void **state)
{
	struct sw_flow flow = established();
	struct sw_segment segment = segment_of(0, SW_TCP_ACK, 1 + SENT, 1 + SENT, 10);
	struct sw_config shorter = settings;

	(void)state;
	shorter.timeout.established = 10000;
	assert_false(predicts(&flow, &segment, NOW, &shorter));
	assert_int_equal(flow_step(&flow, &segment, NOW, &shorter), SW_NONE);
	segment.seq += segment.length;
	assert_true(predicts(&flow, &segment, NOW, &shorter));
}

/* M3: neither by the short cut nor by a step. Its own segments leave this host, and the peer's come in. */
static void segment_from_outside_in_the_name_of_this_hosts_end_changes_nothing(void **state)
{
	struct sw_flow flow = established(), before;
	struct sw_segment segment = segment_of(0, SW_TCP_ACK, 1 + SENT, 1 + SENT, 10);

	(void)state;
	flow.ep[0].place = SW_PLACE_EGRESS;
	flow.ep[1].place = sw_place_of_ingress(2);
	segment.place = sw_place_of_ingress(2);
	before = flow;
	assert_false(predicts(&flow, &segment, NOW, &settings));
	assert_int_equal(flow_step(&flow, &segment, NOW, &settings), SW_MARTIAN);
	assert_memory_equal(&before, &flow, sizeof(flow));
	segment.flags |= SW_TCP_FIN;
	assert_int_equal(flow_step(&flow, &segment, NOW, &settings), SW_MARTIAN);
	segment.place = SW_PLACE_EGRESS;
	assert_int_equal(flow_step(&flow, &segment, NOW, &settings), SW_NONE);
	assert_int_equal(flow.ep[0].state, FIN_WAIT_1);
}

int test_prediction(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			segment_from_outside_in_the_name_of_this_hosts_end_changes_nothing),
		cmocka_unit_test(next_data_and_acks_are_predicted),
		cmocka_unit_test(segments_that_open_or_close_are_not),
		cmocka_unit_test(segments_out_of_order_are_not),
		cmocka_unit_test(segments_out_of_bounds_are_not),
		cmocka_unit_test(an_ack_of_more_than_was_seen_is_not),
		cmocka_unit_test(an_ack_from_the_other_side_of_the_circle_is_not),
		cmocka_unit_test(what_takes_the_numbers_round_is_not),
		cmocka_unit_test(flows_that_open_or_close_are_not),
		cmocka_unit_test(a_flow_with_a_fin_that_is_yet_to_count_is_not),
		cmocka_unit_test(a_flow_of_which_one_end_was_heard_is_not),
		cmocka_unit_test(a_flow_that_awaits_admission_is_not),
		cmocka_unit_test(the_first_ack_of_an_end_is_not),
		cmocka_unit_test(a_predicted_segment_moves_the_deadline),
		cmocka_unit_test(past_its_deadline_a_flow_is_not_predicted),
		cmocka_unit_test(a_new_time_out_is_taken_up),
	};

	return cmocka_run_group_tests_name("prediction", tests, NULL, NULL);
}
