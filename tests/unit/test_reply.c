// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The SYN+ACK as a whole, byte for byte as golden_replies packs it; and read back.
 */
#include <synward/offer.h>
#include <synward/reply.h>

#include "check.h"
#include "frame.h"
#include "unit.h"

struct golden_reply {
	const char *name;
	__u8 syn[200];
	__u32 syn_size;
	__u8 reply[80];
	__u32 reply_size;
	struct sw_offer offer;
	struct sw_reply_terms terms;
	struct sw_cookie cookie;
	__u32 client_isn, client_tsval;
};

#include "tests/golden_replies.h"

static const struct sw_guard everything_on = {
	.timestamps = 1,
	.sack = 1,
	.ecn = 1,
	.window_scaling = 1,
};

static void read_syn(const struct golden_reply *g, struct sw_packet *packet, struct sw_segment *syn)
{
	struct sw_cursor cursor = {
		.base = g->syn,
		.end = g->syn + g->syn_size,
		.wire_length = g->syn_size,
	};

	memset(packet, 0, sizeof(*packet));
	memset(syn, 0, sizeof(*syn));
	must(!sw_parse_network(&cursor, packet), "%s: the packet is not read", g->name);
	must(!sw_parse_transport(&cursor, packet, syn), "%s: the segment is not read", g->name);
	sw_decode_options(syn);
}

static void offer_is_what_the_syn_offers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(golden_replies); i++) {
		const struct golden_reply *g = &golden_replies[i];
		struct sw_manner manner = { .wscale = g->offer.own_wscale };
		struct sw_packet packet;
		struct sw_segment syn;
		struct sw_offer offer = { 0 };

		read_syn(g, &packet, &syn);
		must(sw_offer_of(&everything_on, &packet, &syn, &manner, &offer), "%s is unfit",
		     g->name);
		must(!memcmp(&offer, &g->offer, sizeof(offer)), "%s is misread", g->name);
	}
}

static void build(const struct golden_reply *g, struct sw_reply *reply)
{
	struct sw_packet packet;
	struct sw_segment syn;

	read_syn(g, &packet, &syn);
	memset(reply, 0xff, sizeof(*reply)); /* what was there before does not count */
	sw_reply_build(reply, &packet, &syn, &g->offer, &g->cookie, &g->terms);
}

static void reply_is_the_one_that_was_packed_elsewhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(golden_replies); i++) {
		const struct golden_reply *g = &golden_replies[i];
		struct sw_reply reply;

		build(g, &reply);
		must(reply.length == g->reply_size, "%s: %u bytes, not %u", g->name, reply.length,
		     g->reply_size);
		for (__u32 at = 0; at < reply.length; at++)
			must(((__u8 *)reply.word)[at] == g->reply[at],
			     "%s: byte %u is %02x, not %02x", g->name, at, ((__u8 *)reply.word)[at],
			     g->reply[at]);
	}
}

static __u32 sum_halves(__u32 sum, const __u8 *bytes, __u32 size)
{
	for (__u32 i = 0; i + 1 < size; i += 2)
		sum += (__u32)bytes[i] << 8 | bytes[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* RFC 1071: over all that it covers, itself included, it is all ones. */
static void checksums_are_right(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(golden_replies); i++) {
		const struct golden_reply *g = &golden_replies[i];
		struct sw_reply reply;
		const __u8 *bytes = (const __u8 *)reply.word;
		bool v4;
		__u32 tcp, sum;

		build(g, &reply);
		v4 = bytes[0] == 0x45;
		tcp = v4 ? 20 : 40;
		must(!v4 || sum_halves(0, bytes, 20) == 0xffff, "%s: IP", g->name);
		sum = sum_halves(6 + reply.length - tcp, bytes + (v4 ? 12 : 8), v4 ? 8 : 32);
		must(sum_halves(sum, bytes + tcp, reply.length - tcp) == 0xffff, "%s: TCP",
		     g->name);
	}
}

/* The reply behind an Ethernet header. */
static __u32 frame_reply(const struct sw_reply *reply, __u8 *frame)
{
	bool v4 = *(const __u8 *)reply->word >> 4 == 4;

	memset(frame, 2, 12);
	frame[12] = v4 ? 0x08 : 0x86;
	frame[13] = v4 ? 0x00 : 0xdd;
	memcpy(frame + 14, reply->word, reply->length);
	return 14 + reply->length;
}

#define CHECK(field, value) \
	must(back.field == (value), "%s: " #field " is %lld", g->name, (long long)back.field)

static void reply_reads_as_the_answer_to_its_syn(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(golden_replies); i++) {
		const struct golden_reply *g = &golden_replies[i];
		const struct sw_offer *o = &g->offer;
		struct sw_packet packet;
		struct sw_segment syn, back;
		struct sw_reply reply;
		__u8 frame[14 + sizeof(reply.word)];
		__u32 size;

		read_syn(g, &packet, &syn);
		build(g, &reply);
		size = frame_reply(&reply, frame);
		must(!frame_parse(frame, size, size, &back), "%s: not read", g->name);
		assert_memory_equal(&back.key, &syn.key, sizeof(back.key));
		CHECK(self, syn.self);
		CHECK(sender, syn.self ? 0 : !syn.sender);
		CHECK(seq, g->cookie.isn);
		CHECK(ack, g->client_isn + 1);
		CHECK(flags, SW_TCP_SYN | SW_TCP_ACK | (o->ecn_ok ? SW_TCP_ECE : 0));
		CHECK(window, g->terms.window);
		CHECK(length, 0);
		CHECK(mss, g->terms.mss);
		CHECK(sack_ok, o->sack_ok);
		CHECK(has_wscale, o->wscale_ok);
		CHECK(wscale, o->wscale_ok ? o->own_wscale : 0);
		CHECK(has_tsval, o->tstamp_ok);
		CHECK(tsval, o->tstamp_ok ? g->cookie.tsval : 0);
		CHECK(tsecr, g->client_tsval);
	}
}

int test_reply(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(offer_is_what_the_syn_offers),
		cmocka_unit_test(reply_is_the_one_that_was_packed_elsewhere),
		cmocka_unit_test(checksums_are_right),
		cmocka_unit_test(reply_reads_as_the_answer_to_its_syn),
	};

	return cmocka_run_group_tests_name("reply", tests, NULL, NULL);
}
