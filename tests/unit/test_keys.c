// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Keys that take turns and are exchanged, judged by the cookies: one that was made before is taken
 * after. What the slots hold is looked at only where the text of a file or of `show` rests on it.
 */
#include <errno.h>

#include "check.h"
#include "guard/key_text.h"
#include "guard/keys.h"
#include "said.h"
#include "unit.h"

#define NOW   28000000ULL
#define NEVER SW_EPOCH_NEVER
#define PORT  0x5000
#define PEER  0x409c
#define ISN   0x89abcdef

static const struct sw_packet packet = {
	.ipv4 = 1,
	.from = { 0, 0, 0xffff0000, 0x0a00000a },
	.to = { 0, 0, 0xffff0000, 0x6400000a },
};

/* With timestamps: by chance one of 2^40 wrong cookies of the right epoch passes. */
static const struct sw_offer offer = { .mss = 1460, .wscale_ok = 1, .wscale = 7, .tstamp_ok = 1 };

static struct sw_cookie make(const struct sw_keys *keys, __u64 epoch)
{
	return sw_cookie_make(keys, &packet, PORT, PEER, ISN, epoch, &offer);
}

static bool takes(const struct sw_keys *keys, const struct sw_cookie *cookie, __u64 epoch)
{
	struct sw_offer got = { .tstamp_ok = 1 };

	return sw_cookie_check(keys, &packet, PORT, PEER, ISN + 1, cookie->isn + 1, cookie->tsval,
			       epoch, &got) == SW_NONE;
}

/* Key number `mac` from this epoch on; 0: none. */
static struct sw_mac_key mac_key(__u64 mac, __u64 first_epoch)
{
	return (struct sw_mac_key){ mac ? first_epoch : NEVER, { mac, mac << 32 } };
}

static struct sw_keys two(__u64 a, __u64 a_first, __u64 b, __u64 b_first)
{
	return (struct sw_keys){ .isn = { 1, 2 },
				 .mac = { mac_key(a, a_first), mac_key(b, b_first) } };
}

/* The number of the key that serves. */
static __u64 at(const struct sw_keys *keys, __u64 epoch)
{
	return sw_mac_key(keys, epoch)[0];
}

/* --- New keys --------------------------------------------------------------------------------- */

static void new_keys_serve_at_once_and_differ(void **state)
{
	struct sw_keys one, other;

	(void)state;
	memset(&one, 0xa5, sizeof(one));
	assert_int_equal(sw_keys_random(&one), 0);
	assert_int_equal(sw_keys_random(&other), 0);
	assert_true(one.mac[0].first_epoch == 0 && one.mac[1].first_epoch == NEVER);
	assert_ptr_equal(sw_mac_key(&one, 0), one.mac[0].key);
	assert_ptr_equal(sw_mac_key(&one, NOW), one.mac[0].key);
	assert_memory_not_equal(one.isn, other.isn, 16);
	assert_memory_not_equal(one.mac[0].key, other.mac[0].key, 16);
	assert_memory_not_equal(one.isn, one.mac[0].key, 16);
	for (int i = 0; i < 2; i++)
		assert_true(one.isn[i] && one.mac[0].key[i] && !one.mac[1].key[i]);
}

static void hosts_with_the_same_keys_take_each_others_cookies(void **state)
{
	struct sw_keys one, same, other;
	struct sw_cookie cookie;

	(void)state;
	sw_keys_random(&one);
	sw_keys_random(&other);
	same = one;
	cookie = make(&one, NOW);
	assert_true(takes(&same, &cookie, NOW) && takes(&same, &cookie, NOW + 1));
	assert_false(takes(&same, &cookie, NOW + 2));
	assert_false(takes(&other, &cookie, NOW));
}

/* --- The next key ----------------------------------------------------------------------------- */

static void next_key_takes_over_in_its_epoch_and_breaks_no_cookie(void **state)
{
	struct sw_keys keys;

	(void)state;
	sw_keys_random(&keys);
	/* 23 turns: the slots change places, and every cookie of every epoch is taken in time */
	for (__u64 turn = 0, now = NOW; turn < 23; turn++, now += 5) {
		struct sw_keys before = keys;
		struct sw_cookie last = make(&before, now - 1), this = make(&before, now);
		const __u64 *next;

		assert_int_equal(sw_keys_add_next(&keys, now, now + 3), 0);
		next = sw_mac_key(&keys, now + 3);
		assert_true(next[0] && next[1]);
		for (int i = 0; i < 2; i++)
			assert_memory_not_equal(next, before.mac[i].key, sizeof(before.mac[i].key));
		assert_true(takes(&keys, &last, now));
		assert_true(takes(&keys, &this, now) && takes(&keys, &this, now + 1));
		for (__u64 epoch = now; epoch < now + 5; epoch++) {
			struct sw_cookie cookie = make(&keys, epoch);

			assert_true(takes(&keys, &cookie, epoch + 1));
			assert_int_equal(takes(&before, &cookie, epoch), epoch < now + 3);
		}
	}
}

static void expect_busy(struct sw_keys *keys, __u64 now, const char *words)
{
	struct sw_keys before = *keys;

	forget_said();
	assert_int_equal(sw_keys_add_next(keys, now, now + 9), -EBUSY);
	assert_memory_equal(keys, &before, sizeof(before));
	must(strstr(said(), words), "\"%s\" lacks \"%s\"", said(), words);
}

static void second_next_key_is_refused(void **state)
{
	struct sw_keys keys = two(1, 0, 2, NOW + 4), swapped = two(2, NOW + 4, 1, 0);

	(void)state;
	expect_busy(&keys, NOW, "there is one, which serves from 2026-10-14T17:50:56Z on");
	expect_busy(&swapped, NOW + 3, "2026-10-14T17:50:56Z");
	/* in its first epoch cookies of the key before it are still on their way */
	expect_busy(&keys, NOW + 4, "are good until 2026-10-14T17:52:00Z");
	assert_int_equal(sw_keys_add_next(&keys, NOW + 5, NOW + 6), 0);
	assert_true(at(&keys, NOW + 5) == 2 && at(&keys, NOW + 6) != 2);
}

static void next_key_for_an_epoch_that_has_begun_is_refused(void **state)
{
	struct sw_keys keys = two(1, 0, 0, 0), before = keys;

	(void)state;
	assert_int_equal(sw_keys_add_next(&keys, NOW, NOW), -EINVAL);
	assert_int_equal(sw_keys_add_next(&keys, NOW, 0), -EINVAL);
	assert_memory_equal(&keys, &before, sizeof(before));
}

/* A key that is alone serves, whatever its first epoch; the next one must not come before it. */
static void next_key_follows_a_key_that_is_alone_before_its_time(void **state)
{
	struct sw_keys keys = two(0, 0, 1, NOW + 100), beside = two(1, NOW + 1, 0, 0);

	(void)state;
	assert_int_equal(sw_keys_add_next(&beside, NOW, NOW + 1), 0);
	assert_true(at(&beside, NOW) == 1 && at(&beside, NOW + 1) != 1);
	assert_int_equal(sw_keys_add_next(&keys, NOW, NOW + 3), 0);
	assert_true(at(&keys, NOW - 1) == 1 && at(&keys, NOW + 2) == 1);
	assert_true(at(&keys, NOW + 3) != 1 && at(&keys, NOW + 100) != 1);
}

/* --- Merging ---------------------------------------------------------------------------------- */

static void same_keys_change_nothing(void **state)
{
	struct sw_keys keys = two(1, NOW - 9, 2, NOW + 9), before = keys;

	(void)state;
	assert_int_equal(sw_keys_merge(&keys, &before, NOW), SW_KEYS_MERGED);
	assert_memory_equal(&keys, &before, sizeof(before));
}

static void next_key_is_merged_as_it_is(void **state)
{
	struct sw_keys keys = two(1, 0, 0, 0), wanted = two(1, 0, 2, NOW + 9);

	(void)state;
	assert_int_equal(sw_keys_merge(&keys, &wanted, NOW), SW_KEYS_MERGED);
	assert_memory_equal(&keys, &wanted, sizeof(wanted));
}

static void key_that_serves_keeps_its_slot(void **state)
{
	struct sw_keys keys = two(1, 0, 2, 7), wanted = two(2, 7, 3, NOW + 9);

	(void)state;
	assert_int_equal(sw_keys_merge(&keys, &wanted, NOW), SW_KEYS_MERGED);
	assert_ptr_equal(sw_mac_key(&keys, NOW), keys.mac[1].key);
	assert_true(at(&keys, NOW) == 2 && at(&keys, NOW + 8) == 2 && at(&keys, NOW + 9) == 3);
}

static void other_key_for_now_begins_with_the_next_epoch(void **state)
{
	struct sw_keys keys = two(1, 0, 0, 0), wanted = two(2, 0, 0, 0);

	(void)state;
	assert_int_equal(sw_keys_merge(&keys, &wanted, NOW), SW_KEYS_MERGED);
	assert_true(at(&keys, NOW - 1) == 1 && at(&keys, NOW) == 1);
	assert_true(at(&keys, NOW + 1) == 2 && at(&keys, NOW + 1000) == 2);
}

static void other_key_for_now_and_one_for_the_next_epoch_need_one_merge(void **state)
{
	struct sw_keys keys = two(1, 0, 0, 0), wanted = two(2, 0, 3, NOW + 1);

	(void)state;
	assert_int_equal(sw_keys_merge(&keys, &wanted, NOW), SW_KEYS_MERGED);
	assert_true(at(&keys, NOW) == 1 && at(&keys, NOW + 1) == 3);
}

static void other_key_for_now_and_a_next_one_need_two_merges(void **state)
{
	struct sw_keys keys = two(1, 0, 0, 0), wanted = two(2, 0, 3, NOW + 9);

	(void)state;
	assert_int_equal(sw_keys_merge(&keys, &wanted, NOW), SW_KEYS_MERGE_LATER);
	assert_true(at(&keys, NOW) == 1 && at(&keys, NOW + 1) == 2 && at(&keys, NOW + 9) == 2);
	assert_int_equal(sw_keys_merge(&keys, &wanted, NOW + 1), SW_KEYS_MERGE_LATER);
	assert_int_equal(at(&keys, NOW), 1);
	assert_int_equal(sw_keys_merge(&keys, &wanted, NOW + 2), SW_KEYS_MERGED);
	assert_true(at(&keys, NOW + 8) == 2 && at(&keys, NOW + 9) == 3);
}

static void other_isn_takes_effect_at_once(void **state)
{
	struct sw_keys keys = two(1, 0, 2, NOW + 1), wanted = two(3, 0, 4, NOW + 5), empty = {};

	(void)state;
	wanted.isn[1]++;
	assert_int_equal(sw_keys_merge(&keys, &wanted, NOW), SW_KEYS_NEW_ISN);
	assert_memory_equal(&keys, &wanted, sizeof(wanted));
	assert_int_equal(sw_keys_merge(&empty, &wanted, NOW), SW_KEYS_NEW_ISN);
	assert_memory_equal(&empty, &wanted, sizeof(wanted));
}

/* Repeatable, and the same everywhere: Marsaglia's xorshift. */
static __u32 below(__u32 limit)
{
	static __u32 word = 2463534242U;

	word ^= word << 13;
	word ^= word >> 17;
	word ^= word << 5;
	return word % limit;
}

/* One or two keys of four, each first serving from around now, or from the beginning. */
static struct sw_keys any_keys(void)
{
	__u64 first = below(4) ? NOW - 4 + below(10) : 0, second;
	__u64 a = 1 + below(4), b = below(5);

	do
		second = NOW - 4 + below(10);
	while (second == first);
	return below(2) ? two(a, first, b, second) : two(b, second, a, first);
}

static void print_keys(const char *name, const struct sw_keys *keys)
{
	print_message("%s:", name);
	for (int i = 0; i < 2; i++)
		print_message(" key %llu from now%+lld", keys->mac[i].key[0],
			      (long long)(keys->mac[i].first_epoch - NOW));
	print_message("\n");
}

static bool serves_alike(const struct sw_keys *a, const struct sw_keys *b, __u64 epoch)
{
	for (int i = 0; i < 20; i++)
		if (at(a, epoch + i) != at(b, epoch + i))
			return false;
	return true;
}

/* Merged in every epoch until it is done: no cookie is lost, and in the end all is as wanted. */
static bool merges_well(struct sw_keys keys, const struct sw_keys *wanted)
{
	struct sw_cookie last = make(&keys, NOW - 1);
	enum sw_key_merge merge = SW_KEYS_MERGE_LATER;

	for (__u64 now = NOW; now < NOW + 12; now++) {
		struct sw_cookie this = make(&keys, now);
		const __u64 *serving = sw_mac_key(&keys, now);

		if (!takes(&keys, &last, now))
			return false;
		if (merge == SW_KEYS_MERGE_LATER) {
			merge = sw_keys_merge(&keys, wanted, now);
			if (serving != sw_mac_key(&keys, now))
				return false;
			if (merge == SW_KEYS_MERGED && !serves_alike(&keys, wanted, now + 1))
				return false;
		}
		if (!takes(&keys, &last, now) || !takes(&keys, &this, now))
			return false;
		last = make(&keys, now);
	}
	return merge == SW_KEYS_MERGED;
}

static void no_merge_breaks_a_cookie_in_flight(void **state)
{
	(void)state;
	for (int round = 0; round < 20011; round++) {
		struct sw_keys keys = any_keys(), wanted = any_keys();

		if (merges_well(keys, &wanted))
			continue;
		print_keys("in force", &keys);
		print_keys("wanted", &wanted);
		fail_msg("round %d: a cookie is lost, or the keys don't come to be as wanted",
			 round);
	}
}

/* --- What is shown ---------------------------------------------------------------------------- */

/* From `openssl mac -macopt size:8 -macopt hexkey:... SIPHASH` of "synward key". */
static void fingerprint_is_siphash_of_a_fixed_text(void **state)
{
	const __u64 counting[2] = { 0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL };
	const __u64 other[2] = { 0x7766554433221100ULL, 0xffeeddccbbaa9988ULL };
	char text[SW_FINGERPRINT_TEXT];

	(void)state;
	assert_string_equal(sw_key_fingerprint(counting, text), "008fb00ec270");
	assert_string_equal(sw_key_fingerprint(other, text), "0352463120f5");
}

static void epoch_is_shown_as_the_time_it_begins(void **state)
{
	char text[SW_EPOCH_TEXT];

	(void)state;
	assert_string_equal(sw_epoch_time(0, text), "1970-01-01T00:00:00Z");
	assert_string_equal(sw_epoch_time(NOW, text), "2026-10-14T17:46:40Z");
	assert_string_equal(sw_epoch_time(SW_KEY_EPOCH_LAST, text), "2554-07-21T23:34:24Z");
	assert_string_equal(sw_epoch_time(SW_EPOCH_NEVER, text), "never");
}

int test_keys(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_keys_serve_at_once_and_differ),
		cmocka_unit_test(hosts_with_the_same_keys_take_each_others_cookies),
		cmocka_unit_test(next_key_takes_over_in_its_epoch_and_breaks_no_cookie),
		cmocka_unit_test(second_next_key_is_refused),
		cmocka_unit_test(next_key_for_an_epoch_that_has_begun_is_refused),
		cmocka_unit_test(next_key_follows_a_key_that_is_alone_before_its_time),
		cmocka_unit_test(same_keys_change_nothing),
		cmocka_unit_test(next_key_is_merged_as_it_is),
		cmocka_unit_test(key_that_serves_keeps_its_slot),
		cmocka_unit_test(other_key_for_now_begins_with_the_next_epoch),
		cmocka_unit_test(other_key_for_now_and_one_for_the_next_epoch_need_one_merge),
		cmocka_unit_test(other_key_for_now_and_a_next_one_need_two_merges),
		cmocka_unit_test(other_isn_takes_effect_at_once),
		cmocka_unit_test(no_merge_breaks_a_cookie_in_flight),
		cmocka_unit_test(fingerprint_is_siphash_of_a_fixed_text),
		cmocka_unit_test(epoch_is_shown_as_the_time_it_begins),
	};

	return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
