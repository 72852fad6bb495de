// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The wheel of deadlines, on a clock that is a number. Flows are told apart by a port of their key.
 */
#include "check.h"
#include "daemon/due_wheel.h"
#include "unit.h"

#define TICK  25000000ULL /* ns, as the head of due_wheel.h has it */
#define NOW   (1000003 * TICK + 7)
#define SPAN  (SW_WHEEL_SLOTS * TICK)
#define FLOWS 10007

static struct sw_due_wheel wheel;

static int begin(void **state)
{
	(void)state;
	sw_due_wheel_init(&wheel, NOW);
	return 0;
}

static int end(void **state)
{
	(void)state;
	sw_due_wheel_free(&wheel);
	return 0;
}

static void push(__u64 deadline_ns, __u16 port)
{
	struct sw_due due = { .deadline_ns = deadline_ns, .key = { .port = { port } } };

	assert_int_equal(sw_due_wheel_push(&wheel, &due), 0);
}

/* The port of what comes out at this moment, -1 if nothing does. */
static int pop(__u64 now_ns)
{
	struct sw_due due;

	return sw_due_wheel_pop(&wheel, now_ns, &due) ? due.key.port[0] : -1;
}

static void empty_wheel_gives_nothing(void **state)
{
	(void)state;
	assert_int_equal(pop(NOW + 3 * SPAN), -1);
	assert_true(sw_due_wheel_next_ns(&wheel) == ~0ULL);
}

static void flow_comes_out_after_its_deadline_and_within_a_tick(void **state)
{
	__u64 deadline = NOW + 40 * TICK + 3, out;

	(void)state;
	push(deadline, 23);
	out = sw_due_wheel_next_ns(&wheel);
	assert_true(out >= deadline && out <= deadline + TICK);
	assert_int_equal(pop(deadline - 1), -1);
	assert_int_equal(pop(out - 1), -1);
	assert_int_equal(pop(out), 23);
	assert_int_equal(pop(out + SPAN), -1);
}

static void deadline_on_a_tick_is_not_taken_early(void **state)
{
	__u64 deadline = (NOW / TICK + 40) * TICK;

	(void)state;
	push(deadline, 23);
	assert_int_equal(pop(deadline - 1), -1);
	assert_int_equal(pop(deadline + TICK), 23);
}

static void overdue_flow_comes_out_with_the_next_tick(void **state)
{
	(void)state;
	push(NOW - 5 * SPAN, 23);
	push(0, 29);
	assert_true(sw_due_wheel_next_ns(&wheel) <= NOW + TICK);
	assert_int_equal(pop(NOW + TICK) + pop(NOW + TICK), 23 + 29);
	assert_int_equal(pop(NOW + TICK), -1);
}

static void deadline_beyond_the_wheel_comes_out_at_its_end(void **state)
{
	(void)state;
	push(NOW + 7 * SPAN, 23);
	push(~0ULL, 29);
	assert_int_equal(pop(NOW + SPAN - 2 * TICK), -1);
	assert_int_equal(pop(NOW + SPAN) + pop(NOW + SPAN), 23 + 29);
}

static void earliest_tick_comes_out_first(void **state)
{
	(void)state;
	push(NOW + 30 * TICK, 3);
	push(NOW + 10 * TICK, 1);
	push(NOW + 20 * TICK, 2);
	for (int port = 1; port <= 3; port++)
		assert_int_equal(pop(NOW + SPAN), port);
}

static void flow_put_in_while_others_come_out_is_not_missed(void **state)
{
	(void)state;
	push(NOW + 10 * TICK, 1);
	push(NOW + 10 * TICK, 1);
	assert_int_equal(pop(NOW + 20 * TICK), 1);
	push(NOW + 5 * TICK, 2); /* its tick is over */
	assert_int_equal(pop(NOW + 20 * TICK) + pop(NOW + 20 * TICK), 1 + 2);
	assert_int_equal(pop(NOW + 20 * TICK), -1);
}

static void many_flows_come_out_once_each_over_several_turns(void **state)
{
	static unsigned char seen[FLOWS];
	__u64 now = NOW;
	int out = 0;

	(void)state;
	for (int turn = 1; turn <= 3; turn++) {
		memset(seen, 0, sizeof(seen));
		for (int i = 0; i < FLOWS; i++)
			push(now + (__u64)i * 7919 % SW_WHEEL_SLOTS * TICK, (__u16)i);
		for (now += SPAN + TICK; (out = pop(now)) >= 0;)
			seen[out]++;
		for (int i = 0; i < FLOWS; i++)
			assert_int_equal(seen[i], 1);
	}
}

static void what_comes_out_after_a_limit_is_forgotten(void **state)
{
	__u64 limit = (NOW / TICK + 20) * TICK;

	(void)state;
	push(limit - TICK, 1);
	push(limit, 2);
	push(limit + 100 * TICK, 3);
	sw_due_wheel_forget_after(&wheel, limit);
	assert_int_equal(pop(limit + SPAN), 1);
	assert_int_equal(pop(limit + SPAN), -1);
}

static void all_is_forgotten_after_a_limit_that_is_past(void **state)
{
	(void)state;
	push(NOW + TICK, 1);
	push(NOW + SPAN, 2);
	sw_due_wheel_forget_after(&wheel, 0);
	assert_true(sw_due_wheel_next_ns(&wheel) == ~0ULL);
}

#define WHEEL_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int test_due_wheel(void)
{
	const struct CMUnitTest tests[] = {
		WHEEL_TEST(empty_wheel_gives_nothing),
		WHEEL_TEST(flow_comes_out_after_its_deadline_and_within_a_tick),
		WHEEL_TEST(deadline_on_a_tick_is_not_taken_early),
		WHEEL_TEST(overdue_flow_comes_out_with_the_next_tick),
		WHEEL_TEST(deadline_beyond_the_wheel_comes_out_at_its_end),
		WHEEL_TEST(earliest_tick_comes_out_first),
		WHEEL_TEST(flow_put_in_while_others_come_out_is_not_missed),
		WHEEL_TEST(many_flows_come_out_once_each_over_several_turns),
		WHEEL_TEST(what_comes_out_after_a_limit_is_forgotten),
		WHEEL_TEST(all_is_forgotten_after_a_limit_that_is_past),
	};

	return cmocka_run_group_tests_name("due wheel", tests, NULL, NULL);
}
