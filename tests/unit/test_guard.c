// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What guard grants a source prefix (<synward/budget.h>), and what of a SYN's offer it keeps
 * (<synward/offer.h>). The clock is a number.
 */
#include <synward/budget.h>
#include <synward/offer.h>

#include "check.h"
#include "unit.h"

/* --- Budget ----------------------------------------------------------------------------------- */

#define SECOND SW_NS_PER_S

static __u64 next_random(__u64 *seed)
{
	__u64 z = *seed += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* The same luck each time. */
static int take_with(__u32 luck, struct sw_budget *bucket, __u32 budget, __u64 now, int times)
{
	int taken = 0;

	while (times--)
		taken += sw_budget_take(bucket, budget, now, luck);
	return taken;
}

/* No luck at all. */
static int take(struct sw_budget *bucket, __u32 budget, __u64 now, int times)
{
	return take_with(0, bucket, budget, now, times);
}

static void bucket_gives_a_quarter_of_its_budget_at_once_and_as_much_again_by_luck(void **state)
{
	struct sw_budget bucket = { 0 };

	(void)state;
	assert_int_equal(take(&bucket, 100, 900 * SECOND, 1009), 25);
	assert_int_equal(take_with(0x3fffffff, &bucket, 100, 900 * SECOND, 1009), 7);
	assert_int_equal(take_with(0xffffffff, &bucket, 100, 900 * SECOND, 1009), 18);
	assert_int_equal(take_with(0xffffffff, &bucket, 100, 901 * SECOND, 1009), 50);
}

static void bucket_gives_the_rest_of_its_budget_evenly(void **state)
{
	struct sw_budget bucket = { 0 };
	int taken = 0, in_a_row = 0, longest = 0;

	(void)state;
	take(&bucket, 100, 900 * SECOND, 1009);
	for (int ms = 1; ms <= 1000; ms++) {
		int now = take(&bucket, 100, 900 * SECOND + (__u64)ms * SW_NS_PER_MS, 50);

		taken += now;
		in_a_row = now ? 0 : in_a_row + 1;
		longest = in_a_row > longest ? in_a_row : longest;
	}
	assert_int_equal(taken, 100);
	assert_int_equal(longest, 9);
	assert_int_equal(take(&bucket, 100, 905 * SECOND, 1009), 25);
}

/* The SYNs of a flood that come first have no better chance than those that come last. */
static void flood_at_the_begin_of_a_second_shuts_nobody_out(void **state)
{
	struct sw_budget bucket = { 0 };
	int late = 0;

	(void)state;
	take(&bucket, 1000, 900 * SECOND, 10000);
	for (int ms = 500; ms < 600; ms++)
		late += take(&bucket, 1000, 900 * SECOND + (__u64)ms * SW_NS_PER_MS, 1);
	assert_int_equal(late, 100);
}

/*
 * Of a flood at `percent` of the budget, evenly paced, and of SYNs that come now and then
 * between: how many in a thousand of each are answered.
 */
static void answer_flood(int percent, int *flood, int *others)
{
	const __u32 budget = 10000;
	__u64 step = SECOND * 100 / (budget * (__u64)percent), seed = 5, next = 0;
	struct sw_budget bucket = { .paid_until_ns = SECOND + SW_BUDGET_AHEAD_NS };
	int sent = 0, asked = 0, answered = 0, served = 0;

	for (__u64 now = SECOND; now < 21 * SECOND; now += step) {
		answered += sw_budget_take(&bucket, budget, now, (__u32)next_random(&seed));
		sent++;
		if (now < next)
			continue;
		next = now + 2 * SW_NS_PER_MS;
		served += sw_budget_take(&bucket, budget, now + next_random(&seed) % step,
					 (__u32)next_random(&seed));
		asked++;
	}
	*flood = (int)(1000LL * answered / sent);
	*others = (int)(1000LL * served / asked);
}

/* Whatever its pace is, the flood has no better chance than anyone else of its prefix: budget to rate. */
static void chance_of_a_syn_falls_with_the_rate_of_the_flood(void **state)
{
	static const int rates[] = { 101, 110, 150, 200, 400, 1000, 5000 };

	(void)state;
	for (size_t i = 0; i < COUNT(rates); i++) {
		int flood, others, share = 100000 / (rates[i] + 5); /* the others are a twentieth */

		answer_flood(rates[i], &flood, &others);
		must(flood > share - 20 && flood < share + 20, "at %d %%: %d of 1000", rates[i],
		     flood);
		must(others > share - 20 && others < share + 20, "at %d %%: others %d of 1000",
		     rates[i], others);
	}
}

static void bucket_never_used_is_full(void **state)
{
	struct sw_budget bucket = { 0 };

	(void)state;
	assert_int_equal(take(&bucket, 1, 0, 3), 1);
	assert_int_equal(take(&bucket, 1, SECOND, 3), 1);
}

static struct sw_packet from_ipv4(__u32 address)
{
	struct sw_packet packet = { .ipv4 = true };

	packet.from[2] = packet.to[2] = sw_wire32(0xffff);
	packet.from[3] = sw_wire32(address);
	packet.to[3] = sw_wire32(0xc6336407);
	return packet;
}

static struct sw_packet from_ipv6(__u64 prefix, __u64 host)
{
	struct sw_packet packet = {
		.from = { sw_wire32((__u32)(prefix >> 32)), sw_wire32((__u32)prefix),
			  sw_wire32((__u32)(host >> 32)), sw_wire32((__u32)host) }
	};

	packet.to[3] = sw_wire32(7);
	return packet;
}

static __u32 bucket_of(struct sw_packet packet, const __u64 key[2])
{
	__u32 bucket = sw_budget_bucket(&packet, key);

	assert_in_range(bucket, 0, SW_BUDGET_BUCKETS - 1);
	return bucket;
}

static const __u64 key_a[2] = { 0xb7e151628aed2a6b, 0xbf7158809cf4f3c7 };
static const __u64 key_b[2] = { 0x62e7160f38b4da56, 0xa784d9045190cfef };

static void addresses_of_one_ipv4_24_share_a_bucket(void **state)
{
	(void)state;
	for (__u32 host = 0; host < 256; host++)
		assert_int_equal(bucket_of(from_ipv4(0xc0000200 + host), key_a),
				 bucket_of(from_ipv4(0xc0000200), key_a));
	for (int bit = 8; bit < 32; bit++)
		assert_int_not_equal(bucket_of(from_ipv4(0xc0000200 ^ 1U << bit), key_a),
				     bucket_of(from_ipv4(0xc0000200), key_a));
}

static void addresses_of_one_ipv6_64_share_a_bucket(void **state)
{
	const __u64 prefix = 0x20010db800010002;

	(void)state;
	for (int bit = 0; bit < 64; bit++) {
		assert_int_equal(bucket_of(from_ipv6(prefix, 1ULL << bit), key_a),
				 bucket_of(from_ipv6(prefix, 0), key_a));
		assert_int_not_equal(bucket_of(from_ipv6(prefix ^ 1ULL << bit, 0), key_a),
				     bucket_of(from_ipv6(prefix, 0), key_a));
	}
}

enum prefixes {
	IPV4_SCATTERED,
	IPV4_IN_ORDER,
	IPV6_SCATTERED,
	IPV6_SITES,
	IPV6_SUBNETS
};

static struct sw_packet any_prefix(enum prefixes kind, __u32 i, __u64 *seed)
{
	switch (kind) {
	case IPV4_SCATTERED:
		return from_ipv4(i * 0x9e3779b1 << 8 |
				 (next_random(seed) & 0xff)); /* no /24 twice */
	case IPV4_IN_ORDER:
		return from_ipv4(i << 8);
	case IPV6_SCATTERED:
		return from_ipv6(next_random(seed), next_random(seed));
	case IPV6_SITES: /* a /48 each */
		return from_ipv6(0x2001000000000000 + ((__u64)i << 16), next_random(seed));
	default:
		return from_ipv6(0x20010db800000000 + i, next_random(seed));
	}
}

/* 2^20 prefixes, 16 a bucket. */
static void expect_even(enum prefixes kind, const __u64 key[2])
{
	static __u32 held[SW_BUDGET_BUCKETS];
	const __u32 prefixes = 1 << 20;
	double chi = 0;
	__u64 seed = kind;
	__u32 most = 0;

	memset(held, 0, sizeof(held));
	for (__u32 i = 0; i < prefixes; i++)
		held[bucket_of(any_prefix(kind, i, &seed), key)]++;
	for (__u32 i = 0; i < SW_BUDGET_BUCKETS; i++) {
		chi += (held[i] - 16.0) * (held[i] - 16.0) / 16;
		most = held[i] > most ? held[i] : most;
	}
	/* By chance 65535. The hash is no random function: prefixes in a row come out a little worse. */
	must(chi < 65535 * 1.25, "prefixes of kind %d: chi squared is %.0f", kind, chi);
	must(most < 48, "prefixes of kind %d: %u in one bucket", kind, most);
}

static void prefixes_spread_evenly(void **state)
{
	(void)state;
	for (int kind = IPV4_SCATTERED; kind <= IPV6_SUBNETS; kind++) {
		expect_even(kind, key_a);
		expect_even(kind, key_b);
	}
}

static void key_says_which_prefixes_meet(void **state)
{
	__u64 seed = 11;
	int met = 0, meet_again = 0;

	(void)state;
	for (int i = 0; i < 2000000; i++) {
		struct sw_packet one = from_ipv6(next_random(&seed), 0);
		struct sw_packet other = from_ipv6(next_random(&seed), 0);

		if (bucket_of(one, key_a) != bucket_of(other, key_a))
			continue;
		met++;
		meet_again += bucket_of(one, key_b) == bucket_of(other, key_b);
	}
	assert_in_range(met, 10, 60); /* 31 expected */
	assert_in_range(meet_again, 0, 1);
}

/*
 * Who knows the hash but not the key must not find a difference that makes two prefixes meet. Of
 * these, one pair in nine met when the hash was a multiplication.
 */
static void no_difference_makes_prefixes_meet(void **state)
{
	static const __u64 differences[] = { 0x1100000000004040, 0x8000000080400020,
					     0x0002880000000020, 0x4000000040200010,
					     0x0001440000000010 };
	__u64 seed = 12;
	int met = 0;

	(void)state;
	for (int i = 0; i < 20011; i++) {
		__u64 key[2] = { next_random(&seed), next_random(&seed) };
		__u64 prefix = next_random(&seed);

		met += bucket_of(from_ipv6(prefix, 0), key) ==
		       bucket_of(from_ipv6(prefix ^ differences[i % 5], 0), key);
	}
	assert_in_range(met, 0, 4); /* 0.3 expected */
}

/* --- Offers ----------------------------------------------------------------------------------- */

static const struct sw_guard everything_on = {
	.timestamps = 1,
	.sack = 1,
	.ecn = 1,
	.window_scaling = 1,
	.wscale = 7,
};

static const struct sw_segment whole_syn = {
	.flags = SW_TCP_SYN | SW_TCP_ECE | SW_TCP_CWR,
	.mss = 1460,
	.has_wscale = 1,
	.wscale = 9,
	.sack_ok = 1,
	.has_tsval = 1,
	.tsval = 77,
};

static const struct sw_manner manner = { .wscale = 7 };

static struct sw_offer offer_of(const struct sw_guard *guard, const struct sw_segment *syn)
{
	struct sw_packet packet = from_ipv4(0xc0000221);
	struct sw_offer offer = { 0 };

	assert_true(sw_offer_of(guard, &packet, syn, &manner, &offer));
	return offer;
}

static void all_that_was_offered_is_kept(void **state)
{
	static const struct sw_offer expected = {
		.mss = 1460,
		.wscale_ok = 1,
		.wscale = 9,
		.own_wscale = 7,
		.sack_ok = 1,
		.ecn_ok = 1,
		.tstamp_ok = 1,
	};
	struct sw_offer offer = offer_of(&everything_on, &whole_syn);

	(void)state;
	assert_memory_equal(&offer, &expected, sizeof(offer));
}

static void nothing_is_kept_that_was_not_offered(void **state)
{
	struct sw_segment syn = { .flags = SW_TCP_SYN, .mss = 1460 };
	struct sw_offer offer = offer_of(&everything_on, &syn);

	(void)state;
	assert_int_equal(offer.mss, 1460);
	assert_false(offer.wscale_ok || offer.sack_ok || offer.ecn_ok || offer.tstamp_ok);
}

/* Each sysctl takes away its own option. */
static void what_a_sysctl_forbids_is_not_kept(void **state)
{
	struct sw_offer whole = offer_of(&everything_on, &whole_syn), offer, expected;
	struct sw_guard guard;

	(void)state;
#define WITHOUT(setting, option)              \
	guard = everything_on;                \
	guard.setting = 0;                    \
	offer = offer_of(&guard, &whole_syn); \
	expected = whole;                     \
	expected.option = 0;                  \
	assert_memory_equal(&offer, &expected, sizeof(offer))
	WITHOUT(timestamps, tstamp_ok);
	WITHOUT(sack, sack_ok);
	WITHOUT(ecn, ecn_ok);
	WITHOUT(window_scaling, wscale_ok);
#undef WITHOUT
}

/* RFC 3168, 6.1.1: ECN-setup SYN. */
static void ecn_takes_both_bits(void **state)
{
	struct sw_segment syn = whole_syn;

	(void)state;
	syn.flags = SW_TCP_SYN | SW_TCP_ECE;
	assert_false(offer_of(&everything_on, &syn).ecn_ok);
	syn.flags = SW_TCP_SYN | SW_TCP_CWR;
	assert_false(offer_of(&everything_on, &syn).ecn_ok);
	syn.flags = SW_TCP_SYN;
	assert_false(offer_of(&everything_on, &syn).ecn_ok);
}

static void mss_below_what_can_be_admitted_is_unfit(void **state)
{
	static const struct {
		bool ipv4;
		__u16 offered;
		bool fit;
		__u16 kept;
	} cases[] = {
		{ true, 0, true, 536 }, /* no option: the default */
		{ true, 1, false, 0 },         { true, 535, false, 0 },
		{ true, 536, true, 536 },      { true, 65535, true, 65535 },
		{ false, 0, true, 1220 },      { false, 536, false, 0 },
		{ false, 1219, false, 0 },     { false, 1220, true, 1220 },
		{ false, 65535, true, 65535 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sw_packet packet =
			cases[i].ipv4 ? from_ipv4(0xc0000221) : from_ipv6(0x20010db800000000, 1);
		struct sw_segment syn = whole_syn;
		struct sw_offer offer = { 0 };

		syn.mss = cases[i].offered;
		assert_int_equal(sw_offer_of(&everything_on, &packet, &syn, &manner, &offer),
				 cases[i].fit);
		if (cases[i].fit)
			assert_int_equal(offer.mss, cases[i].kept);
	}
}

int test_guard(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			bucket_gives_a_quarter_of_its_budget_at_once_and_as_much_again_by_luck),
		cmocka_unit_test(bucket_gives_the_rest_of_its_budget_evenly),
		cmocka_unit_test(chance_of_a_syn_falls_with_the_rate_of_the_flood),
		cmocka_unit_test(flood_at_the_begin_of_a_second_shuts_nobody_out),
		cmocka_unit_test(bucket_never_used_is_full),
		cmocka_unit_test(addresses_of_one_ipv4_24_share_a_bucket),
		cmocka_unit_test(addresses_of_one_ipv6_64_share_a_bucket),
		cmocka_unit_test(prefixes_spread_evenly),
		cmocka_unit_test(key_says_which_prefixes_meet),
		cmocka_unit_test(no_difference_makes_prefixes_meet),
		cmocka_unit_test(all_that_was_offered_is_kept),
		cmocka_unit_test(nothing_is_kept_that_was_not_offered),
		cmocka_unit_test(what_a_sysctl_forbids_is_not_kept),
		cmocka_unit_test(ecn_takes_both_bits),
		cmocka_unit_test(mss_below_what_can_be_admitted_is_unfit),
	};

	return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
