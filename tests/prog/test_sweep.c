// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Expiry: the two syscall programs, with a clock of the test's own.
 */
#include "harness.h"
#include "names.h"
#include "prog.h"

#define HALFOPEN_FLOWS 23
#define LIVE_FLOWS     17
#define MINUTE         (60 * SW_NS_PER_S)
#define LINGER         (SW_CLOSED_LINGER_MS * SW_NS_PER_MS)
#define FIVE_DAYS      (432000 * SW_NS_PER_S)

static const struct sw_config both = {
	.configured = 1,
	.both_directions = 1,
	.timeout.ms = { SW_TIMEOUTS(SW_TIMEOUT_DEFAULT) },
};

/* Flows 0 to 22 half-open, 23 to 39 established, all from START_NS. */
static void begin(void)
{
	struct sw_flow_key key;

	harness_reset(&both);
	for (__u32 i = 0; i < HALFOPEN_FLOWS + LIVE_FLOWS; i++) {
		harness_key(&key, i);
		harness_handshake(&key, i < HALFOPEN_FLOWS ? 2 : 3, START_NS);
	}
}

static void reset_flow(__u32 number, __u64 now)
{
	struct sw_segment segment = { .flags = SW_TCP_RST, .seq = 1001, .window = 1 };
	struct outcome outcome;

	harness_key(&segment.key, number);
	harness_segment(HOOK_XDP, &segment, now, &outcome);
	assert_int_equal(outcome.reason, SW_NONE);
}

static void sweep_leaves_what_lives(void **state)
{
	struct sw_sweep sweep = { 0 };

	(void)state;
	begin();
	harness_sweep(&sweep, START_NS + MINUTE - 1);
	assert_int_equal(sweep.removed, 0);
	assert_int_equal(sweep.halfopen, HALFOPEN_FLOWS);
	assert_int_equal(sweep.flows, LIVE_FLOWS);
	assert_int_equal(sweep.due_lost, 0);
	assert_int_equal(harness_entries(PLACE_HALFOPEN), HALFOPEN_FLOWS);
	assert_int_equal(harness_entries(PLACE_FLOWS), LIVE_FLOWS);
	assert_int_equal(harness_count(SW_FLOWS_EXPIRED), 0);
}

static void sweep_removes_what_is_overdue(void **state)
{
	struct sw_sweep sweep = { 0 };

	(void)state;
	begin();
	harness_sweep(&sweep, START_NS + MINUTE);
	assert_int_equal(sweep.removed, HALFOPEN_FLOWS);
	assert_int_equal(sweep.halfopen, 0);
	assert_int_equal(sweep.flows, LIVE_FLOWS);
	assert_int_equal(harness_entries(PLACE_HALFOPEN), 0);
	assert_int_equal(harness_entries(PLACE_FLOWS), LIVE_FLOWS);
	assert_int_equal(harness_count(SW_FLOWS_EXPIRED), HALFOPEN_FLOWS);
	assert_int_equal(harness_count(SW_FLOWS_REMOVED), 0);

	memset(&sweep, 0, sizeof(sweep));
	harness_sweep(&sweep, START_NS + FIVE_DAYS);
	assert_int_equal(sweep.removed, LIVE_FLOWS);
	assert_int_equal(sweep.flows, 0);
	assert_int_equal(harness_entries(PLACE_FLOWS), 0);
	assert_int_equal(harness_count(SW_FLOWS_EXPIRED), HALFOPEN_FLOWS + LIVE_FLOWS);
	assert_int_equal(harness_count(SW_FLOWS_REMOVED), LIVE_FLOWS);
}

static void sweep_names_what_is_due_before_the_horizon(void **state)
{
	struct sw_sweep sweep = { .horizon_ns = START_NS + MINUTE };
	struct sw_due due[HALFOPEN_FLOWS];

	(void)state;
	begin();
	harness_sweep(&sweep, START_NS + 1);
	assert_int_equal(harness_due(NULL, 0), 0); /* due at the horizon is not before it */

	sweep = (struct sw_sweep){ .horizon_ns = START_NS + MINUTE + 1 };
	harness_sweep(&sweep, START_NS + 1);
	assert_int_equal(harness_due(due, HALFOPEN_FLOWS), HALFOPEN_FLOWS);
	for (int i = 0; i < HALFOPEN_FLOWS; i++) {
		struct sw_flow flow;

		assert_int_equal(due[i].deadline_ns, START_NS + MINUTE);
		assert_int_equal(harness_find(&due[i].key, &flow), PLACE_HALFOPEN);
	}
}

static void sweep_removes_closed_flows_when_what_was_under_way_has_come(void **state)
{
	struct sw_sweep sweep = { 0 };

	(void)state;
	begin();
	reset_flow(HALFOPEN_FLOWS, START_NS);
	harness_sweep(&sweep, START_NS + LINGER - 1);
	assert_int_equal(sweep.removed, 0);
	harness_sweep(&sweep, START_NS + LINGER);
	assert_int_equal(sweep.removed, 1);
	assert_int_equal(sweep.flows, 2 * LIVE_FLOWS - 1);
	assert_int_equal(harness_count(SW_FLOWS_EXPIRED), 0); /* it had closed */
	assert_int_equal(harness_count(SW_FLOWS_REMOVED), 1);
}

static void sweep_tells_the_reader(void **state)
{
	struct sw_event events[HALFOPEN_FLOWS + 1];
	struct sw_sweep sweep = { 0 };

	(void)state;
	begin();
	reset_flow(HALFOPEN_FLOWS, START_NS);
	harness_read_events(true);
	harness_sweep(&sweep, START_NS + MINUTE);
	assert_int_equal(harness_events(events, HALFOPEN_FLOWS + 1), HALFOPEN_FLOWS);
	for (int i = 0; i < HALFOPEN_FLOWS; i++) {
		assert_int_equal(events[i].cause, SW_EVENT_EXPIRED);
		assert_int_equal(events[i].time_ns, START_NS + MINUTE);
		assert_int_equal(events[i].before[0], SYN_SENT);
		assert_int_equal(events[i].after[0], SYN_SENT);
		assert_int_equal(events[i].after[1], SYN_RCVD);
	}
}

static void sweep_passes_over_many_flows(void **state)
{
	struct sw_sweep sweep = { 0 };
	struct sw_flow_key key;

	(void)state;
	harness_reset(&both);
	for (__u32 i = 0; i < 20011; i++) {
		harness_key(&key, i);
		harness_handshake(&key, 3, START_NS + i);
	}
	harness_sweep(&sweep, START_NS + FIVE_DAYS + 9999);
	assert_int_equal(sweep.removed, 10000);
	assert_int_equal(sweep.flows, 10011);
}

/* --- A batch of flows ------------------------------------------------------------------------- */

static void expire_first(__u32 count, __u64 now)
{
	static struct sw_flow_key keys[SW_EXPIRE_FLOWS + 1];

	for (__u32 i = 0; i < count; i++)
		harness_key(&keys[i], i);
	harness_expire(keys, count, now);
}

static void expire_one(__u32 flow, __u64 now)
{
	struct sw_flow_key key;

	harness_key(&key, flow);
	harness_expire(&key, 1, now);
}

static void expire_leaves_what_lives(void **state)
{
	(void)state;
	begin();
	expire_first(HALFOPEN_FLOWS + LIVE_FLOWS, START_NS + MINUTE - 1);
	assert_int_equal(harness_entries(PLACE_HALFOPEN), HALFOPEN_FLOWS);
	assert_int_equal(harness_entries(PLACE_FLOWS), LIVE_FLOWS);
	assert_int_equal(harness_count(SW_FLOWS_EXPIRED), 0);
}

static void expire_removes_what_is_overdue_and_nothing_else(void **state)
{
	(void)state;
	begin();
	expire_first(HALFOPEN_FLOWS + LIVE_FLOWS, START_NS + MINUTE);
	assert_int_equal(harness_entries(PLACE_HALFOPEN), 0);
	assert_int_equal(harness_entries(PLACE_FLOWS), LIVE_FLOWS);
	assert_int_equal(harness_count(SW_FLOWS_EXPIRED), HALFOPEN_FLOWS);
	assert_int_equal(harness_count(SW_FLOWS_REMOVED), 0);

	expire_first(HALFOPEN_FLOWS + LIVE_FLOWS, START_NS + FIVE_DAYS);
	assert_int_equal(harness_entries(PLACE_FLOWS), 0);
	assert_int_equal(harness_count(SW_FLOWS_EXPIRED), HALFOPEN_FLOWS + LIVE_FLOWS);
	assert_int_equal(harness_count(SW_FLOWS_REMOVED), LIVE_FLOWS);
}

static void expire_removes_only_what_is_named(void **state)
{
	struct sw_flow_key key;
	struct sw_flow flow;

	(void)state;
	begin();
	expire_one(3, START_NS + MINUTE);
	harness_key(&key, 3);
	assert_int_equal(harness_find(&key, &flow), PLACE_NOWHERE);
	assert_int_equal(harness_entries(PLACE_HALFOPEN), HALFOPEN_FLOWS - 1);
	expire_one(HALFOPEN_FLOWS, START_NS + FIVE_DAYS);
	assert_int_equal(harness_entries(PLACE_FLOWS), LIVE_FLOWS - 1);
	assert_int_equal(harness_count(SW_FLOWS_EXPIRED), 2);
	assert_int_equal(harness_count(SW_FLOWS_REMOVED), 1);
}

static void expire_of_an_unknown_flow_does_nothing(void **state)
{
	(void)state;
	begin();
	expire_one(900, START_NS + FIVE_DAYS);
	assert_int_equal(harness_entries(PLACE_FLOWS), LIVE_FLOWS);
	assert_int_equal(harness_count(SW_FLOWS_EXPIRED), 0);
}

static void flow_named_twice_is_removed_and_told_once(void **state)
{
	struct sw_flow_key keys[3];
	struct sw_event events[3];

	(void)state;
	begin();
	harness_read_events(true);
	for (int i = 0; i < 3; i++)
		harness_key(&keys[i], HALFOPEN_FLOWS);
	harness_expire(keys, 3, START_NS + FIVE_DAYS);
	assert_int_equal(harness_count(SW_FLOWS_EXPIRED), 1);
	assert_int_equal(harness_count(SW_FLOWS_REMOVED), 1);
	assert_int_equal(harness_events(events, 3), 1);
	assert_int_equal(events[0].cause, SW_EVENT_EXPIRED);
	assert_int_equal(events[0].time_ns, START_NS + FIVE_DAYS);
	assert_memory_equal(&events[0].key, &keys[0], sizeof(keys[0]));
	assert_int_equal(events[0].before[0], ESTABLISHED);
	assert_int_equal(events[0].after[1], ESTABLISHED);
}

static void flow_that_is_deleted_is_counted_apart_and_told(void **state)
{
	struct sw_flow_key keys[3];
	struct sw_event events[3];

	(void)state;
	begin();
	harness_read_events(true);
	harness_key(&keys[0], 3);
	harness_key(&keys[1], HALFOPEN_FLOWS);
	harness_key(&keys[2], 900);
	harness_expire(keys, 3, START_NS + 1);
	assert_int_equal(harness_entries(PLACE_FLOWS), LIVE_FLOWS);
	assert_int_equal(harness_delete(keys, 3, START_NS + 1), 2);
	assert_int_equal(harness_entries(PLACE_HALFOPEN), HALFOPEN_FLOWS - 1);
	assert_int_equal(harness_entries(PLACE_FLOWS), LIVE_FLOWS - 1);
	assert_int_equal(harness_count(SW_FLOWS_DELETED), 2);
	assert_int_equal(harness_count(SW_FLOWS_EXPIRED), 0);
	assert_int_equal(harness_count(SW_FLOWS_REMOVED), 1);
	assert_int_equal(harness_events(events, 3), 2);
	assert_int_equal(events[0].cause, SW_EVENT_DELETED);
	assert_memory_equal(&events[1].key, &keys[1], sizeof(keys[1]));
	assert_int_equal(events[1].after[1], ESTABLISHED);
}

static void expire_removes_a_closed_flow(void **state)
{
	(void)state;
	begin();
	reset_flow(HALFOPEN_FLOWS, START_NS);
	expire_one(HALFOPEN_FLOWS, START_NS + LINGER - 1);
	assert_int_equal(harness_entries(PLACE_FLOWS), LIVE_FLOWS);
	expire_one(HALFOPEN_FLOWS, START_NS + LINGER);
	assert_int_equal(harness_entries(PLACE_FLOWS), LIVE_FLOWS - 1);
	assert_int_equal(harness_count(SW_FLOWS_EXPIRED), 0);
	assert_int_equal(harness_count(SW_FLOWS_REMOVED), 1);
}

static void batch_expires_all_it_has_room_for(void **state)
{
	struct sw_flow_key key;

	(void)state;
	harness_reset(&both);
	for (__u32 i = 0; i <= SW_EXPIRE_FLOWS; i++) {
		harness_key(&key, i);
		harness_handshake(&key, 3, START_NS);
	}
	expire_first(SW_EXPIRE_FLOWS + 1, START_NS + FIVE_DAYS);
	assert_int_equal(harness_entries(PLACE_FLOWS), 1);
	assert_int_equal(harness_count(SW_FLOWS_EXPIRED), SW_EXPIRE_FLOWS);
	assert_int_equal(harness_count(SW_FLOWS_REMOVED), SW_EXPIRE_FLOWS);
}

static void overdue_flow_is_absent_though_nobody_removed_it(void **state)
{
	struct sw_segment segment = { .flags = SW_TCP_ACK, .seq = 1001, .ack = 5001, .window = 9 };
	struct outcome outcome;

	(void)state;
	begin();
	harness_key(&segment.key, HALFOPEN_FLOWS);
	harness_segment(HOOK_XDP, &segment, START_NS + FIVE_DAYS, &outcome);
	assert_int_equal(outcome.reason, SW_NONE);
	assert_int_equal(outcome.after.start_ns, START_NS + FIVE_DAYS);
	assert_int_equal(outcome.after.midstream, 1);
	assert_int_equal(outcome.after.ep[0].packets, 1);
}

int test_sweep(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(sweep_leaves_what_lives),
		cmocka_unit_test(sweep_removes_what_is_overdue),
		cmocka_unit_test(sweep_names_what_is_due_before_the_horizon),
		cmocka_unit_test(sweep_removes_closed_flows_when_what_was_under_way_has_come),
		cmocka_unit_test(sweep_tells_the_reader),
		cmocka_unit_test(sweep_passes_over_many_flows),
		cmocka_unit_test(expire_leaves_what_lives),
		cmocka_unit_test(expire_removes_what_is_overdue_and_nothing_else),
		cmocka_unit_test(expire_removes_only_what_is_named),
		cmocka_unit_test(expire_of_an_unknown_flow_does_nothing),
		cmocka_unit_test(flow_named_twice_is_removed_and_told_once),
		cmocka_unit_test(flow_that_is_deleted_is_counted_apart_and_told),
		cmocka_unit_test(expire_removes_a_closed_flow),
		cmocka_unit_test(batch_expires_all_it_has_room_for),
		cmocka_unit_test(overdue_flow_is_absent_though_nobody_removed_it),
	};

	return cmocka_run_group_tests_name("expiry", tests, NULL, NULL);
}
