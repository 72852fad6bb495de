// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The bits of this host's addresses: none of them is missed.
 */
#include <stdlib.h>
#include <synward/local.h>

#include "check.h"
#include "unit.h"

static void random_address(__u32 address[4])
{
	for (int i = 0; i < 4; i++)
		address[i] = (__u32)rand() * 2654435761U;
}

static void what_is_marked_may_be_this_host_s(void **state)
{
	static struct sw_local_bits bits;
	struct sw_local_key key[300];

	(void)state;
	srand(1);
	for (size_t i = 0; i < COUNT(key); i++) {
		key[i].bits = SW_ADDRESS_BITS;
		random_address(key[i].address);
		sw_local_mark(&bits, &key[i]);
	}
	for (size_t i = 0; i < COUNT(key); i++)
		assert_true(sw_local_may_be(&bits, key[i].address));
}

/* Neighbours and the rest of the world: as seldom as there are bits. */
static void most_others_are_known_not_to_be(void **state)
{
	static struct sw_local_bits bits;
	struct sw_local_key key = { .bits = SW_ADDRESS_BITS, .address = { 0, 0, 0xffff0000 } };
	int taken = 0;

	(void)state;
	for (__u32 i = 0; i < 8; i++) {
		key.address[3] = __builtin_bswap32(0xc0000200 + i);
		sw_local_mark(&bits, &key);
	}
	for (__u32 i = 8; i < 100008; i++) {
		key.address[3] = __builtin_bswap32(0xc0000200 + i);
		taken += sw_local_may_be(&bits, key.address);
	}
	assert_in_range(taken, 1, 4 * 100000 * 8 / (1 << SW_LOCAL_BITS_SHIFT));
	for (int i = taken = 0; i < 100000; i++) {
		random_address(key.address);
		taken += sw_local_may_be(&bits, key.address);
	}
	assert_in_range(taken, 1, 4 * 100000 * 8 / (1 << SW_LOCAL_BITS_SHIFT));
}

static void bits_say_nothing_where_whole_networks_are(void **state)
{
	static struct sw_local_bits bits;
	struct sw_local_key key = { .bits = SW_MAPPED_BITS + 24 };

	(void)state;
	assert_false(sw_local_may_be(&bits, key.address));
	sw_local_mark(&bits, &key);
	assert_true(sw_local_may_be(&bits, key.address));
	random_address(key.address);
	assert_true(sw_local_may_be(&bits, key.address));
}

int test_local(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_marked_may_be_this_host_s),
		cmocka_unit_test(most_others_are_known_not_to_be),
		cmocka_unit_test(bits_say_nothing_where_whole_networks_are),
	};

	return cmocka_run_group_tests_name("local", tests, NULL, NULL);
}
