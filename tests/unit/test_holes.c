// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Random segments of data and a FIN, out of order, overlapping and sent again, against a reference
 * that remembers every unit of the data. With as many blocks as a record has room for, the two must
 * agree after every segment; with more of them, or too large ones, the record may lag behind the
 * reference until the peer acknowledges, and may never be ahead of it.
 */
#include "check.h"
#include "sound.h"
#include "step.h"
#include "unit.h"

#define UNITS 24 /* of data; the FIN is one more */
#define STEPS 200
#define RUNS  1000
#define NOW   (50 * SW_NS_PER_S)

/* What one end has sent. */
struct reference {
	bool seen[UNITS + 1];
	int acked; /* units that its peer has acknowledged */
};

struct talk {
	struct sw_flow flow;
	struct reference ref[2];
	__u32 isn[2];
	__u32 unit; /* bytes */
	__u32 seed;
	unsigned int
		blocks[2]; /* so many of each end are to be remembered; 0: any number may come */
};

static __u32 pick(struct talk *talk, __u32 below)
{
	talk->seed = talk->seed * 1664525 + 1013904223;
	return (__u32)((__u64)talk->seed * below >> 32);
}

/* --- The reference ---------------------------------------------------------------------------- */

static int seen_in_order(const struct reference *ref)
{
	int units = 0;

	while (units <= UNITS && ref->seen[units])
		units++;
	return units;
}

static unsigned int blocks_beyond_a_hole(const struct reference *ref)
{
	unsigned int blocks = 0;

	for (int i = seen_in_order(ref) + 1; i <= UNITS; i++)
		blocks += ref->seen[i] && !ref->seen[i - 1];
	return blocks;
}

static void see(struct reference *ref, int from, int to)
{
	for (int i = from; i < to; i++)
		ref->seen[i] = true;
}

/* --- The record ------------------------------------------------------------------------------- */

static void apply(struct talk *talk, int sender, __u8 flags, __u32 seq, __u32 ack, __u32 length)
{
	static const struct sw_config config = {
		.both_directions = 1,
		.timeout.ms = { SW_TIMEOUTS(SW_TIMEOUT_DEFAULT) },
	};
	struct sw_segment segment = {
		.sender = (__u8)sender,
		.flags = flags,
		.seq = talk->isn[sender] + seq,
		.ack = flags & SW_TCP_ACK ? talk->isn[!sender] + ack : 0,
		.length = length,
		.window = 65535,
		.has_wscale = !!(flags & SW_TCP_SYN),
		.wscale = 14,
	};
	struct sw_flow before = talk->flow;
	enum sw_counter reason = flow_step(&talk->flow, &segment, NOW, &config);
	const char *wrong = numbers_unsound(&before, &talk->flow, &segment, reason);

	if (!wrong)
		wrong = prediction_unsound(&before, &talk->flow, &segment, reason, NOW, &config);
	assert_int_equal(reason, SW_NONE);
	must(!wrong, "%s", wrong);
}

static void begin(struct talk *talk)
{
	memset(&talk->flow, 0, sizeof(talk->flow));
	memset(talk->ref, 0, sizeof(talk->ref));
	for (int end = 0; end < 2; end++)
		talk->isn[end] = pick(talk, 4) ? 0U - pick(talk, UNITS * talk->unit + 2)
					       : pick(talk, 0xffffffff);
	apply(talk, 0, SW_TCP_SYN, 0, 0, 0);
	apply(talk, 1, SW_TCP_SYN | SW_TCP_ACK, 0, 1, 0);
	apply(talk, 0, SW_TCP_ACK, 1, 1, 0);
	apply(talk, 1, SW_TCP_ACK, 1, 1, 0);
}

/* Units [from, to) of this end, of which unit UNITS is the FIN. */
static void send_units(struct talk *talk, int end, int from, int to)
{
	bool fin = to > UNITS;

	apply(talk, end, SW_TCP_ACK | (fin ? SW_TCP_FIN : 0), 1 + (__u32)from * talk->unit,
	      1 + (__u32)talk->ref[!end].acked * talk->unit, (__u32)(to - fin - from) * talk->unit);
}

/* --- One against the other -------------------------------------------------------------------- */

static void compare(const struct talk *talk, int end)
{
	const struct sw_endpoint *ep = &talk->flow.ep[end];
	int units = seen_in_order(&talk->ref[end]);
	bool complete = units > UNITS, counts = ep->history & (1U << FIN_WAIT_1);
	__u64 bytes = (__u64)(complete ? UNITS : units) * talk->unit;

	must(!counts || complete, "a FIN counts before all data has been seen, seed %u",
	     talk->seed);
	must(sw_endpoint_bytes(ep) <= bytes, "%llu bytes counted, of %llu seen, seed %u",
	     sw_endpoint_bytes(ep), bytes, talk->seed);
	if (!talk->blocks[end])
		return;
	must(counts == complete, "all data has been seen, and the FIN doesn't count, seed %u",
	     talk->seed);
	must(sw_endpoint_bytes(ep) == bytes, "%llu bytes counted, not %llu, seed %u",
	     sw_endpoint_bytes(ep), bytes, talk->seed);
}

static bool too_many_blocks(const struct talk *talk, int end, int from, int to)
{
	struct reference then = talk->ref[end];

	see(&then, from, to);
	return talk->blocks[end] && blocks_beyond_a_hole(&then) > talk->blocks[end];
}

/* Data, now and then an acknowledgement of data that has come so far, or not been seen. */
static void step(struct talk *talk)
{
	int end = (int)pick(talk, 2), from = (int)pick(talk, UNITS + 1), to;
	struct reference *ref = &talk->ref[end];

	to = from + 1 + (int)pick(talk, pick(talk, 4) ? 3 : UNITS);
	if (to > UNITS + 1)
		to = UNITS + 1;
	if (too_many_blocks(talk, end, from, to))
		return;
	see(ref, from, to);
	send_units(talk, end, from, to);
	compare(talk, end);
	if (pick(talk, 50) || !ref->acked == !pick(talk, 3))
		return;
	while (from <= UNITS && ref->seen[from])
		from++;
	ref->acked = from > UNITS ? UNITS : from;
	see(ref, 0, ref->acked);
	send_units(talk, !end, 0, 0);
	compare(talk, end);
}

/* Whatever was forgotten: what the peer has acknowledged has been seen. */
static void acknowledge_all(struct talk *talk, int end)
{
	struct reference *ref = &talk->ref[end];

	see(ref, UNITS, UNITS + 1);
	send_units(talk, end, UNITS, UNITS + 1);
	see(ref, 0, UNITS);
	ref->acked = UNITS;
	send_units(talk, !end, 0, 0);
	must(talk->flow.ep[end].history & (1U << FIN_WAIT_1),
	     "all is acknowledged, and the FIN doesn't count, seed %u", talk->seed);
	assert_int_equal(sw_endpoint_bytes(&talk->flow.ep[end]), (__u64)UNITS * talk->unit);
}

static void run(__u32 unit, unsigned int blocks_a, unsigned int blocks_b)
{
	for (__u32 seed = 1; seed <= RUNS; seed++) {
		struct talk talk = {
			.unit = unit,
			.seed = seed * 2654435761U,
			.blocks = { blocks_a, blocks_b },
		};

		begin(&talk);
		for (int i = 0; i < STEPS; i++)
			step(&talk);
		acknowledge_all(&talk, 0);
		acknowledge_all(&talk, 1);
	}
}

static void three_blocks_of_one_end_are_remembered(void **state)
{
	(void)state;
	run(1, 3, 1);
	run(1, 1, 3);
	run(1460, 3, 1);
}

static void two_blocks_of_each_end_are_remembered(void **state)
{
	(void)state;
	run(1, 2, 2);
	run(1460, 2, 2);
}

static void last_block_is_remembered_however_large(void **state)
{
	(void)state;
	run(40000000, 1, 1);
}

static void what_is_forgotten_is_not_taken_as_seen(void **state)
{
	static const __u32 units[] = { 1, 1460, 9000, 65535, 65536, 1000003, 40000000 };

	(void)state;
	for (size_t i = 0; i < COUNT(units); i++)
		run(units[i], 0, 0);
}

/* Units [1, to) and [5, 6) come, then unit 0: how many bytes have then been seen in order? */
static __u64 bytes_after_block_up_to(int to)
{
	struct talk talk = { .unit = 30000 };

	begin(&talk);
	send_units(&talk, 0, 1, to);
	send_units(&talk, 0, 5, 6);
	send_units(&talk, 0, 0, 1);
	return sw_endpoint_bytes(&talk.flow.ep[0]);
}

static void early_block_of_64k_is_forgotten(void **state)
{
	(void)state;
	assert_int_equal(bytes_after_block_up_to(3), 90000);
	assert_int_equal(bytes_after_block_up_to(4), 30000);
	assert_int_equal(bytes_after_block_up_to(5), 180000); /* it touches the last block */
}

int test_holes(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_blocks_of_one_end_are_remembered),
		cmocka_unit_test(two_blocks_of_each_end_are_remembered),
		cmocka_unit_test(last_block_is_remembered_however_large),
		cmocka_unit_test(early_block_of_64k_is_forgotten),
		cmocka_unit_test(what_is_forgotten_is_not_taken_as_seen),
	};

	return cmocka_run_group_tests_name("random holes", tests, NULL, NULL);
}
