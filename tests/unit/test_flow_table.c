// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The flow table without its maps: which flows are asked for, which records are one flow, and in what
 * order they come.
 */
#include <stdlib.h>

#include "check.h"
#include "commands/filter_options.h"
#include "model/flow_summary.h"
#include "model/flow_table.h"
#include "unit.h"

/* 192.0.2.<last>:4000 and 198.51.100.1:<port>, not the same in any byte. */
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

/* --- The filter ----------------------------------------------------------------------------- */

#define STATE(state) (1U << (state))
#define PORT(port)   ((port) + 1)

static bool matches(struct sw_filter filter, const struct sw_flow_record *it)
{
	return sw_flow_matches(&filter, &it->key, &it->flow);
}

static bool matches_either(struct sw_end_filter either, const struct sw_flow_record *it)
{
	return matches((struct sw_filter){ .either = either }, it);
}

static void empty_filter_takes_every_flow(void **state)
{
	struct sw_flow_record it = record(1, 80, 0);

	(void)state;
	assert_true(matches((struct sw_filter){}, &it));
	it.flow.ep[0].state = it.flow.ep[1].state = CLOSED;
	it.key.port[0] = it.key.port[1] = 0;
	assert_true(matches((struct sw_filter){}, &it));
}

static void filter_takes_the_port_of_either_end(void **state)
{
	struct sw_flow_record it = record(1, 80, 0);

	(void)state;
	assert_true(matches_either((struct sw_end_filter){ .port = PORT(80) }, &it));
	assert_true(matches_either((struct sw_end_filter){ .port = PORT(4000) }, &it));
	assert_false(matches_either((struct sw_end_filter){ .port = PORT(8080) }, &it));
	it.key.port[1] = 0;
	assert_true(matches_either((struct sw_end_filter){ .port = PORT(0) }, &it));
	it.key.port[1] = 65535;
	assert_true(matches_either((struct sw_end_filter){ .port = PORT(65535) }, &it));
	assert_false(matches_either((struct sw_end_filter){ .port = PORT(0) }, &it));
}

static void filter_takes_the_state_of_either_end_and_both_must_hold(void **state)
{
	struct sw_flow_record it = record(1, 80, 0);
	struct sw_end_filter both = { .states = STATE(CLOSE_WAIT), .port = PORT(80) };

	(void)state;
	assert_true(matches_either((struct sw_end_filter){ .states = STATE(FIN_WAIT_2) }, &it));
	assert_true(matches_either((struct sw_end_filter){ .states = STATE(CLOSE_WAIT) }, &it));
	assert_false(matches_either((struct sw_end_filter){ .states = STATE(CLOSED) }, &it));
	assert_true(matches_either(
		(struct sw_end_filter){ .states = STATE(CLOSED) | STATE(CLOSE_WAIT) }, &it));
	assert_true(matches_either(both, &it));
	both.port = PORT(81);
	assert_false(matches_either(both, &it));
}

/* What conntrack calls the original direction, whichever end stands first in the key. */
static void src_is_the_originator_and_dst_the_responder(void **state)
{
	struct sw_flow_record it = record(1, 80, 0);

	(void)state;
	for (int originator = 0; originator < 2; originator++) {
		__u32 src = originator ? 80 : 4000, dst = originator ? 4000 : 80;
		enum sw_state a = originator ? CLOSE_WAIT : FIN_WAIT_2;

		it.flow.originator = originator & 1;
		assert_true(matches((struct sw_filter){ .src.port = PORT(src) }, &it));
		assert_false(matches((struct sw_filter){ .src.port = PORT(dst) }, &it));
		assert_true(matches((struct sw_filter){ .dst.port = PORT(dst) }, &it));
		assert_false(matches((struct sw_filter){ .dst.port = PORT(src) }, &it));
		assert_true(matches((struct sw_filter){ .src.states = STATE(a) }, &it));
		assert_false(matches((struct sw_filter){ .dst.states = STATE(a) }, &it));
	}
}

static struct sw_end_filter within(const char *text)
{
	struct sw_end_filter filter = {};
	struct sw_option row = { .name = "src" };

	assert_int_equal(sw_take_prefix(&row, text, &filter), 0);
	return filter;
}

static void prefix_has_the_addresses_that_begin_with_it(void **state)
{
	static const struct {
		const char *prefix;
		bool src, dst;
	} cases[] = {
		{ "192.0.2.1", true, false },    { "192.0.2.2", false, false },
		{ "192.0.2.0/31", true, false }, { "192.0.2.2/31", false, false },
		{ "198.51.100.1", false, true }, { "192.0.0.0/5", true, true },
		{ "198.0.0.0/8", false, true },  { "0.0.0.0/0", true, true },
		{ "::ffff:0:0/96", true, true }, { "::/0", false, false },
		{ "::/80", false, false },       { "2001:db8::/32", false, false },
	};
	struct sw_flow_record it = record(1, 80, 0);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sw_end_filter filter = within(cases[i].prefix);
		bool either = cases[i].src || cases[i].dst;

		must(matches((struct sw_filter){ .src = filter }, &it) == cases[i].src &&
			     matches((struct sw_filter){ .dst = filter }, &it) == cases[i].dst &&
			     matches_either(filter, &it) == either,
		     "%s", cases[i].prefix);
	}
	it.key.addr[0][0] = 0x20;
	memset(it.key.addr[0] + 10, 0, 2);
	assert_true(matches_either(within("::/0"), &it));
	assert_true(matches_either(within("2000::/3"), &it));
	assert_false(matches((struct sw_filter){ .src = within("0.0.0.0/0") }, &it));
}

/* Its second record is never filled: all zero, which would be CLOSED. */
static void connection_to_itself_has_one_state(void **state)
{
	struct sw_flow_record it = record(1, 4000, 0);

	(void)state;
	memcpy(it.key.addr[1], it.key.addr[0], 16);
	it.flow.ep[0].state = ESTABLISHED;
	it.flow.ep[1].state = CLOSED;
	assert_true(matches_either((struct sw_end_filter){ .states = STATE(ESTABLISHED) }, &it));
	assert_false(matches_either((struct sw_end_filter){ .states = STATE(CLOSED) }, &it));
	for (int originator = 0; originator < 2; originator++) {
		it.flow.originator = originator & 1;
		assert_true(matches((struct sw_filter){ .src.states = STATE(ESTABLISHED),
							.dst.states = STATE(ESTABLISHED) },
				    &it));
	}
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
	assert_int_equal(table.count, 4);
	for (size_t i = 0; i < table.count; i++) {
		const struct sw_flow_record *it = sw_flow_table_at(&table, i);
		__u8 last = it->key.addr[0][15];

		assert_int_equal(it->halfopen, last == 5);
		assert_int_equal(it->flow.start_ns, 10 * last + (last == 7 || last == 9));
	}
	sw_flow_table_free(&table);
	assert_int_equal(table.count, 0);
}

/* Of another synward, say, which tracks the same flow. */
static void flow_of_an_earlier_reading_is_kept_once(void **state)
{
	struct sw_flow_table table = {};

	(void)state;
	for (int i = 0; i < 200; i++)
		add(&table, (__u8)i, false, 1);
	assert_int_equal(sw_flow_table_remember(&table), 0);
	for (int i = 0; i < 250; i++)
		add(&table, (__u8)i, i % 2, 2);
	assert_int_equal(table.count, 250);
	assert_int_equal(sw_flow_table_at(&table, 7)->flow.start_ns, 1);
	assert_int_equal(sw_flow_table_at(&table, 8)->flow.start_ns, 2);
	sw_flow_table_free(&table);
}

/* The numbers of the addresses, in order. */
static void expect_order(const struct sw_flow_table *table, enum sw_flow_order by, bool reverse,
			 size_t limit, const char *expected)
{
	char found[64] = "";
	__u32 *order = sw_flow_table_order(table, by, reverse, &limit);

	assert_non_null(order);
	for (size_t i = 0; i < limit; i++)
		sprintf(found + strlen(found), "%d",
			sw_flow_table_at(table, order[i])->key.addr[0][15]);
	assert_string_equal(found, expected);
	free(order);
}

static void oldest_comes_first(void **state)
{
	/* Beyond 32 bits: a difference taken for an int would order them otherwise. */
	static const __u64 start_ns[] = { 5, 1ULL << 40, 3, 1ULL << 63, 4, ~0ULL, 1 };
	struct sw_flow_table table = {};

	(void)state;
	expect_order(&table, SW_ORDER_AGE, false, 7, "");
	for (size_t i = 0; i < COUNT(start_ns); i++)
		add(&table, (__u8)i, false, start_ns[i]);
	expect_order(&table, SW_ORDER_AGE, false, 100, "6240135");
	expect_order(&table, SW_ORDER_AGE, true, 100, "5310426");
	expect_order(&table, SW_ORDER_AGE, false, 3, "624");
	expect_order(&table, SW_ORDER_AGE, true, 1, "5");
	expect_order(&table, SW_ORDER_AGE, true, 0, "");
	sw_flow_table_free(&table);
}

static void order_goes_by_what_is_asked_for_and_then_as_they_came(void **state)
{
	struct sw_flow_table table = {};

	(void)state;
	for (__u8 i = 1; i < 5; i++) {
		struct sw_flow_record it = record(i, i == 3 ? 22 : 443, i);

		it.flow.ep[0].packets = i == 2 ? ~0U : 1;
		it.flow.ep[1].packets = i == 2 ? ~0U : i == 4 ? 7 : 0;
		it.flow.ep[i % 2].next = i == 1 ? 1001 : i == 4 ? 24 : 1;
		it.flow.deadline_ns = 100 - i;
		assert_int_equal(sw_flow_table_add(&table, &it), 0);
	}
	expect_order(&table, SW_ORDER_PACKETS, false, 9, "2413");
	expect_order(&table, SW_ORDER_BYTES, false, 9, "1423");
	expect_order(&table, SW_ORDER_LEFT, false, 9, "4321");
	expect_order(&table, SW_ORDER_PORT, false, 9, "3124");
	expect_order(&table, SW_ORDER_PORT, true, 9, "1243");
	sw_flow_table_at(&table, 0)->flow.originator = 1; /* the responder's port is 4000 now */
	expect_order(&table, SW_ORDER_PORT, false, 9, "3241");
	sw_flow_table_free(&table);
}

static void table_grows_and_keeps_every_record(void **state)
{
	enum {
		MANY = (3 << SW_FLOW_CHUNK_SHIFT) / 2
	};
	struct sw_flow_table table = {};

	(void)state;
	for (__u32 i = 0; i < MANY; i++) {
		struct sw_flow_record it = record(0, (__u16)i, i);

		it.key.addr[1][0] = (__u8)(i >> 16);
		it.halfopen = i % 3 == 0;
		assert_int_equal(sw_flow_table_add(&table, &it), 0);
	}
	assert_int_equal(table.count, MANY);
	for (__u32 i = 0; i < MANY; i++)
		if (sw_flow_table_at(&table, i)->flow.start_ns != i)
			fail();
	sw_flow_table_free(&table);
}

/* --- Summed up ------------------------------------------------------------------------------ */

static void summary_counts_states_ports_and_prefixes(void **state)
{
	struct sw_flow_table table = {};
	struct sw_flow_summary summary;

	(void)state;
	for (int i = 0; i < 23; i++)
		add(&table, (__u8)i, i < 5, 0);
	for (__u16 port = 1000; port < 1003; port++) {
		struct sw_flow_record it = record(7, port, 0);

		it.key.addr[0][14] = 3;
		it.flow.midstream = 1;
		assert_int_equal(sw_flow_table_add(&table, &it), 0);
	}
	assert_int_equal(sw_flow_summary_read(&summary, &table), 0);
	assert_int_equal(summary.flows, 26);
	assert_int_equal(summary.halfopen, 5);
	assert_int_equal(summary.midstream, 3);
	assert_int_equal(summary.ipv6, 0);
	assert_int_equal(summary.originators[FIN_WAIT_2], 26);
	assert_int_equal(summary.responders[CLOSE_WAIT], 26);
	assert_int_equal(summary.ports.count, 4);
	assert_int_equal(summary.ports.row[0].number, 80);
	assert_int_equal(summary.ports.row[0].count, 23);
	assert_int_equal(summary.prefixes.count, 2);
	assert_int_equal(summary.prefixes.row[0].count, 23);
	assert_int_equal(summary.prefixes.row[0].number, 120);
	assert_int_equal(summary.prefixes.row[0].address[14], 2);
	assert_int_equal(summary.prefixes.row[0].address[15], 0);
	assert_int_equal(summary.prefixes.row[1].count, 3);
	sw_flow_summary_free(&summary);
	sw_flow_table_free(&table);
	assert_int_equal(sw_flow_summary_read(&summary, &table), 0);
	assert_int_equal(summary.flows, 0);
	sw_flow_summary_free(&summary);
}

int test_flow_table(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_filter_takes_every_flow),
		cmocka_unit_test(filter_takes_the_port_of_either_end),
		cmocka_unit_test(filter_takes_the_state_of_either_end_and_both_must_hold),
		cmocka_unit_test(src_is_the_originator_and_dst_the_responder),
		cmocka_unit_test(prefix_has_the_addresses_that_begin_with_it),
		cmocka_unit_test(connection_to_itself_has_one_state),
		cmocka_unit_test(flow_read_in_both_maps_is_kept_once_as_it_is_in_sw_flows),
		cmocka_unit_test(flow_of_an_earlier_reading_is_kept_once),
		cmocka_unit_test(oldest_comes_first),
		cmocka_unit_test(order_goes_by_what_is_asked_for_and_then_as_they_came),
		cmocka_unit_test(table_grows_and_keeps_every_record),
		cmocka_unit_test(summary_counts_states_ports_and_prefixes),
	};

	return cmocka_run_group_tests_name("flow table", tests, NULL, NULL);
}
