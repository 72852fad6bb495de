// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What --allow and --deny take (guard/client_list.h).
 */
#include <errno.h>

#include "check.h"
#include "guard/client_list.h"
#include "said.h"
#include "unit.h"

static void prefixes_are_in_order_each_once(void **state)
{
	struct sw_client_list list = {};

	(void)state;
	assert_int_equal(sw_client_list_rules(&list), 0);
	assert_int_equal(
		sw_client_list_take(&list, CLIENT_DENY, "192.0.2.1, 10.0.0.0/8,2001:db8::/32"), 0);
	assert_int_equal(sw_client_list_rules(&list), CLIENT_DENY);
	assert_int_equal(sw_client_list_take(&list, CLIENT_ALLOW, "10.1.0.0/16"), 0);
	assert_int_equal(sw_client_list_take(&list, CLIENT_DENY, "192.0.2.1/32,0.0.0.0/0"), 0);
	assert_int_equal(sw_client_list_settle(&list), 0);
	assert_int_equal(list.count, 5);
	for (size_t i = 1; i < list.count; i++)
		assert_true(sw_lpm_by_key(&list.said[i - 1], &list.said[i]) < 0);
	assert_int_equal(list.said[0].key.bits, 32);
	assert_int_equal(list.said[1].key.bits, 96);
	assert_int_equal(sw_client_list_rules(&list), CLIENT_ALLOW | CLIENT_DENY);
	sw_client_list_free(&list);
}

static void one_prefix_has_one_rule(void **state)
{
	struct sw_client_list list = {};

	(void)state;
	assert_int_equal(sw_client_list_take(&list, CLIENT_DENY, "10.0.0.0/8"), 0);
	assert_int_equal(sw_client_list_take(&list, CLIENT_ALLOW, "10.0.0.0/8"), 0);
	assert_int_equal(sw_client_list_settle(&list), -EINVAL);
	assert_string_equal(said(), "10.0.0.0/8 is both allowed and denied");
	sw_client_list_free(&list);
}

static void what_is_no_client_is_refused_with_its_reason(void **state)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
		{ "", "--deny is an address or a prefix such as 192.0.2.1, 10.0.0.0/8 or "
		      "2001:db8::/32, not \"\"" },
		{ "10.0.0.0/8,", "--deny is an address or a prefix such as 192.0.2.1, 10.0.0.0/8 "
				 "or 2001:db8::/32, not \"\"" },
		{ "[2001:db8::1]", "--deny is an address or a prefix such as 192.0.2.1, 10.0.0.0/8 "
				   "or 2001:db8::/32, not \"[2001:db8::1]\"" },
		{ "10.0.0.1/8", "--deny: \"10.0.0.1/8\" has bits beyond its prefix" },
		{ "10.0.0.0/33", "--deny: the length of a prefix is 0 to 32, not \"33\"" },
		{ "127.0.0.1", "--deny: no client comes from \"127.0.0.1\"" },
		{ "::/0", "--deny: \"::/0\" has IPv4 in it: 0.0.0.0/0 is all of that" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sw_client_list list = {};

		must(sw_client_list_take(&list, CLIENT_DENY, cases[i].text) == -EINVAL,
		     "\"%s\" is taken", cases[i].text);
		must(!strcmp(said(), cases[i].said), "\"%s\": %s", cases[i].text, said());
		sw_client_list_free(&list);
	}
}

int test_client_list(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(prefixes_are_in_order_each_once),
		cmocka_unit_test(one_prefix_has_one_rule),
		cmocka_unit_test(what_is_no_client_is_refused_with_its_reason),
	};

	return cmocka_run_group_tests_name("client lists", tests, NULL, NULL);
}
