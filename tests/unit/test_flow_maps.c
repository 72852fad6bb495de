// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Flows read out of two maps. The maps are tables here, and the kernel's batched look-up is played:
 * it hands over a number of entries at a time, as the kernel does whole hash buckets.
 */
#include <bpf/bpf.h>
#include <errno.h>

#include "check.h"
#include "model/flow_maps.h"
#include "unit.h"

#define NOW    1000000
#define MANY   10007
#define BUCKET 5003 /* more than a first batch holds */

enum {
	FLOWS,
	HALFOPEN,
	MAPS
};

static struct played_map {
	struct sw_flow_key key[MANY];
	struct sw_flow flow[MANY];
	__u32 count, bucket;
	__u32 fails_at; /* an entry that can't be read; 0: none */
} map[MAPS];

static const struct sw_map_fds fds = { .flows = FLOWS, .halfopen = HALFOPEN };
static const struct sw_filter all;

int bpf_map_lookup_batch(int fd, void *in_batch, void *out_batch, void *keys, void *values,
			 __u32 *count, const struct bpf_map_batch_opts *opts)
{
	__u32 at = in_batch ? *(__u32 *)in_batch : 0, left = map[fd].count - at;
	__u32 bucket = left < map[fd].bucket ? left : map[fd].bucket, room = *count;

	(void)opts;
	*count = 0;
	if (bucket > room || (map[fd].fails_at && at + bucket > map[fd].fails_at)) {
		errno = bucket > room ? ENOSPC : EFAULT;
		return -errno;
	}
	memcpy(keys, map[fd].key + at, bucket * sizeof(map[fd].key[0]));
	memcpy(values, map[fd].flow + at, bucket * sizeof(map[fd].flow[0]));
	*count = bucket;
	*(__u32 *)out_batch = at + bucket;
	if (bucket < left)
		return 0;
	errno = ENOENT;
	return -errno;
}

static int begin(void **state)
{
	(void)state;
	memset(map, 0, sizeof(map));
	map[FLOWS].bucket = map[HALFOPEN].bucket = 7;
	return 0;
}

/* A flow between these ports that is live, and may be changed. */
static struct sw_flow *put(int fd, __u16 port, __u16 other)
{
	struct sw_flow *flow = &map[fd].flow[map[fd].count];

	map[fd].key[map[fd].count++].port[0] = port;
	map[fd].key[map[fd].count - 1].port[1] = other;
	map[fd].key[map[fd].count - 1].addr[1][15] = 1;
	*flow = (struct sw_flow){ .deadline_ns = NOW + 1, .start_ns = port };
	return flow;
}

static struct sw_flow_table read_all(const struct sw_filter *filter)
{
	struct sw_flow_table table = {};

	assert_int_equal(sw_flow_table_read(&table, &fds, filter, NOW), 0);
	return table;
}

/* --- Walking ---------------------------------------------------------------------------------- */

static int visit_once(void *context, const struct sw_flow_key *key, const struct sw_flow *flow)
{
	assert_true(flow->start_ns == key->port[0]);
	((unsigned char *)context)[key->port[0]]++;
	return 0;
}

static void every_entry_is_visited_once(void **state)
{
	static const __u32 buckets[] = { 1, 7, 4096, BUCKET, MANY };

	(void)state;
	for (size_t i = 0; i < COUNT(buckets); i++) {
		static unsigned char visits[MANY];

		begin(NULL);
		memset(visits, 0, sizeof(visits));
		map[FLOWS].bucket = buckets[i];
		for (int port = 0; port < MANY; port++)
			put(FLOWS, (__u16)port, 80);
		assert_int_equal(sw_flow_table_walk(FLOWS, visit_once, visits), 0);
		for (int port = 0; port < MANY; port++)
			assert_int_equal(visits[port], 1);
	}
}

static void empty_map_has_no_entry(void **state)
{
	(void)state;
	assert_int_equal(sw_flow_table_walk(FLOWS, visit_once, NULL), 0);
	assert_int_equal(read_all(&all).count, 0);
}

static int refuse(void *context, const struct sw_flow_key *key, const struct sw_flow *flow)
{
	int *left = context;

	(void)key;
	(void)flow;
	return --*left ? 0 : -E2BIG;
}

static void visitor_s_error_ends_the_walk(void **state)
{
	int left = 23;

	(void)state;
	for (int port = 0; port < 100; port++)
		put(FLOWS, (__u16)port, 80);
	assert_int_equal(sw_flow_table_walk(FLOWS, refuse, &left), -E2BIG);
	assert_int_equal(left, 0);
}

static void map_s_error_is_handed_on(void **state)
{
	struct sw_flow_table table = {};
	__u64 count;

	(void)state;
	for (int port = 0; port < 100; port++)
		put(HALFOPEN, (__u16)port, 80);
	map[HALFOPEN].fails_at = 50;
	assert_int_equal(sw_flow_table_read(&table, &fds, &all, NOW), -EFAULT);
	assert_int_equal(sw_halfopen_count(HALFOPEN, NOW, &count), -EFAULT);
	sw_flow_table_free(&table);
}

/* --- Reading ---------------------------------------------------------------------------------- */

static void flow_of_either_map_is_read_and_marked(void **state)
{
	struct sw_flow_table table;

	(void)state;
	put(FLOWS, 1, 80);
	put(HALFOPEN, 2, 80);
	table = read_all(&all);
	assert_int_equal(table.count, 2);
	assert_int_equal(sw_flow_table_at(&table, 0)->key.port[0], 2);
	assert_true(sw_flow_table_at(&table, 0)->halfopen);
	assert_int_equal(sw_flow_table_at(&table, 1)->key.port[0], 1);
	assert_false(sw_flow_table_at(&table, 1)->halfopen);
	sw_flow_table_free(&table);
}

static void flow_read_in_both_maps_is_that_of_sw_flows(void **state)
{
	struct sw_flow_table table;

	(void)state;
	put(HALFOPEN, 23, 80);
	put(FLOWS, 23, 80)->ep[0].state = ESTABLISHED;
	table = read_all(&all);
	assert_int_equal(table.count, 1);
	assert_false(sw_flow_table_at(&table, 0)->halfopen);
	assert_int_equal(sw_flow_table_at(&table, 0)->flow.ep[0].state, ESTABLISHED);
	sw_flow_table_free(&table);
}

static void flow_past_its_deadline_or_moved_is_not_read(void **state)
{
	struct sw_flow_table table;
	__u64 count;

	(void)state;
	put(HALFOPEN, 1, 80)->deadline_ns = NOW;
	put(HALFOPEN, 2, 80)->moved = 1;
	put(HALFOPEN, 3, 80);
	table = read_all(&all);
	assert_int_equal(table.count, 1);
	assert_int_equal(sw_flow_table_at(&table, 0)->key.port[0], 3);
	sw_flow_table_free(&table);
	assert_int_equal(sw_halfopen_count(HALFOPEN, NOW, &count), 0);
	assert_int_equal(count, 1);
}

static size_t matching(int state, int port)
{
	struct sw_filter filter = { .either = { .port = (__u32)(port + 1),
						.states = state < 0 ? 0 : 1U << state } };
	struct sw_flow_table table = read_all(&filter);
	size_t count = table.count;

	sw_flow_table_free(&table);
	return count;
}

static void port_and_state_of_either_end_match(void **state)
{
	struct sw_flow *flow;

	(void)state;
	flow = put(FLOWS, 1000, 80);
	flow->ep[0].state = FIN_WAIT_2;
	flow->ep[1].state = CLOSE_WAIT;
	put(FLOWS, 443, 1001)->ep[0].state = ESTABLISHED;
	assert_int_equal(matching(-1, 80), 1);
	assert_int_equal(matching(-1, 443), 1);
	assert_int_equal(matching(-1, 81), 0);
	assert_int_equal(matching(FIN_WAIT_2, -1), 1);
	assert_int_equal(matching(CLOSE_WAIT, -1), 1);
	assert_int_equal(matching(CLOSE_WAIT, 443), 0);
	assert_int_equal(matching(LAST_ACK, -1), 0);
}

/* It has one end, the first: CLOSED at the place of a second is none. */
static void self_connection_matches_by_its_one_end(void **state)
{
	(void)state;
	put(FLOWS, 80, 80)->ep[0].state = ESTABLISHED;
	memset(map[FLOWS].key[0].addr, 0, sizeof(map[FLOWS].key[0].addr));
	assert_int_equal(matching(ESTABLISHED, -1), 1);
	assert_int_equal(matching(CLOSED, -1), 0);
}

static void many_flows_are_read_each_once(void **state)
{
	static unsigned char reads[MANY];
	struct sw_flow_table table;

	(void)state;
	for (int i = 0; i < MANY; i++)
		put(i % 2 ? FLOWS : HALFOPEN, (__u16)(i * 7919 % MANY), 80);
	table = read_all(&all);
	assert_int_equal(table.count, MANY);
	for (size_t i = 0; i < MANY; i++)
		reads[sw_flow_table_at(&table, i)->flow.start_ns]++;
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(reads[i], 1);
	sw_flow_table_free(&table);
	assert_int_equal(table.count, 0);
}

#define MAP_TEST(name) cmocka_unit_test_setup(name, begin)

int test_flow_maps(void)
{
	const struct CMUnitTest tests[] = {
		MAP_TEST(every_entry_is_visited_once),
		MAP_TEST(empty_map_has_no_entry),
		MAP_TEST(visitor_s_error_ends_the_walk),
		MAP_TEST(map_s_error_is_handed_on),
		MAP_TEST(flow_of_either_map_is_read_and_marked),
		MAP_TEST(flow_read_in_both_maps_is_that_of_sw_flows),
		MAP_TEST(flow_past_its_deadline_or_moved_is_not_read),
		MAP_TEST(port_and_state_of_either_end_match),
		MAP_TEST(self_connection_matches_by_its_one_end),
		MAP_TEST(many_flows_are_read_each_once),
	};

	return cmocka_run_group_tests_name("flow table", tests, NULL, NULL);
}
