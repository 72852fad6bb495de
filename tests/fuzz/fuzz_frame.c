// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Any bytes as a frame: nothing beyond them is read, what is read is within its bounds, and fewer
 * bytes in hand give the same answer or none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <synward/parse.h>

int LLVMFuzzerTestOneInput(const __u8 *bytes, size_t size);

static void require(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "fuzz_frame: %s\n", what);
	abort();
}

static enum sw_counter parse(const __u8 *bytes, size_t size, size_t wire,
			     struct sw_segment *segment)
{
	struct sw_cursor cursor = {
		.base = bytes,
		.end = bytes + size,
		.wire_length = (__u32)wire,
	};
	struct sw_packet packet = { 0 };
	enum sw_counter stop;

	memset(segment, 0, sizeof(*segment));
	stop = sw_parse_network(&cursor, &packet);
	if (!stop)
		stop = sw_parse_transport(&cursor, &packet, segment);
	if (!stop)
		sw_decode_options(segment);
	return stop;
}

static void check_segment(const struct sw_segment *segment, size_t wire)
{
	int order = memcmp(segment->key.addr[0], segment->key.addr[1], 16);

	require(segment->length <= wire, "more payload than frame");
	require(segment->sender <= 1, "a third endpoint");
	require(segment->option_bytes <= SW_TCP_OPTION_BYTES_MAX, "more options than there can be");
	require(segment->wscale <= 14, "a window scale beyond 14");
	require(segment->has_wscale || !segment->wscale, "a window scale from nowhere");
	require(segment->has_tsval || !segment->tsval, "a timestamp from nowhere");
	require(order < 0 || (!order && segment->key.port[0] <= segment->key.port[1]),
		"a key that is not in order");
	require(segment->self == (!order && segment->key.port[0] == segment->key.port[1]),
		"a self-connection of two endpoints");
}

/* The first byte says how many of the others are in hand. */
int LLVMFuzzerTestOneInput(const __u8 *bytes, size_t size)
{
	struct sw_segment whole, part;
	enum sw_counter stop, stop_part;
	size_t wire = size ? size - 1 : 0, in_hand;
	__u8 *copy;

	if (!size)
		return 0;
	stop = parse(bytes + 1, wire, wire, &whole);
	require(stop < SW_COUNTER_MAX, "a counter that does not exist");
	if (!stop)
		check_segment(&whole, wire);

	in_hand = bytes[0] < wire ? bytes[0] : wire;
	copy = malloc(in_hand ? in_hand : 1);
	if (!copy)
		return 0;
	memcpy(copy, bytes + 1, in_hand);
	stop_part = parse(copy, in_hand, wire, &part);
	free(copy);
	require(stop_part == SW_TRUNCATED || stop_part == stop, "fewer bytes, another answer");
	require(stop_part || !memcmp(&whole, &part, sizeof(whole)), "fewer bytes, another segment");
	return 0;
}
