// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Which MAC key serves when, as `key show` tells it.
 */
#include "check.h"
#include "model/keys_in_force.h"
#include "unit.h"

#define NOW   28000000ULL
#define NEVER SW_EPOCH_NEVER

static void host_that_never_guarded_has_no_keys(void **state)
{
	static const struct sw_keys none;
	struct sw_mac_term term[2];

	(void)state;
	assert_true(sw_keys_none(&none));
	assert_int_equal(sw_mac_terms(&none, NOW, term), 0);
}

static void only_key_serves_and_nothing_ends_it(void **state)
{
	const struct sw_keys keys = { .isn = { 0, 1 }, .mac[1].first_epoch = NEVER };
	struct sw_mac_term term[2];

	(void)state;
	assert_false(sw_keys_none(&keys));
	assert_int_equal(sw_mac_terms(&keys, NOW, term), 1);
	assert_ptr_equal(term[0].mac, &keys.mac[0]);
	assert_int_equal(term[0].last_epoch, NEVER);
	assert_true(term[0].serves);
}

/* In either slot. */
static void next_key_ends_the_term_of_the_one_before(void **state)
{
	struct sw_mac_term term[2];

	(void)state;
	for (int older = 0; older < 2; older++) {
		struct sw_keys keys = { .isn = { 1, 0 } };

		keys.mac[older].first_epoch = NOW - 100;
		keys.mac[!older].first_epoch = NOW + 5;
		for (__u64 now = NOW + 4; now <= NOW + 5; now++) {
			assert_int_equal(sw_mac_terms(&keys, now, term), 2);
			assert_ptr_equal(term[0].mac, &keys.mac[older]);
			assert_ptr_equal(term[1].mac, &keys.mac[!older]);
			assert_int_equal(term[0].last_epoch, NOW + 5);
			assert_int_equal(term[1].last_epoch, NEVER);
			assert_int_equal(term[0].serves, now < NOW + 5);
			assert_int_equal(term[1].serves, now >= NOW + 5);
		}
	}
}

int test_keys_in_force(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(host_that_never_guarded_has_no_keys),
		cmocka_unit_test(only_key_serves_and_nothing_ends_it),
		cmocka_unit_test(next_key_ends_the_term_of_the_one_before),
	};

	return cmocka_run_group_tests_name("keys in force", tests, NULL, NULL);
}
