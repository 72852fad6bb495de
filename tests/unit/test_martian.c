// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Who is a martian (<synward/martian.h>): the first and the last address of each range, and their
 * neighbours, which are none.
 */
#include <arpa/inet.h>

#include <synward/martian.h>

#include "check.h"
#include "unit.h"

static void read_address(const char *text, __u32 address[4])
{
	address[0] = address[1] = 0;
	address[2] = htonl(0xffff);
	if (inet_pton(AF_INET, text, &address[3]) != 1)
		must(inet_pton(AF_INET6, text, address) == 1, "address %s", text);
}

static bool martian(const char *from, const char *to)
{
	struct sw_packet packet = { .ipv4 = !strchr(from, ':') };

	read_address(from, packet.from);
	read_address(to, packet.to);
	return sw_martian(&packet);
}

struct range {
	const char *before, *first, *last, *after; /* NULL: there is none */
};

static void expect_range(const struct range *range, const char *peer)
{
	const char *const inside[] = { range->first, range->last };
	const char *const outside[] = { range->before, range->after };

	for (int i = 0; i < 2; i++) {
		must(martian(inside[i], peer), "%s is no martian as a source", inside[i]);
		must(martian(peer, inside[i]), "%s is no martian as a destination", inside[i]);
		if (!outside[i])
			continue;
		must(!martian(outside[i], peer), "%s is a martian as a source", outside[i]);
		must(!martian(peer, outside[i]), "%s is a martian as a destination", outside[i]);
	}
}

static void ranges_of_ipv4_begin_and_end_where_they_should(void **state)
{
	static const struct range ranges[] = {
		{ NULL, "0.0.0.0", "0.255.255.255", "1.0.0.0" },
		{ "126.255.255.255", "127.0.0.0", "127.255.255.255", "128.0.0.0" },
		{ "223.255.255.255", "224.0.0.0", "239.255.255.255", NULL },
		{ NULL, "240.0.0.0", "255.255.255.255", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(ranges); i++)
		expect_range(&ranges[i], "192.0.2.1");
}

static void ranges_of_ipv6_begin_and_end_where_they_should(void **state)
{
	static const struct range ranges[] = {
		{ NULL, "::", "::1", "::2" },
		{ "::fffe:ffff:ffff", "::ffff:0:0", "::ffff:255.255.255.255", "::1:0:0:0" },
		{ "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		  "ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(ranges); i++)
		expect_range(&ranges[i], "2001:db8::1");
}

/* One word of four is another one than of the martian that it looks like. */
static void every_word_of_an_address_counts(void **state)
{
	static const char *const addresses[] = {
		"1::",   "0:0:1::",   "::1:0:0", "1::1",          "0:0:1::1",
		"::1:1", "::1:0:0:1", "fe80::1", "1::ffff:0:0:1", "64:ff9b::7f00:1",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(addresses); i++)
		must(!martian(addresses[i], "2001:db8::1"), "%s", addresses[i]);
}

static void who_sends_to_himself_is_a_martian(void **state)
{
	(void)state;
	assert_true(martian("192.0.2.1", "192.0.2.1"));
	assert_true(martian("2001:db8::1", "2001:db8::1"));
	assert_false(martian("192.0.2.1", "192.0.2.2"));
	assert_false(martian("2001:db8::1", "2001:db8::2"));
	assert_false(martian("2001:db8::1", "2001:db9::1"));
	assert_false(martian("2001:db8:0:1::1", "2001:db8:0:2::1"));
	assert_false(martian("2001:db8::1:0:1", "2001:db8::2:0:1"));
}

int test_martian(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_of_ipv4_begin_and_end_where_they_should),
		cmocka_unit_test(ranges_of_ipv6_begin_and_end_where_they_should),
		cmocka_unit_test(every_word_of_an_address_counts),
		cmocka_unit_test(who_sends_to_himself_is_a_martian),
	};

	return cmocka_run_group_tests_name("martians", tests, NULL, NULL);
}
