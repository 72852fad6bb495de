// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What is learnt of services, and how their half-open connections leak away (<synward/service.h>).
 */
#include <synward/service.h>

#include "check.h"
#include "unit.h"

static const struct sw_offer nothing_known, all_asked = {
	.wscale_ok = 1,
	.sack_ok = 1,
	.ecn_ok = 1,
	.tstamp_ok = 1,
};

static const struct sw_segment whole = {
	.flags = SW_TCP_SYN | SW_TCP_ACK | SW_TCP_ECE,
	.mss = 1400,
	.has_wscale = 1,
	.wscale = 9,
	.sack_ok = 1,
	.has_tsval = 1,
};

static const struct sw_segment bare = { .flags = SW_TCP_SYN | SW_TCP_ACK, .mss = 1460 };

static void options_are_learnt_and_not_forgotten_for_clients_that_offer_none(void **state)
{
	struct sw_service service = {};

	(void)state;
	sw_service_learn(&service, &whole, &nothing_known);
	assert_int_equal(service.mss, 1400);
	assert_int_equal(service.wscale, 9);
	assert_true(service.scales && service.sack && service.timestamps && service.ecn);
	sw_service_learn(&service, &bare, &nothing_known);
	assert_int_equal(service.mss, 1460);
	assert_int_equal(service.wscale, 9);
	assert_true(service.scales && service.sack && service.timestamps && service.ecn);
}

static void option_that_was_asked_for_and_is_not_there_is_forgotten(void **state)
{
	struct sw_service service = {};

	(void)state;
	sw_service_learn(&service, &whole, &all_asked);
	sw_service_learn(&service, &bare, &all_asked);
	assert_false(service.scales || service.sack || service.timestamps || service.ecn);
}

static void service_without_an_mss_has_the_default(void **state)
{
	const struct sw_segment none = { .flags = SW_TCP_SYN | SW_TCP_ACK };
	struct sw_service service = {};

	(void)state;
	sw_service_learn(&service, &none, &nothing_known);
	assert_int_equal(service.mss, 536);
}

/* RFC 3168, 6.1.1: only ECE alone agrees to it. */
static void both_bits_of_ecn_agree_to_nothing(void **state)
{
	struct sw_segment syn_ack = whole;
	struct sw_service service = {};

	(void)state;
	syn_ack.flags |= SW_TCP_CWR;
	sw_service_learn(&service, &syn_ack, &nothing_known);
	assert_false(service.ecn);
}

static void half_open_connections_are_gone_after_a_minute(void **state)
{
	static const struct {
		__u32 count, seconds, left;
	} cases[] = {
		{ 256, 0, 256 },  { 256, 1, 252 },
		{ 256, 32, 128 }, { 256, 63, 4 },
		{ 256, 64, 0 },   { 1, 1, 0 },
		{ 0, 1, 0 },      { 0xffffffff, 32, 0x7fffffff },
		{ 7, 1, 6 },      { 5, 1000000, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		must(sw_half_open_left(cases[i].count, cases[i].seconds * SW_NS_PER_S) ==
			     cases[i].left,
		     "of %u after %u s", cases[i].count, cases[i].seconds);
}

static void service_is_asked_anew_after_a_minute(void **state)
{
	(void)state;
	assert_false(sw_service_is_due(1000, 1000 * SW_NS_PER_S));
	assert_false(sw_service_is_due(1000, 1060 * SW_NS_PER_S - 1));
	assert_true(sw_service_is_due(1000, 1060 * SW_NS_PER_S));
	assert_true(sw_service_is_due(0xffffffff, (0x100000000 + 60) * SW_NS_PER_S));
	assert_false(sw_service_is_due(0xffffffff, (0x100000000 + 58) * SW_NS_PER_S));
}

int test_service(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_learnt_and_not_forgotten_for_clients_that_offer_none),
		cmocka_unit_test(option_that_was_asked_for_and_is_not_there_is_forgotten),
		cmocka_unit_test(service_without_an_mss_has_the_default),
		cmocka_unit_test(both_bits_of_ecn_agree_to_nothing),
		cmocka_unit_test(half_open_connections_are_gone_after_a_minute),
		cmocka_unit_test(service_is_asked_anew_after_a_minute),
	};

	return cmocka_run_group_tests_name("service", tests, NULL, NULL);
}
