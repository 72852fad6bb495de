// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Any bytes as a frame: nothing beyond them is read, what is read is within its bounds, and fewer
 * bytes in hand give the same answer or none. Any SYN in one has an answer that reads as what it is,
 * and whose own answer is taken.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <synward/offer.h>
#include <synward/parse.h>
#include <synward/reply.h>

int LLVMFuzzerTestOneInput(const __u8 *bytes, size_t size);

static void require(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "fuzz_frame: %s\n", what);
	abort();
}

/* `late`: options are read of every segment. */
static enum sw_counter parse(const __u8 *bytes, size_t size, size_t wire, struct sw_packet *packet,
			     struct sw_segment *segment, bool late)
{
	struct sw_cursor cursor = {
		.base = bytes,
		.end = bytes + size,
		.wire_length = (__u32)wire,
	};
	enum sw_counter stop;

	memset(packet, 0, sizeof(*packet));
	memset(segment, 0, sizeof(*segment));
	stop = sw_parse_network(&cursor, packet);
	if (!stop)
		stop = sw_parse_transport(&cursor, packet, segment);
	if (!stop && late)
		stop = sw_parse_options(&cursor, packet, segment);
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
	require(segment->has_tsval || (!segment->tsval && !segment->tsecr),
		"a timestamp from nowhere");
	require(order < 0 || (!order && segment->key.port[0] <= segment->key.port[1]),
		"a key that is not in order");
	require(segment->self == (!order && segment->key.port[0] == segment->key.port[1]),
		"a self-connection of two endpoints");
}

/* A second reading, of the options of whatever it is. */
static void check_options(const __u8 *bytes, size_t wire, const struct sw_segment *first)
{
	struct sw_packet packet;
	struct sw_segment late;

	require(!parse(bytes, wire, wire, &packet, &late, true), "options are missing");
	check_segment(&late, wire);
	require(first->length + 20 + late.option_bytes == packet.bytes, "options of another size");
	if (first->flags & (SW_TCP_SYN | SW_TCP_FIN))
		require(!memcmp(first, &late, sizeof(late)), "options read twice differ");
	else
		require(!first->option_bytes && !first->mss && !first->sack_ok,
			"options from nowhere");
}

/* --- Guard ------------------------------------------------------------------------------------ */

#define EPOCH 27343750ULL

static const struct sw_keys keys = {
	.isn = { 1, 2 },
	.mac = { { .first_epoch = 0, .key = { 3, 4 } }, { .first_epoch = SW_EPOCH_NEVER } },
};

static const struct sw_guard guard = {
	.timestamps = 1,
	.sack = 1,
	.ecn = 1,
	.window_scaling = 1,
	.wscale = 7,
};

static const struct sw_manner manner = { .wscale = 7 };

struct answer {
	struct sw_offer offer;
	struct sw_cookie cookie;
	struct sw_reply_terms terms;
	struct sw_segment segment;
};

static void check_reply(const struct sw_packet *packet, const struct sw_segment *syn,
			struct answer *a)
{
	__u8 frame[14 + 4 * SW_REPLY_MAX_WORDS] = { 0 };
	struct sw_packet back;
	struct sw_reply reply;
	__u32 size;

	sw_reply_build(&reply, packet, syn, &a->offer, &a->cookie, &a->terms);
	size = 14 + reply.length;
	require(size <= sizeof(frame), "a reply larger than it can be");
	memcpy(frame + 14, reply.word, reply.length);
	frame[12] = packet->ipv4 ? 0x08 : 0x86;
	frame[13] = packet->ipv4 ? 0x00 : 0xdd;
	require(!parse(frame, size, size, &back, &a->segment, false), "a reply that is not read");
	check_segment(&a->segment, size);
	require(!memcmp(&a->segment.key, &syn->key, sizeof(syn->key)) &&
			a->segment.self == syn->self &&
			a->segment.sender == (syn->self ? 0 : !syn->sender),
		"a reply to somebody else");
	require(a->segment.ack == syn->seq + 1 && !a->segment.length, "a reply to something else");
	require(a->segment.has_wscale == a->offer.wscale_ok &&
			a->segment.sack_ok == a->offer.sack_ok &&
			a->segment.has_tsval == a->offer.tstamp_ok &&
			a->segment.tsecr == (a->offer.tstamp_ok ? syn->tsval : 0) &&
			a->segment.mss == a->terms.mss,
		"a reply with other options");
}

static void check_handshake(const struct sw_packet *packet, const struct sw_segment *syn)
{
	__u16 local = syn->key.port[!(syn->sender ^ syn->self)];
	__u16 remote = syn->key.port[syn->sender & 1];
	struct answer a = { .terms = { .mss = 1440, .window = 65535, .hop_limit = 64 } };
	struct sw_offer back = { .own_wscale = guard.wscale };

	if (!sw_offer_of(&guard, packet, syn, &manner, &a.offer))
		return;
	a.cookie = sw_cookie_make(&keys, packet, local, remote, syn->seq, EPOCH, &a.offer);
	check_reply(packet, syn, &a);
	back.tstamp_ok = a.segment.has_tsval;
	require(!sw_cookie_check(&keys, packet, local, remote, syn->seq + 1, a.segment.seq + 1,
				 a.segment.tsval, EPOCH + 1, &back),
		"a cookie that is not taken back");
	require(back.mss <= a.offer.mss && back.wscale_ok == a.offer.wscale_ok &&
			back.wscale <= a.offer.wscale && back.own_wscale == guard.wscale &&
			back.sack_ok == a.offer.sack_ok && back.ecn_ok == a.offer.ecn_ok,
		"a cookie that has forgotten");
}

/* The first byte says how many of the others are in hand. */
int LLVMFuzzerTestOneInput(const __u8 *bytes, size_t size)
{
	struct sw_segment whole, part;
	struct sw_packet packet, packet_part;
	enum sw_counter stop, stop_part;
	size_t wire = size ? size - 1 : 0, in_hand;
	__u8 *copy;

	if (!size)
		return 0;
	stop = parse(bytes + 1, wire, wire, &packet, &whole, false);
	require(stop < SW_COUNTER_MAX, "a counter that does not exist");
	if (!stop) {
		check_segment(&whole, wire);
		check_options(bytes + 1, wire, &whole);
		if (whole.flags & SW_TCP_SYN)
			check_handshake(&packet, &whole);
	}

	in_hand = bytes[0] < wire ? bytes[0] : wire;
	copy = malloc(in_hand ? in_hand : 1);
	if (!copy)
		return 0;
	memcpy(copy, bytes + 1, in_hand);
	stop_part = parse(copy, in_hand, wire, &packet_part, &part, false);
	free(copy);
	require(stop_part == SW_TRUNCATED || stop_part == stop, "fewer bytes, another answer");
	require(stop_part || !memcmp(&whole, &part, sizeof(whole)), "fewer bytes, another segment");
	return 0;
}
