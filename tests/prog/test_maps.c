// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What the maps hold after which segments: promotion, counters, settings, events, floods; and what
 * bpftool needs to read them.
 */
#include <errno.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "frame.h"
#include "harness.h"
#include "names.h"
#include "prog.h"
#include "synward.skel.h"

#define PRIME 23 /* events: no other count is a multiple of it by accident */

static const struct sw_config both = {
	.configured = 1,
	.both_directions = 1,
	.timeout.ms = { SW_TIMEOUTS(SW_TIMEOUT_DEFAULT) },
};

/* A segment of flow `number` from endpoint `sender`, whose ISNs are 1000 and 5000. */
static enum sw_counter send_one(__u32 number, int sender, __u8 flags, __u32 seq, __u32 ack,
				__u64 now)
{
	struct sw_segment segment = {
		.sender = (__u8)sender,
		.flags = flags,
		.seq = (sender ? 5000 : 1000) + seq,
		.ack = flags & SW_TCP_ACK ? (sender ? 1000 : 5000) + ack : 0,
		.window = 64240,
	};
	struct outcome outcome;

	harness_key(&segment.key, number);
	harness_segment(sender ? HOOK_TC : HOOK_XDP, &segment, now, &outcome);
	return outcome.reason;
}

static void open_one(__u32 number, __u64 now)
{
	send_one(number, 0, SW_TCP_SYN, 0, 0, now);
	send_one(number, 1, SW_TCP_SYN | SW_TCP_ACK, 0, 1, now);
	send_one(number, 0, SW_TCP_ACK, 1, 1, now);
}

static void close_one(__u32 number, __u64 now)
{
	send_one(number, 0, SW_TCP_FIN | SW_TCP_ACK, 1, 1, now);
	send_one(number, 1, SW_TCP_FIN | SW_TCP_ACK, 1, 2, now);
	send_one(number, 0, SW_TCP_ACK, 2, 2, now);
}

static enum place place_of(__u32 number, struct sw_flow *flow)
{
	struct sw_flow_key key;

	harness_key(&key, number);
	return harness_find(&key, flow);
}

/* --- Where a flow is -------------------------------------------------------------------------- */

static void flow_is_promoted_when_it_has_been_proved(void **state)
{
	struct sw_flow flow;

	(void)state;
	harness_reset(&both);
	send_one(1, 0, SW_TCP_SYN, 0, 0, START_NS);
	assert_int_equal(place_of(1, &flow), PLACE_HALFOPEN);
	send_one(1, 1, SW_TCP_SYN | SW_TCP_ACK, 0, 1, START_NS);
	assert_int_equal(place_of(1, &flow), PLACE_HALFOPEN);
	assert_int_equal(harness_count(SW_FLOWS_OPENED), 0);
	send_one(1, 0, SW_TCP_ACK, 1, 1, START_NS);
	assert_int_equal(place_of(1, &flow), PLACE_FLOWS);
	assert_int_equal(flow.moved, 0);
	assert_int_equal(harness_count(SW_FLOWS_OPENED), 1);
	assert_int_equal(harness_count(SW_HALFOPEN_OPENED), 1);
}

/* L2, L3 */
static void flow_of_one_end_alone_is_not_promoted(void **state)
{
	struct sw_flow flow;

	(void)state;
	harness_reset(&both);
	for (int i = 0; i < 5; i++)
		send_one(1, 0, SW_TCP_ACK, 1, 1, START_NS);
	assert_int_equal(place_of(1, &flow), PLACE_HALFOPEN);
	assert_int_equal(flow.ep[0].state, ESTABLISHED);
	send_one(1, 1, SW_TCP_ACK, 1, 1, START_NS);
	assert_int_equal(place_of(1, &flow), PLACE_HALFOPEN);
	assert_int_equal(flow.timeout_ms, SW_UNCONFIRMED_MS);
	send_one(1, 1, SW_TCP_ACK, 1, 1, START_NS);
	assert_int_equal(place_of(1, &flow), PLACE_FLOWS);
	assert_int_equal(flow.timeout_ms, both.timeout.established);
}

static void flow_of_one_end_is_promoted_where_the_other_is_not_seen(void **state)
{
	struct sw_flow flow;

	(void)state;
	harness_reset(NULL);
	send_one(1, 0, SW_TCP_SYN, 0, 0, START_NS);
	assert_int_equal(place_of(1, &flow), PLACE_HALFOPEN);
	send_one(1, 0, SW_TCP_ACK, 1, 1, START_NS);
	assert_int_equal(place_of(1, &flow), PLACE_FLOWS);
}

static void refused_segment_makes_no_record(void **state)
{
	struct sw_flow flow;

	(void)state;
	harness_reset(&both);
	assert_int_equal(send_one(1, 0, SW_TCP_RST, 1, 0, START_NS), SW_RST_NO_FLOW);
	assert_int_equal(send_one(1, 0, SW_TCP_SYN | SW_TCP_FIN, 0, 0, START_NS), SW_BAD_FLAGS);
	assert_int_equal(place_of(1, &flow), PLACE_NOWHERE);
	assert_int_equal(harness_count(SW_HALFOPEN_OPENED), 0);
}

static void both_directions_and_families_are_flows_of_their_own(void **state)
{
	struct sw_segment segment = { .flags = SW_TCP_SYN, .window = 100 };
	struct outcome outcome;

	(void)state;
	harness_reset(&both);
	open_one(1, START_NS);
	open_one(2, START_NS);
	harness_key(&segment.key, 1);
	segment.key.addr[0][0] = segment.key.addr[1][0] = 0x20;
	harness_segment(HOOK_XDP, &segment, START_NS, &outcome);
	assert_int_equal(harness_entries(PLACE_FLOWS), 2);
	assert_int_equal(harness_entries(PLACE_HALFOPEN), 1);
}

/* --- Counters --------------------------------------------------------------------------------- */

static void every_syn_is_counted_once(void **state)
{
	struct sw_stats stats;

	(void)state;
	harness_reset(&both);
	for (__u32 i = 0; i < PRIME; i++)
		send_one(i, 0, SW_TCP_SYN, 0, 0, START_NS);
	harness_stats(&stats);
	assert_int_equal(stats.frames, PRIME);
	assert_int_equal(stats.segments, PRIME);
	assert_int_equal(stats.halfopen_opened, PRIME);
	assert_int_equal(stats.flows_opened, 0);
	assert_int_equal(stats.flows_midstream, 0);
	assert_int_equal(harness_entries(PLACE_HALFOPEN), PRIME);
}

static void every_connection_is_counted_once(void **state)
{
	struct sw_stats stats;

	(void)state;
	harness_reset(&both);
	for (__u32 i = 0; i < PRIME; i++) {
		open_one(i, START_NS);
		close_one(i, START_NS);
		send_one(i, 0, SW_TCP_ACK, 2, 2, START_NS);
	}
	harness_stats(&stats);
	assert_int_equal(stats.frames, 7 * PRIME);
	assert_int_equal(stats.flows_opened, PRIME);
	assert_int_equal(stats.flows_closed, PRIME);
	assert_int_equal(stats.flows_expired, 0);
	assert_int_equal(stats.flows_replaced, 0);
	assert_int_equal(harness_entries(PLACE_FLOWS), PRIME);
	assert_int_equal(harness_entries(PLACE_HALFOPEN), 0);
}

static void reset_of_time_wait_is_no_second_close(void **state)
{
	(void)state;
	harness_reset(&both);
	open_one(1, START_NS);
	close_one(1, START_NS);
	assert_int_equal(harness_count(SW_FLOWS_CLOSED), 1);
	assert_int_equal(send_one(1, 1, SW_TCP_RST, 2, 0, START_NS), SW_NONE);
	assert_int_equal(harness_count(SW_FLOWS_CLOSED), 1);
	assert_int_equal(harness_due(NULL, 0), 1);
}

static void every_reset_is_counted_once(void **state)
{
	struct sw_stats stats;

	(void)state;
	harness_reset(&both);
	for (__u32 i = 0; i < PRIME; i++) {
		open_one(i, START_NS);
		send_one(i, 0, SW_TCP_RST, 0x40000000, 0, START_NS);
		send_one(i, 0, SW_TCP_RST, 2, 0, START_NS);
		send_one(i, 0, SW_TCP_RST, 1, 0, START_NS);
		send_one(i, 0, SW_TCP_RST, 1, 0, START_NS);
		send_one(PRIME + i, 0, SW_TCP_RST, 1, 0, START_NS);
	}
	harness_stats(&stats);
	assert_int_equal(stats.rst_blind, PRIME);
	assert_int_equal(stats.rst_challenge, PRIME);
	assert_int_equal(stats.after_close, PRIME);
	assert_int_equal(stats.rst_no_flow, PRIME);
	assert_int_equal(stats.flows_closed, PRIME);
}

static void every_new_incarnation_is_counted_once(void **state)
{
	struct sw_stats stats;

	(void)state;
	harness_reset(&both);
	for (__u32 i = 0; i < PRIME; i++) {
		open_one(i, START_NS);
		close_one(i, START_NS);
		send_one(i, 0, SW_TCP_SYN, 9000, 0, START_NS);
	}
	harness_stats(&stats);
	assert_int_equal(stats.flows_replaced, PRIME);
	assert_int_equal(stats.flows_closed, PRIME);
}

static void every_flow_picked_up_is_counted_once(void **state)
{
	struct sw_stats stats;

	(void)state;
	harness_reset(&both);
	for (__u32 i = 0; i < PRIME; i++)
		for (int again = 0; again < 3; again++)
			send_one(i, 0, SW_TCP_ACK, 1, 1, START_NS);
	harness_stats(&stats);
	assert_int_equal(stats.flows_midstream, PRIME);
	assert_int_equal(stats.halfopen_opened, PRIME);
	assert_int_equal(stats.flows_opened, 0);
}

/* --- Floods ----------------------------------------------------------------------------------- */

#define FLOOD             300000
#define FLOOD_FIRST       1000000 /* numbers of the flood's flows, apart from the others */
#define ESTABLISHED_FLOWS 1009
#define NEWCOMERS         97

static void flood(__u32 first, __u32 count)
{
	for (__u32 i = 0; i < count; i++)
		send_one(FLOOD_FIRST + first + i, 0, SW_TCP_SYN, 0, 0, START_NS);
}

static void check_established(__u32 first, __u32 count, __u64 now)
{
	for (__u32 i = first; i < first + count; i++) {
		struct sw_flow flow;

		must(place_of(i, &flow) == PLACE_FLOWS, "flow %u was lost", i);
		must(flow.ep[0].state == ESTABLISHED && flow.ep[1].state == ESTABLISHED,
		     "flow %u is in another state", i);
		must(send_one(i, 0, SW_TCP_ACK, 1, 1, now) == SW_NONE, "flow %u is stuck", i);
	}
}

/* L4 */
static void flood_of_syns_evicts_no_established_flow(void **state)
{
	__u32 most = bpf_map__max_entries(harness_skeleton()->maps.sw_halfopen);

	(void)state;
	harness_reset(&both);
	for (__u32 i = 0; i < ESTABLISHED_FLOWS; i++)
		open_one(i, START_NS);
	/* New connections come in all the while, each with a thousand SYNs inside its handshake. */
	for (__u32 i = 0; i < NEWCOMERS; i++) {
		__u32 number = ESTABLISHED_FLOWS + i;

		flood(i * 3000, 2000);
		send_one(number, 0, SW_TCP_SYN, 0, 0, START_NS);
		flood(i * 3000 + 2000, 500);
		send_one(number, 1, SW_TCP_SYN | SW_TCP_ACK, 0, 1, START_NS);
		flood(i * 3000 + 2500, 500);
		send_one(number, 0, SW_TCP_ACK, 1, 1, START_NS);
	}
	flood(NEWCOMERS * 3000, FLOOD - NEWCOMERS * 3000);
	check_established(0, ESTABLISHED_FLOWS + NEWCOMERS, START_NS);
	assert_int_equal(harness_entries(PLACE_FLOWS), ESTABLISHED_FLOWS + NEWCOMERS);
	assert_in_range(harness_entries(PLACE_HALFOPEN), 1, most);
	assert_int_equal(harness_count(SW_HALFOPEN_OPENED), FLOOD + ESTABLISHED_FLOWS + NEWCOMERS);
	assert_int_equal(harness_count(SW_HALFOPEN_FAILED), 0);
	assert_int_equal(harness_count(SW_FLOWS_OPENED), ESTABLISHED_FLOWS + NEWCOMERS);
}

static void flow_stays_half_open_when_the_table_is_full(void **state)
{
	struct sw_flow flow;

	(void)state;
	harness_close();
	must(!harness_open(4, 0), "it did not load");
	harness_reset(&both);
	for (__u32 i = 0; i < 4 + PRIME; i++)
		open_one(i, START_NS);
	assert_int_equal(harness_entries(PLACE_FLOWS), 4);
	assert_int_equal(harness_count(SW_FLOW_TABLE_FULL), PRIME);
	assert_int_equal(place_of(5, &flow), PLACE_HALFOPEN);
	assert_int_equal(flow.ep[0].state, ESTABLISHED);
	assert_int_equal(flow.moved, 0);
	assert_int_equal(send_one(5, 0, SW_TCP_FIN | SW_TCP_ACK, 1, 1, START_NS), SW_NONE);
	assert_int_equal(place_of(5, &flow), PLACE_HALFOPEN);
	assert_int_equal(flow.ep[0].state, FIN_WAIT_1);
	harness_close();
	must(!harness_open(0, 0), "it did not load");
}

/* What finds no room leaves no trace but its counter: neither of a flow that began nor of one picked up. */
static void flow_that_finds_no_room_was_never_there(void **state)
{
	(void)state;
	harness_close();
	must(!harness_open(0, 1), "it did not load");
	harness_reset(&both);
	send_one(0, 0, SW_TCP_SYN, 0, 0, START_NS);
	harness_read_events(true);
	for (__u32 i = 1; i <= PRIME; i++)
		assert_int_equal(send_one(i, 0, SW_TCP_SYN, 0, 0, START_NS), SW_HALFOPEN_FAILED);
	assert_int_equal(send_one(PRIME + 1, 0, SW_TCP_ACK, 1, 1, START_NS), SW_HALFOPEN_FAILED);
	assert_int_equal(harness_entries(PLACE_HALFOPEN), 1);
	assert_int_equal(harness_count(SW_HALFOPEN_OPENED), 1);
	assert_int_equal(harness_count(SW_HALFOPEN_FAILED), PRIME + 1);
	assert_int_equal(harness_count(SW_FLOWS_MIDSTREAM), 0);
	assert_int_equal(harness_events(NULL, 0), 0);
	harness_close();
	must(!harness_open(0, 0), "it did not load");
}

/* --- Settings --------------------------------------------------------------------------------- */

static __u64 left_after_syn(void)
{
	struct sw_flow flow;

	send_one(1, 0, SW_TCP_SYN, 0, 0, START_NS);
	place_of(1, &flow);
	return (flow.deadline_ns - START_NS) / SW_NS_PER_MS;
}

static void defaults_hold_while_nothing_is_set(void **state)
{
	struct sw_config unset = { .configured = 0, .both_directions = 1 };
	struct sw_flow flow;

	(void)state;
	unset.timeout.ms[SYN_SENT] = unset.timeout.ms[LISTEN] = 1234;
	harness_reset(&unset);
	assert_int_equal(left_after_syn(), 60000);
	assert_int_equal(send_one(1, 0, SW_TCP_ACK, 1, 1, START_NS), SW_NONE);
	place_of(1, &flow);
	assert_int_equal(flow.ep[0].state, ESTABLISHED);
	assert_int_equal((flow.deadline_ns - START_NS) / SW_NS_PER_MS, 432000000);
}

static void settings_take_effect(void **state)
{
	struct sw_config config = both;

	(void)state;
	config.timeout.ms[SYN_SENT] = 1234;
	config.timeout.ms[LISTEN] = 777;
	harness_reset(&config);
	assert_int_equal(left_after_syn(), 1234);
	assert_int_equal(send_one(1, 0, SW_TCP_ACK, 1, 1, START_NS), SW_NONE);
}

static void time_out_of_time_wait_is_settable(void **state)
{
	struct sw_config config = both;
	struct sw_flow flow;

	(void)state;
	config.timeout.time_wait = 240000;
	harness_reset(&config);
	open_one(1, START_NS);
	close_one(1, START_NS);
	place_of(1, &flow);
	assert_int_equal(flow.ep[0].state, TIME_WAIT);
	assert_int_equal(flow.ep[1].state, CLOSED);
	assert_int_equal((flow.deadline_ns - START_NS) / SW_NS_PER_MS, 240000);
}

/* --- Events ----------------------------------------------------------------------------------- */

static void event_without_a_reader_is_not_written(void **state)
{
	(void)state;
	harness_reset(&both);
	open_one(1, START_NS);
	assert_int_equal(harness_events(NULL, 0), 0);
}

static void each_transition_is_one_event(void **state)
{
	static const enum sw_state states[6][2] = {
		{ SYN_SENT, LISTEN },        { SYN_SENT, SYN_RCVD },   { ESTABLISHED, ESTABLISHED },
		{ FIN_WAIT_1, ESTABLISHED }, { FIN_WAIT_2, LAST_ACK }, { TIME_WAIT, CLOSED },
	};
	struct sw_event events[8];
	struct sw_flow_key key;

	(void)state;
	harness_reset(&both);
	harness_read_events(true);
	open_one(1, START_NS);
	send_one(1, 0, SW_TCP_ACK, 1, 1, START_NS); /* changes nothing, tells nothing */
	close_one(1, START_NS + 5);
	assert_int_equal(harness_events(events, COUNT(events)), 6);
	harness_key(&key, 1);
	for (int i = 0; i < 6; i++) {
		static const enum sw_state none[2] = { CLOSED, CLOSED };

		assert_memory_equal(&events[i].key, &key, sizeof(key));
		assert_memory_equal(events[i].before, i ? states[i - 1] : none, 2);
		assert_memory_equal(events[i].after, states[i], 2);
		assert_int_equal(events[i].cause, SW_EVENT_SEGMENT);
		assert_int_equal(events[i].sender, i == 1 || i == 4);
		assert_int_equal(events[i].time_ns, i < 3 ? START_NS : START_NS + 5);
	}
	assert_int_equal(events[4].flags, SW_TCP_FIN | SW_TCP_ACK);
	assert_int_equal(events[4].seq, 5001);
	assert_int_equal(events[4].ack, 1002);
	harness_read_events(false);
	open_one(2, START_NS);
	assert_int_equal(harness_events(NULL, 0), 0);
}

static void events_that_find_no_room_are_counted(void **state)
{
	__u32 room = 0;

	(void)state;
	harness_reset(&both);
	harness_read_events(true);
	for (__u32 i = 0; i < 20000; i++)
		send_one(i, 0, SW_TCP_SYN, 0, 0, START_NS);
	room = (__u32)harness_events(NULL, 0);
	assert_in_range(room, 1000, 19999);
	assert_int_equal(room + harness_count(SW_EVENTS_LOST), 20000);
}

/* The handshakes of flows 1 to 23, and the close of flow 7. */
static void talk(void)
{
	for (__u32 i = 1; i <= PRIME; i++)
		open_one(i, START_NS);
	close_one(7, START_NS + 5);
}

static int told(const struct sw_reader *reader)
{
	harness_reset(&both);
	harness_read_other_events(reader);
	talk();
	return harness_other_events(NULL, 0);
}

#define KIND(kind) (1U << (kind))

static void reader_is_told_what_it_wants(void **state)
{
	static const struct {
		struct sw_reader reader;
		int events;
	} cases[] = {
		{ { .kinds = 0 }, 0 },
		{ { .kinds = ~0U }, 3 * PRIME + 3 },
		{ { .kinds = KIND(SW_KIND_NEW) }, PRIME },
		{ { .kinds = KIND(ESTABLISHED) }, PRIME },
		{ { .kinds = KIND(SW_KIND_NEW) | KIND(TIME_WAIT) }, PRIME + 1 },
		{ { .kinds = KIND(CLOSE_WAIT) | KIND(SW_KIND_RESET) }, 0 },
		{ { .kinds = ~0U, .filter.src.states = KIND(SYN_SENT) }, 2 * PRIME },
		{ { .kinds = ~0U, .filter.dst.states = KIND(SYN_SENT) }, 0 },
		{ { .kinds = KIND(SW_KIND_NEW), .filter.dst.states = KIND(LISTEN) }, PRIME },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		must(told(&cases[i].reader) == cases[i].events, "case %zu: %d events", i,
		     told(&cases[i].reader));
}

static void reader_is_told_of_the_flows_it_wants(void **state)
{
	struct sw_reader reader = { .kinds = ~0U };
	struct sw_end_filter *src = &reader.filter.src;
	struct sw_flow_key key;

	(void)state;
	harness_key(&key, 7);
	memcpy(src->address, key.addr[0], sizeof(src->address));
	memset(src->mask, 0xff, sizeof(src->mask));
	src->port = key.port[0] + 1U;
	assert_int_equal(told(&reader), 6);
	reader.filter.dst = reader.filter.src;
	assert_int_equal(told(&reader), 0);
	memset(src, 0, sizeof(*src));
	assert_int_equal(told(&reader), 0);
}

/* One that does not read its events takes none from the others. */
static void each_reader_has_events_of_its_own_and_loses_its_own(void **state)
{
	static const struct sw_reader all = { .kinds = ~0U };
	int room = 0, rounds = 0, mine = 0;

	(void)state;
	harness_reset(&both);
	harness_read_events(true);
	harness_read_other_events(&all);
	for (__u32 i = 0; i < 20000; i++) {
		send_one(i, 0, SW_TCP_SYN, 0, 0, START_NS);
		if (i % 1000 == 999) {
			mine += harness_events(NULL, 0);
			rounds++;
		}
	}
	room = harness_other_events(NULL, 0);
	assert_int_equal(mine, 1000 * rounds);
	assert_in_range(room, 1000, 19999);
	assert_int_equal(room + harness_other_events_lost(), 20000);
	assert_int_equal(harness_count(SW_EVENTS_LOST), harness_other_events_lost());
}

static void closed_flow_is_told_due(void **state)
{
	struct sw_flow_key key;
	struct sw_due due[2];

	(void)state;
	harness_reset(&both);
	open_one(1, START_NS);
	assert_int_equal(harness_due(NULL, 0), 0);
	send_one(1, 0, SW_TCP_RST, 1, 0, START_NS);
	assert_int_equal(harness_due(due, 2), 1);
	harness_key(&key, 1);
	assert_memory_equal(&due[0].key, &key, sizeof(key));
	assert_int_equal(due[0].deadline_ns, START_NS + SW_CLOSED_LINGER_MS * SW_NS_PER_MS);
	send_one(1, 0, SW_TCP_RST, 1, 0, START_NS);
	assert_int_equal(harness_due(NULL, 0), 0);
}

/* --- What bpftool reads ----------------------------------------------------------------------- */

static void check_btf(const char *name, const char *key_type, const char *value_type)
{
	struct bpf_map *map = bpf_object__find_map_by_name(harness_skeleton()->obj, name);
	struct bpf_map_info info = { 0 };
	__u32 size = sizeof(info);
	struct btf *btf;
	const struct btf_type *type;

	must(map, "there is no map %s", name);
	must(!bpf_obj_get_info_by_fd(bpf_map__fd(map), &info, &size), "%s has no info", name);
	must(!strcmp(info.name, name), "%s is called %s", name, info.name);
	must(info.btf_key_type_id && info.btf_value_type_id, "%s has no BTF", name);
	btf = btf__load_from_kernel_by_id(info.btf_id);
	must(btf, "%s: its BTF can't be read", name);
	type = btf__type_by_id(btf, info.btf_key_type_id);
	must(!strcmp(btf__name_by_offset(btf, type->name_off), key_type), "%s: the key is %s", name,
	     btf__name_by_offset(btf, type->name_off));
	type = btf__type_by_id(btf, info.btf_value_type_id);
	must(!strcmp(btf__name_by_offset(btf, type->name_off), value_type), "%s: the value is %s",
	     name, btf__name_by_offset(btf, type->name_off));
	must(btf__find_by_name_kind(btf, "sw_state", BTF_KIND_ENUM) > 0, "no enum of states");
	btf__free(btf);
}

static void maps_read_by_themselves(void **state)
{
	(void)state;
	check_btf("sw_flows", "sw_flow_key", "sw_flow");
	check_btf("sw_halfopen", "sw_flow_key", "sw_flow");
	check_btf("sw_stats", "__u32", "sw_stats");
	check_btf("sw_config", "__u32", "sw_config");
	check_btf("sw_ifaces", "__u32", "sw_iface");
	check_btf("sw_readers", "__u32", "sw_reader");
	check_btf("sw_reading", "__u32", "__u32");
}

static void every_map_of_a_kind_that_has_types_has_btf(void **state)
{
	struct bpf_map *map;

	(void)state;
	bpf_object__for_each_map (map, harness_skeleton()->obj) {
		enum bpf_map_type type = bpf_map__type(map);

		if (type != BPF_MAP_TYPE_RINGBUF && type != BPF_MAP_TYPE_ARRAY_OF_MAPS)
			must(bpf_map__btf_value_type_id(map), "%s has no BTF", bpf_map__name(map));
		must(strlen(bpf_map__name(map)) <= 15, "%s is cut by the kernel",
		     bpf_map__name(map));
	}
}

int test_maps(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(flow_is_promoted_when_it_has_been_proved),
		cmocka_unit_test(flow_of_one_end_alone_is_not_promoted),
		cmocka_unit_test(flow_of_one_end_is_promoted_where_the_other_is_not_seen),
		cmocka_unit_test(refused_segment_makes_no_record),
		cmocka_unit_test(both_directions_and_families_are_flows_of_their_own),
		cmocka_unit_test(every_syn_is_counted_once),
		cmocka_unit_test(every_connection_is_counted_once),
		cmocka_unit_test(reset_of_time_wait_is_no_second_close),
		cmocka_unit_test(every_reset_is_counted_once),
		cmocka_unit_test(every_new_incarnation_is_counted_once),
		cmocka_unit_test(every_flow_picked_up_is_counted_once),
		cmocka_unit_test(flood_of_syns_evicts_no_established_flow),
		cmocka_unit_test(flow_stays_half_open_when_the_table_is_full),
		cmocka_unit_test(flow_that_finds_no_room_was_never_there),
		cmocka_unit_test(defaults_hold_while_nothing_is_set),
		cmocka_unit_test(settings_take_effect),
		cmocka_unit_test(time_out_of_time_wait_is_settable),
		cmocka_unit_test(event_without_a_reader_is_not_written),
		cmocka_unit_test(each_transition_is_one_event),
		cmocka_unit_test(events_that_find_no_room_are_counted),
		cmocka_unit_test(reader_is_told_what_it_wants),
		cmocka_unit_test(reader_is_told_of_the_flows_it_wants),
		cmocka_unit_test(each_reader_has_events_of_its_own_and_loses_its_own),
		cmocka_unit_test(closed_flow_is_told_due),
		cmocka_unit_test(maps_read_by_themselves),
		cmocka_unit_test(every_map_of_a_kind_that_has_types_has_btf),
	};

	return cmocka_run_group_tests_name("maps", tests, NULL, NULL);
}
