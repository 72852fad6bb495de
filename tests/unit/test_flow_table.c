// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The flow table without its maps: which flows are asked for, which records are one flow, and in what
 * order they come.
 */
#include "check.h"
#include "model/flow_table.h"
#include "unit.h"

static const struct sw_flow_filter all = { .state = -1, .port = -1 };

/* 192.0.2.<last>:4000 and 198.51.100.1:<port>, not the same in any byte that the key's order looks at. */
static struct sw_flow_record record(__u8 last, __u16 port, __u64 start_ns)
{
	struct sw_flow_record made = { .flow.start_ns = start_ns };

	memcpy(made.key.addr[0], (const __u8[16]){ [10] = 255, 255, 192, 0, 2, last }, 16);
	memcpy(made.key.addr[1], (const __u8[16]){ [10] = 255, 255, 198, 51, 100, 1 }, 16);
	made.key.port[0] = 4000;
	made.key.port[1] = port;
	made.flow.ep[0].state = FIN_WAIT_2;
	made.flow.ep[1].state = CLOSE_WAIT;
	return made;
}

static bool matches(const struct sw_flow_filter *filter, const struct sw_flow_record *it)
{
	return sw_flow_matches(filter, &it->key, &it->flow);
}

/* --- The filter ----------------------------------------------------------------------------- */

static void filter_takes_the_port_of_either_end(void **state)
{
	struct sw_flow_record it = record(1, 80, 0);

	(void)state;
	assert_true(matches(&all, &it));
	assert_true(matches(&(struct sw_flow_filter){ .state = -1, .port = 80 }, &it));
	assert_true(matches(&(struct sw_flow_filter){ .state = -1, .port = 4000 }, &it));
	assert_false(matches(&(struct sw_flow_filter){ .state = -1, .port = 8080 }, &it));
	it.key.port[1] = 0;
	assert_true(matches(&(struct sw_flow_filter){ .state = -1, .port = 0 }, &it));
}

static void filter_takes_the_state_of_either_end_and_both_must_hold(void **state)
{
	struct sw_flow_record it = record(1, 80, 0);

	(void)state;
	assert_true(matches(&(struct sw_flow_filter){ .state = FIN_WAIT_2, .port = -1 }, &it));
	assert_true(matches(&(struct sw_flow_filter){ .state = CLOSE_WAIT, .port = -1 }, &it));
	assert_false(matches(&(struct sw_flow_filter){ .state = ESTABLISHED, .port = -1 }, &it));
	assert_false(matches(&(struct sw_flow_filter){ .state = CLOSED, .port = -1 }, &it));
	assert_true(matches(&(struct sw_flow_filter){ .state = CLOSE_WAIT, .port = 80 }, &it));
	assert_false(matches(&(struct sw_flow_filter){ .state = CLOSE_WAIT, .port = 81 }, &it));
	assert_false(matches(&(struct sw_flow_filter){ .state = ESTABLISHED, .port = 80 }, &it));
}

/* Its second record is never filled: all zero, which would be CLOSED. */
static void connection_to_itself_has_one_state(void **state)
{
	struct sw_flow_record it = record(1, 4000, 0);

	(void)state;
	memcpy(it.key.addr[1], it.key.addr[0], 16);
	it.flow.ep[0].state = ESTABLISHED;
	it.flow.ep[1].state = CLOSED;
	assert_true(matches(&(struct sw_flow_filter){ .state = ESTABLISHED, .port = -1 }, &it));
	assert_false(matches(&(struct sw_flow_filter){ .state = CLOSED, .port = -1 }, &it));
}

/* --- Records -------------------------------------------------------------------------------- */

static void add(struct sw_flow_table *table, __u8 last, bool halfopen, __u64 start_ns)
{
	struct sw_flow_record it = record(last, 80, start_ns);

	it.halfopen = halfopen;
	assert_int_equal(sw_flow_table_add(table, &it), 0);
}

static void flow_read_in_both_maps_is_kept_once_as_it_is_in_sw_flows(void **state)
{
	struct sw_flow_table table = {};

	(void)state;
	add(&table, 7, true, 70);
	add(&table, 5, true, 50);
	add(&table, 9, true, 90);
	add(&table, 9, false, 91);
	add(&table, 6, false, 60);
	add(&table, 7, false, 71);
	sw_flow_table_merge(&table);
	assert_int_equal(table.count, 4);
	for (size_t i = 0; i < table.count; i++) {
		const struct sw_flow_record *it = &table.record[i];
		__u8 last = it->key.addr[0][15];

		assert_int_equal(it->halfopen, last == 5);
		assert_int_equal(it->flow.start_ns, 10 * last + (last == 7 || last == 9));
	}
	sw_flow_table_free(&table);
	assert_int_equal(table.count, 0);
}

static void oldest_comes_first(void **state)
{
	/* Beyond 32 bits: a difference taken for an int would order them otherwise. */
	static const __u64 start_ns[] = { 5, 1ULL << 40, 3, 1ULL << 63, 4, ~0ULL, 1 };
	struct sw_flow_table table = {};

	(void)state;
	sw_flow_table_merge(&table);
	sw_flow_table_sort(&table);
	for (size_t i = 0; i < COUNT(start_ns); i++)
		add(&table, (__u8)i, false, start_ns[i]);
	sw_flow_table_sort(&table);
	assert_int_equal(table.count, COUNT(start_ns));
	for (size_t i = 1; i < table.count; i++)
		assert_true(table.record[i - 1].flow.start_ns < table.record[i].flow.start_ns);
	sw_flow_table_free(&table);
}

static void table_grows_and_keeps_every_record(void **state)
{
	struct sw_flow_table table = {};

	(void)state;
	for (__u32 i = 0; i < 5003; i++) {
		struct sw_flow_record it = record(0, (__u16)i, i);

		assert_int_equal(sw_flow_table_add(&table, &it), 0);
	}
	assert_int_equal(table.count, 5003);
	for (__u32 i = 0; i < 5003; i++)
		assert_int_equal(table.record[i].key.port[1], i);
	sw_flow_table_free(&table);
}

int test_flow_table(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(filter_takes_the_port_of_either_end),
		cmocka_unit_test(filter_takes_the_state_of_either_end_and_both_must_hold),
		cmocka_unit_test(connection_to_itself_has_one_state),
		cmocka_unit_test(flow_read_in_both_maps_is_kept_once_as_it_is_in_sw_flows),
		cmocka_unit_test(oldest_comes_first),
		cmocka_unit_test(table_grows_and_keeps_every_record),
	};

	return cmocka_run_group_tests_name("flow table", tests, NULL, NULL);
}
