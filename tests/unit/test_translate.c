// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The rules of <synward/translate.h>: the segments of a handshake with a service, byte by byte, and the
 * numbers of those that follow. What a checksum is said to have changed by is held against the sum itself.
 */
#include <string.h>

#include <synward/parse.h>
#include <synward/translate.h>

#include "check.h"
#include "unit.h"

#define CLIENT_ISN 0xfffffff0U /* its numbers wrap within the handshake's data */
#define COOKIE     0x12345678U
#define SERVICE    0xfffffff8U
#define NOW        (1000 * SW_NS_PER_S)

static const struct sw_offer offer = {
	.mss = 1440,
	.wscale_ok = 1,
	.wscale = 4,
	.own_wscale = 9,
	.sack_ok = 1,
	.ecn_ok = 1,
	.tstamp_ok = 1,
};

static const struct sw_segment cookie_ack = {
	.seq = CLIENT_ISN + 1,
	.ack = COOKIE + 1,
	.tsval = 700,
	.tsecr = 50000,
	.has_tsval = true,
	.window = 5000,
	.flags = SW_TCP_ACK,
	.sender = 1,
};

static const struct sw_segment syn_ack = {
	.seq = SERVICE,
	.ack = CLIENT_ISN + 1,
	.tsval = 60000,
	.tsecr = 700,
	.has_tsval = true,
	.has_wscale = true,
	.wscale = 7,
	.flags = SW_TCP_SYN | SW_TCP_ACK,
};

/* An open connection, translated both ways. */
static struct sw_proxied open_connection(void)
{
	struct sw_proxied p;

	sw_proxy_begin(&p, &cookie_ack, &offer, NOW);
	sw_proxy_answered(&p, &syn_ack);
	p.stage = PROXY_OPEN;
	return p;
}

/* The words on the wire, all 0 behind them. */
static void expect_words(const __u32 *tcp, const __u32 *expected, __u32 words)
{
	for (__u32 i = 0; i < SW_HEADER_WORDS; i++)
		assert_int_equal(sw_wire32(tcp[i]), i < words ? expected[i] : 0);
}

/* --- The handshake ---------------------------------------------------------------------------- */

static void syn_is_what_the_client_sent(void **state)
{
	static const __u32 expected[] = {
		0x9c400050, CLIENT_ISN, 0,          0xa0c2ffff, /* 5000 << 4 is more than 65535 */
		0,          0x020405a0, 0x0402080a, 700,        0, 0x01030304,
	};
	__u32 tcp[SW_HEADER_WORDS] = { sw_wire32(0x9c400050) };
	struct sw_proxied p;

	(void)state;
	sw_proxy_begin(&p, &cookie_ack, &offer, NOW);
	assert_int_equal(sw_proxy_syn(&p, tcp), 10);
	expect_words(tcp, expected, 10);
	assert_int_equal(p.stage, PROXY_OPENING);
	assert_int_equal(p.client, 1);
}

static void syn_offers_nothing_that_the_client_did_not(void **state)
{
	static const __u32 expected[] = {
		0x9c400050, CLIENT_ISN, 0, 0x60021388, 0, 0x02040218,
	};
	static const struct sw_offer plain = { .mss = 536 };
	__u32 tcp[SW_HEADER_WORDS] = { sw_wire32(0x9c400050) };
	struct sw_proxied p;

	(void)state;
	sw_proxy_begin(&p, &cookie_ack, &plain, NOW);
	assert_int_equal(sw_proxy_syn(&p, tcp), 6);
	expect_words(tcp, expected, 6);
}

static void ack_is_what_the_client_sent(void **state)
{
	static const __u32 expected[] = {
		0x9c400050, CLIENT_ISN + 1, COOKIE + 1, 0x80191388, 0, 0x0101080a, 700, 50000,
	};
	struct sw_proxied p = open_connection();
	__u32 tcp[SW_HEADER_WORDS] = {};

	(void)state;
	assert_int_equal(sw_proxy_ack(&p, tcp, sw_wire32(0x00509c40), true, true), 8);
	expect_words(tcp, expected, 8);
}

static void ack_has_no_timestamp_where_the_service_has_none(void **state)
{
	static const __u32 expected[] = {
		0x9c400050, CLIENT_ISN + 1, COOKIE + 1, 0x50101388, 0,
	};
	struct sw_segment bare = syn_ack;
	struct sw_proxied p = open_connection();
	__u32 tcp[SW_HEADER_WORDS] = {};

	(void)state;
	bare.has_tsval = false;
	sw_proxy_answered(&p, &bare);
	assert_int_equal(sw_proxy_ack(&p, tcp, sw_wire32(0x00509c40), false, false), 5);
	expect_words(tcp, expected, 5);
}

static void reset_is_where_the_client_expects_it(void **state)
{
	static const __u32 expected[] = { 0x00509c40, COOKIE + 1, 0, 0x50040000, 0 };
	__u32 tcp[SW_HEADER_WORDS] = {};

	(void)state;
	assert_int_equal(sw_proxy_reset(tcp, sw_wire32(0x9c400050), COOKIE + 1), 5);
	expect_words(tcp, expected, 5);
}

static void only_the_answer_to_its_syn_is_an_answer(void **state)
{
	struct sw_segment other = syn_ack;
	struct sw_proxied p = open_connection();

	(void)state;
	assert_true(sw_proxy_is_answer(&p, &other));
	other.ack++;
	assert_false(sw_proxy_is_answer(&p, &other));
}

static void syns_are_sent_again_after_1_2_and_4_seconds(void **state)
{
	struct sw_proxied p = { .syn_ns = NOW };

	(void)state;
	for (p.tries = 0; p.tries <= SW_PROXY_TRIES; p.tries++) {
		__u64 wait = SW_NS_PER_S << p.tries;

		assert_false(sw_proxy_is_overdue(&p, NOW + wait - 1));
		assert_true(sw_proxy_is_overdue(&p, NOW + wait));
	}
}

static void window_is_rescaled_between_shift_counts(void **state)
{
	static const struct {
		__u16 window;
		__u8 from, to;
		__u16 becomes;
	} cases[] = {
		{ 500, 7, 7, 500 },   { 65535, 14, 14, 65535 }, { 500, 7, 0, 64000 },
		{ 600, 7, 0, 65535 }, { 65535, 14, 0, 65535 },  { 1280, 0, 7, 10 },
		{ 127, 0, 7, 1 },     { 1, 0, 14, 1 }, /* what is more than nothing stays more */
		{ 0, 0, 7, 0 },       { 0, 9, 0, 0 },           { 100, 3, 9, 1 },
		{ 1000, 3, 9, 15 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(sw_rescale(cases[i].window, cases[i].from, cases[i].to),
				 cases[i].becomes);
}

static void kept_data_fits_into_one_segment(void **state)
{
	(void)state;
	assert_int_equal(sw_kept_room(1460), 2 * 1448);
	assert_int_equal(sw_kept_room(536), 2 * 524);
	assert_int_equal(sw_kept_room(8960), SW_KEPT_MAX);
}

/* --- Segments --------------------------------------------------------------------------------- */

struct header {
	__u32 word[SW_HEADER_WORDS]; /* host order */
};

static __u32 sum_of(const __u32 *tcp)
{
	return sw_fold_checksum(sw_sum_words(0, tcp, SW_HEADER_WORDS));
}

/* Translated, and the sum has changed by what is said. */
static void expect_translated(const struct sw_proxied *p, enum sw_direction direction,
			      struct header before, struct header after)
{
	__u32 tcp[SW_HEADER_WORDS];
	__u8 walk;
	__u64 sum, difference;

	for (int i = 0; i < SW_HEADER_WORDS; i++)
		tcp[i] = sw_wire32(before.word[i]);
	sum = sw_sum_words(0, tcp, SW_HEADER_WORDS);
	difference = sw_translate(p, tcp, direction, &walk);
	expect_words(tcp, after.word, SW_HEADER_WORDS);
	assert_int_equal(sw_fold_checksum(sum + difference), sum_of(tcp));
}

#define SEQ 0x00000010U
#define ACK (COOKIE + 100)

static void acknowledgement_and_echo_become_the_services(void **state)
{
	struct sw_proxied p = open_connection();

	(void)state;
	expect_translated(&p, SW_INWARD,
			  (struct header){ { 0x9c400050, SEQ, ACK, 0x80101388, 0xabcd0000,
					     0x0101080a, 800, 50040 } },
			  (struct header){ { 0x9c400050, SEQ, SERVICE + 100, 0x80101388, 0xabcd0000,
					     0x0101080a, 800, 60040 } });
}

static void sequence_number_and_clock_become_the_clients(void **state)
{
	struct sw_proxied p = open_connection();

	(void)state;
	/* A window of the service's scale, 7, in the units that the client was told, 9. */
	expect_translated(&p, SW_OUTWARD,
			  (struct header){ { 0x00509c40, SERVICE + 100, SEQ, 0x801801f4, 0xabcd0000,
					     0x0101080a, 60040, 800 } },
			  (struct header){ { 0x00509c40, ACK, SEQ, 0x8018007d, 0xabcd0000,
					     0x0101080a, 50040, 800 } });
}

static void numbers_that_the_other_end_chose_stay(void **state)
{
	struct sw_proxied p = open_connection();

	(void)state;
	/* A RST without ACK: its acknowledgement and its echo say nothing. */
	expect_translated(&p, SW_INWARD,
			  (struct header){ { 1, SEQ, 0, 0x80040000, 0, 0x0101080a, 800, 0 } },
			  (struct header){ { 1, SEQ, 0, 0x80040000, 0, 0x0101080a, 800, 0 } });
	/* The service's SACK blocks are of the client's data. */
	expect_translated(
		&p, SW_OUTWARD,
		(struct header){ { 1, SERVICE + 1, SEQ, 0x80100000, 0, 0x0101050a, SEQ, SEQ + 9 } },
		(struct header){ { 1, COOKIE + 1, SEQ, 0x80100000, 0, 0x0101050a, SEQ, SEQ + 9 } });
}

static void sack_blocks_become_the_services_wherever_they_stand(void **state)
{
	const __u32 to = SERVICE - COOKIE;
	struct sw_proxied p = open_connection();

	(void)state;
	expect_translated(&p, SW_INWARD,
			  (struct header){ { 1, SEQ, ACK, 0xd0101388, 7, 0x0101080a, 800, 50040,
					     0x01010512, ACK + 10, ACK + 20, ACK + 30, ACK + 40 } },
			  (struct header){ { 1, SEQ, ACK + to, 0xd0101388, 7, 0x0101080a, 800,
					     60040, 0x01010512, ACK + 10 + to, ACK + 20 + to,
					     ACK + 30 + to, ACK + 40 + to } });
	/* At an odd place, behind one NOP; and the list ends behind it. */
	expect_translated(
		&p, SW_INWARD,
		(struct header){ { 1, SEQ, ACK, 0x90100000, 7, 0x01050a00, 0x00000100, 0x00000200,
				   0x00000000 } },
		(struct header){ { 1, SEQ, ACK + to, 0x90100000, 7, 0x01050a00 | (0x1 + to) >> 24,
				   (0x00000001U + to) << 8 | (0x2U + to) >> 24, (0x2U + to) << 8,
				   0x00000000 } });
}

static void four_blocks_fill_the_list(void **state)
{
	const __u32 to = SERVICE - COOKIE;
	struct sw_proxied p = open_connection();
	struct header before = { { 1, SEQ, ACK, 0xf0100000, 7, 0x01010522 } };
	struct header after = { { 1, SEQ, ACK + to, 0xf0100000, 7, 0x01010522 } };

	(void)state;
	for (__u32 i = 6; i < 14; i++) {
		before.word[i] = ACK + i;
		after.word[i] = ACK + i + to;
	}
	before.word[14] = after.word[14] = 0x01010101;
	expect_translated(&p, SW_INWARD, before, after);
}

static void list_that_is_wrong_ends_there(void **state)
{
	struct sw_proxied p = open_connection();
	const __u32 to = SERVICE - COOKIE;

	(void)state;
	/* A length that leads out of the list, and one of 0. */
	expect_translated(&p, SW_INWARD,
			  (struct header){ { 1, SEQ, ACK, 0x70100000, 7, 0x05120000, ACK } },
			  (struct header){ { 1, SEQ, ACK + to, 0x70100000, 7, 0x05120000, ACK } });
	expect_translated(&p, SW_INWARD,
			  (struct header){ { 1, SEQ, ACK, 0x70100000, 7, 0x1e00050a, ACK } },
			  (struct header){ { 1, SEQ, ACK + to, 0x70100000, 7, 0x1e00050a, ACK } });
}

static void client_is_scaled_for_a_service_that_does_not_scale(void **state)
{
	struct sw_segment plain = syn_ack;
	struct sw_proxied p = open_connection();

	(void)state;
	plain.has_wscale = false;
	plain.wscale = 0;
	sw_proxy_answered(&p, &plain);
	/* 100 << 4; and 12800 bytes in units of 2^9 */
	expect_translated(&p, SW_INWARD, (struct header){ { 1, SEQ, ACK, 0x50100064 } },
			  (struct header){ { 1, SEQ, ACK + SERVICE - COOKIE, 0x50100640 } });
	expect_translated(&p, SW_OUTWARD, (struct header){ { 1, SERVICE + 1, SEQ, 0x50103200 } },
			  (struct header){ { 1, COOKIE + 1, SEQ, 0x50100019 } });
}

int test_translate(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(syn_is_what_the_client_sent),
		cmocka_unit_test(syn_offers_nothing_that_the_client_did_not),
		cmocka_unit_test(ack_is_what_the_client_sent),
		cmocka_unit_test(ack_has_no_timestamp_where_the_service_has_none),
		cmocka_unit_test(reset_is_where_the_client_expects_it),
		cmocka_unit_test(only_the_answer_to_its_syn_is_an_answer),
		cmocka_unit_test(syns_are_sent_again_after_1_2_and_4_seconds),
		cmocka_unit_test(window_is_rescaled_between_shift_counts),
		cmocka_unit_test(kept_data_fits_into_one_segment),
		cmocka_unit_test(acknowledgement_and_echo_become_the_services),
		cmocka_unit_test(sequence_number_and_clock_become_the_clients),
		cmocka_unit_test(numbers_that_the_other_end_chose_stay),
		cmocka_unit_test(sack_blocks_become_the_services_wherever_they_stand),
		cmocka_unit_test(four_blocks_fill_the_list),
		cmocka_unit_test(list_that_is_wrong_ends_there),
		cmocka_unit_test(client_is_scaled_for_a_service_that_does_not_scale),
	};

	return cmocka_run_group_tests_name("translate", tests, NULL, NULL);
}
