// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Cookies against the implementation in cookie.py, both ways; and what must be refused. A flipped
 * bit passes with 2^-9 or less by chance: keys and segments here are the same every time, so that
 * none does.
 */
#include <signal.h>

#include <synward/cookie.h>

#include "check.h"
#include "names.h"
#include "unit.h"

struct golden_cookie {
	const char *why;
	int keys;
	bool ipv4;
	__u8 local[16], remote[16];
	__u16 local_port, remote_port;
	__u32 client_isn;
	__u64 epoch;
	struct sw_offer offer;
	__u32 isn, tsval;
	__u8 own_wscale_now;
	struct sw_offer back, without; /* what is read of it, and if it comes without timestamps */
};

struct golden_refusal {
	int keys;
	bool ipv4, timestamps;
	__u8 local[16], remote[16];
	__u16 local_port, remote_port;
	__u32 seq, ack, tsecr;
	__u64 now;
	enum sw_counter verdict;
};

#define WANT_COOKIES
#include "tests/golden_cookies.h"

/* A segment that may bear a cookie, and the keys to check it with. */
struct answer {
	const char *family;
	struct sw_keys keys;
	struct sw_packet packet;
	__u16 local_port, remote_port;
	__u32 seq, ack, tsecr;
	bool timestamps;
	__u8 own_wscale_now;
	struct sw_offer back;
};

static enum sw_counter check(struct answer *a, __u64 now)
{
	a->back = (struct sw_offer){ .own_wscale = a->own_wscale_now, .tstamp_ok = a->timestamps };
	return sw_cookie_check(&a->keys, &a->packet, a->local_port, a->remote_port, a->seq, a->ack,
			       a->tsecr, now, &a->back);
}

static struct sw_packet packet_from(bool ipv4, const __u8 remote[16], const __u8 local[16])
{
	struct sw_packet packet = { .ipv4 = ipv4 };

	memcpy(packet.from, remote, 16);
	memcpy(packet.to, local, 16);
	return packet;
}

static bool same_offer(const struct sw_offer *a, const struct sw_offer *b)
{
	return a->mss == b->mss && a->wscale_ok == b->wscale_ok && a->wscale == b->wscale &&
	       a->own_wscale == b->own_wscale && a->sack_ok == b->sack_ok &&
	       a->ecn_ok == b->ecn_ok && a->tstamp_ok == b->tstamp_ok;
}

/* --- The other implementation ----------------------------------------------------------------- */

static struct sw_cookie make_golden(const struct golden_cookie *g)
{
	struct sw_packet packet = packet_from(g->ipv4, g->remote, g->local);

	return sw_cookie_make(&golden_keys[g->keys], &packet, g->local_port, g->remote_port,
			      g->client_isn, g->epoch, &g->offer);
}

static void cookies_are_made_as_the_other_implementation_makes_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(golden_cookies); i++) {
		const struct golden_cookie *g = &golden_cookies[i];
		struct sw_cookie cookie = make_golden(g);

		must(cookie.isn == g->isn, "cookie %zu (%s): %08x, not %08x", i, g->why, cookie.isn,
		     g->isn);
		must(!g->offer.tstamp_ok || cookie.tsval == g->tsval,
		     "cookie %zu (%s): TSval %08x, not %08x", i, g->why, cookie.tsval, g->tsval);
	}
}

/* Without timestamps nothing of the TSecr counts: it is garbage here. */
static void cookies_of_the_other_implementation_are_read_in_both_epochs(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(golden_cookies); i++) {
		const struct golden_cookie *g = &golden_cookies[i];
		struct answer a = {
			.keys = golden_keys[g->keys],
			.packet = packet_from(g->ipv4, g->remote, g->local),
			.local_port = g->local_port,
			.remote_port = g->remote_port,
			.seq = g->client_isn + 1,
			.ack = g->isn + 1,
			.tsecr = g->offer.tstamp_ok ? g->tsval : 0xdeadbeef,
			.timestamps = g->offer.tstamp_ok,
			.own_wscale_now = g->own_wscale_now,
		};

		for (__u64 age = 0; age < 2; age++) {
			must(check(&a, g->epoch + age) == SW_NONE,
			     "cookie %zu (%s) is refused, %llu epochs old", i, g->why, age);
			must(same_offer(&a.back, &g->back), "cookie %zu (%s) is misread", i,
			     g->why);
		}
		a.timestamps = false;
		must(check(&a, g->epoch) == SW_NONE && same_offer(&a.back, &g->without),
		     "cookie %zu (%s) is misread without timestamps", i, g->why);
	}
}

static void both_implementations_refuse_for_the_same_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(golden_refusals); i++) {
		const struct golden_refusal *g = &golden_refusals[i];
		struct answer a = {
			.keys = golden_keys[g->keys],
			.packet = packet_from(g->ipv4, g->remote, g->local),
			.local_port = g->local_port,
			.remote_port = g->remote_port,
			.seq = g->seq,
			.ack = g->ack,
			.tsecr = g->tsecr,
			.timestamps = g->timestamps,
		};
		enum sw_counter verdict = check(&a, g->now);

		must(verdict == g->verdict, "segment %zu: %s, not %s", i, counter_name(verdict),
		     counter_name(g->verdict));
	}
}

/* splitmix64 */
static __u64 next_random(__u64 *seed)
{
	__u64 z = *seed += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static void fill_random(void *to, size_t size, __u64 *seed)
{
	for (size_t i = 0; i < size; i++)
		((__u8 *)to)[i] = (__u8)next_random(seed);
}

static struct golden_cookie any_cookie(__u64 *seed)
{
	struct golden_cookie g = { .keys = (int)(next_random(seed) % 4) };
	__u64 bits = next_random(seed);

	fill_random(g.local, 16, seed);
	fill_random(g.remote, 16, seed);
	g.ipv4 = bits & 1;
	g.local_port = (__u16)(bits >> 1);
	g.remote_port = (__u16)(bits >> 17);
	g.client_isn = (__u32)next_random(seed);
	g.epoch = golden_cookies[next_random(seed) % 1024].epoch;
	g.offer.mss = (__u16)(next_random(seed) % (bits & 1ULL << 63 ? 65536 : 1600));
	g.offer.wscale_ok = bits >> 33 & 1;
	g.offer.wscale = (__u8)((bits >> 34 & 15) % 15);
	g.offer.own_wscale = (__u8)((bits >> 38 & 15) % 15);
	g.offer.sack_ok = bits >> 42 & 1;
	g.offer.ecn_ok = bits >> 43 & 1;
	g.offer.tstamp_ok = bits >> 44 & 1;
	return g;
}

static void print_bytes(FILE *to, const __u8 *bytes)
{
	for (int i = 0; i < 16; i++)
		fprintf(to, "%02x", bytes[i]);
	fputc(' ', to);
}

static void print_cookie(FILE *to, const struct golden_cookie *g, const struct sw_cookie *cookie)
{
	const struct sw_keys *keys = &golden_keys[g->keys];

	fprintf(to, "%llx %llx ", keys->isn[0], keys->isn[1]);
	for (int i = 0; i < 2; i++)
		fprintf(to, "%llu %llx %llx ", keys->mac[i].first_epoch, keys->mac[i].key[0],
			keys->mac[i].key[1]);
	fprintf(to, "%d ", g->ipv4);
	print_bytes(to, g->local);
	print_bytes(to, g->remote);
	fprintf(to, "%u %u %u %llu %u %d %u %u %u %u ", g->local_port, g->remote_port,
		g->client_isn, g->epoch, g->offer.mss, g->offer.wscale_ok ? g->offer.wscale : -1,
		g->offer.own_wscale, g->offer.sack_ok, g->offer.ecn_ok, g->offer.tstamp_ok);
	fprintf(to, "%u %u\n", cookie->isn, cookie->tsval);
}

#define COOKIES_TO_SHOW 2003

static void the_other_implementation_reads_cookies_made_here(void **state)
{
	FILE *reader = popen("PYTHONDONTWRITEBYTECODE=1 tests/unit/check_cookies", "w");
	__u64 seed = 7;
	int status;

	(void)state;
	must(reader, "tests/unit/check_cookies doesn't start");
	signal(SIGPIPE, SIG_IGN); /* it stops reading at the first that is wrong */
	for (int i = 0; i < COOKIES_TO_SHOW; i++) {
		struct golden_cookie g = any_cookie(&seed);
		struct sw_cookie cookie = make_golden(&g);

		print_cookie(reader, &g, &cookie);
	}
	fprintf(reader, "end %d\n", COOKIES_TO_SHOW);
	status = pclose(reader);
	must(status == 0, "tests/unit/check_cookies ended with %d", status);
}

/* --- A handshake to tamper with --------------------------------------------------------------- */

#define EPOCH 27343750ULL

static const struct sw_keys some_keys = {
	.isn = { 0x0123456789abcdef, 0x1122334455667788 },
	.mac = {
		{ .first_epoch = EPOCH - 9, .key = { 0xfedcba9876543210, 0x99aabbccddeeff00 } },
		{ .first_epoch = SW_EPOCH_NEVER },
	},
};

static const __u64 another_key[2] = { 0x243f6a8885a308d3, 0x13198a2e03707344 };

static const char *const families[] = { "IPv4", "IPv6", "IPv4 with timestamps",
					"IPv6 with timestamps" };

/* What a client answers whose SYN was answered with these keys in this epoch. */
static struct answer shake_hands(int family, const struct sw_keys *keys, __u64 epoch)
{
	static const __u8 local[2][16] = { { [10] = 0xff, 0xff, 198, 51, 100, 7 },
					   { 0x20, 0x01, 0x0d, 0xb8, [15] = 7 } };
	static const __u8 remote[2][16] = { { [10] = 0xff, 0xff, 192, 0, 2, 33 },
					    { 0x20, 0x01, 0x0d, 0xb8, 9, [15] = 33 } };
	bool ipv6 = family & 1;
	struct sw_offer offer = { .mss = 1460,
				  .wscale_ok = 1,
				  .wscale = 9,
				  .own_wscale = 7,
				  .sack_ok = 1,
				  .tstamp_ok = !!(family & 2) };
	struct answer a = {
		.family = families[family],
		.keys = *keys,
		.packet = packet_from(!ipv6, remote[ipv6], local[ipv6]),
		.local_port = 443,
		.remote_port = 50123,
		.seq = 0x80000001,
		.timestamps = offer.tstamp_ok,
	};
	struct sw_cookie cookie = sw_cookie_make(keys, &a.packet, a.local_port, a.remote_port,
						 a.seq - 1, epoch, &offer);

	a.ack = cookie.isn + 1;
	a.tsecr = cookie.tsval;
	return a;
}

/* The test's state is one of `families`. */
static int family_of(void **state)
{
	return (int)((const char *const *)*state - families);
}

static struct answer good_answer(void **state)
{
	return shake_hands(family_of(state), &some_keys, EPOCH);
}

static void expect(struct answer *a, __u64 now, enum sw_counter verdict)
{
	enum sw_counter found = check(a, now);

	must(found == verdict, "%s, epoch %lld: %s, not %s", a->family, (long long)(now - EPOCH),
	     counter_name(found), counter_name(verdict));
}

/* Flips each bit of the field in turn, and back. */
static void refuse_each_bit(struct answer *a, void *field, size_t size, const char *name)
{
	__u8 *bytes = field;

	expect(a, EPOCH, SW_NONE);
	for (size_t bit = 0; bit < 8 * size; bit++) {
		bytes[bit / 8] ^= (__u8)(1 << bit % 8);
		must(check(a, EPOCH) != SW_NONE, "%s: bit %zu of %s is not missed", a->family, bit,
		     name);
		must(check(a, EPOCH + 1) != SW_NONE, "%s: bit %zu of %s is not missed, later",
		     a->family, bit, name);
		bytes[bit / 8] ^= (__u8)(1 << bit % 8);
	}
	expect(a, EPOCH, SW_NONE);
}

#define REFUSE_EACH_BIT(a, field) refuse_each_bit(&(a), &(a).field, sizeof((a).field), #field)

static void each_bit_of_the_addresses_counts(void **state)
{
	struct answer a = good_answer(state);

	REFUSE_EACH_BIT(a, packet.from[3]);
	REFUSE_EACH_BIT(a, packet.to[3]);
	if (a.packet.ipv4)
		return;
	REFUSE_EACH_BIT(a, packet.from);
	REFUSE_EACH_BIT(a, packet.to);
}

static void each_bit_of_the_ports_counts(void **state)
{
	struct answer a = good_answer(state);

	REFUSE_EACH_BIT(a, local_port);
	REFUSE_EACH_BIT(a, remote_port);
}

static void each_bit_of_the_sequence_number_counts(void **state)
{
	struct answer a = good_answer(state);

	REFUSE_EACH_BIT(a, seq);
}

/* Epoch, MAC and options lie in it. */
static void each_bit_of_the_acknowledgement_counts(void **state)
{
	struct answer a = good_answer(state);

	REFUSE_EACH_BIT(a, ack);
}

/* Of the word itself, before the client's ISN and F are added: no carry leads elsewhere. */
static void all_other_options_are_rejected(void **state)
{
	struct answer a = good_answer(state);
	__u32 f = (__u32)sw_cookie_f(&a.keys, &a.packet, a.local_port, a.remote_port);
	__u32 base = a.seq + f, word = a.ack - base;

	for (__u32 options = 0; options < 128; options++) {
		a.ack = base + ((word & 0xffffff80) | options);
		expect(&a, EPOCH, options == (word & 0x7f) ? SW_NONE : SW_COOKIE_BAD);
	}
}

static void all_other_epochs_are_rejected(void **state)
{
	struct answer a = good_answer(state);
	__u32 ack = a.ack;

	for (__u32 ahead = 1; ahead < 256; ahead++) {
		a.ack = ack + (ahead << 24);
		expect(&a, EPOCH, ahead == 255 ? SW_COOKIE_BAD : SW_COOKIE_OLD);
		expect(&a, EPOCH + 1, ahead == 1 ? SW_COOKIE_BAD : SW_COOKIE_OLD);
	}
}

static void all_other_macs_are_rejected(void **state)
{
	struct answer a = good_answer(state);
	__u32 f = (__u32)sw_cookie_f(&a.keys, &a.packet, a.local_port, a.remote_port);
	__u32 base = a.seq + f, word = a.ack - base;

	for (__u32 mac = 0; mac < 0x20000; mac++) {
		a.ack = base + ((word & 0xff00007f) | mac << 7);
		expect(&a, EPOCH, mac == (word >> 7 & 0x1ffff) ? SW_NONE : SW_COOKIE_BAD);
	}
}

static void each_bit_of_the_echoed_timestamp_counts(void **state)
{
	struct answer a = good_answer(state);

	if (a.timestamps) {
		REFUSE_EACH_BIT(a, tsecr);
		return;
	}
	a.tsecr = 0xffffffff;
	expect(&a, EPOCH, SW_NONE);
}

/* As with the kernel's cookies: it opens, with the MSS alone. One that comes unasked is no client's. */
static void ack_whose_timestamp_went_opens_and_one_that_came_does_not(void **state)
{
	struct answer a = good_answer(state);

	if (!a.timestamps) {
		a.timestamps = true;
		expect(&a, EPOCH, SW_COOKIE_BAD);
		return;
	}
	a.timestamps = false;
	a.tsecr = 0;
	expect(&a, EPOCH, SW_NONE);
	assert_int_equal(a.back.mss, 1460);
	assert_false(a.back.wscale_ok || a.back.sack_ok || a.back.ecn_ok || a.back.tstamp_ok);
	a.ack ^= 1U << 20;
	assert_int_not_equal(check(&a, EPOCH), SW_NONE);
}

static void each_bit_of_the_keys_counts(void **state)
{
	struct answer a = good_answer(state);

	REFUSE_EACH_BIT(a, keys.isn);
	REFUSE_EACH_BIT(a, keys.mac[0].key);
}

/* Different messages to the hash: 12 bytes, and 36. */
static void ipv4_is_not_taken_for_the_ipv6_address_it_is_mapped_to(void **state)
{
	struct answer a = good_answer(state);

	a.packet.ipv4 = !a.packet.ipv4;
	assert_int_not_equal(check(&a, EPOCH), SW_NONE);
}

static void ends_exchanged_are_another_tuple(void **state)
{
	struct answer a = good_answer(state), b = a;

	memcpy(b.packet.from, a.packet.to, 16);
	memcpy(b.packet.to, a.packet.from, 16);
	assert_int_not_equal(check(&b, EPOCH), SW_NONE);
	b.local_port = a.remote_port;
	b.remote_port = a.local_port;
	assert_int_not_equal(check(&b, EPOCH), SW_NONE);
}

static void syn_sent_again_gets_the_same_cookie(void **state)
{
	struct answer a = good_answer(state), again = good_answer(state);

	assert_int_equal(again.ack, a.ack);
	assert_int_equal(again.tsecr, a.tsecr);
}

/* --- Time ------------------------------------------------------------------------------------- */

static void ack_one_epoch_old_is_accepted(void **state)
{
	struct answer a = good_answer(state);

	expect(&a, EPOCH, SW_NONE);
	expect(&a, EPOCH + 1, SW_NONE);
}

static void ack_two_epochs_old_is_rejected(void **state)
{
	struct answer a = good_answer(state);

	for (__u64 age = 2; age < 256; age++)
		expect(&a, EPOCH + age, SW_COOKIE_OLD);
}

static void ack_of_an_epoch_to_come_is_rejected(void **state)
{
	struct answer a = good_answer(state);

	for (__u64 ahead = 1; ahead < 255; ahead++)
		expect(&a, EPOCH - ahead, SW_COOKIE_OLD);
}

/* The 8 bits are the same again: the full epoch is in the MAC. */
static void ack_256_epochs_old_is_rejected(void **state)
{
	struct answer a = good_answer(state);

	for (__u64 turn = 1; turn <= 16; turn++) {
		expect(&a, EPOCH + 256 * turn, SW_COOKIE_BAD);
		expect(&a, EPOCH + 256 * turn + 1, SW_COOKIE_BAD);
		expect(&a, EPOCH - 256 * turn, SW_COOKIE_BAD);
	}
}

static void epoch_is_64_seconds_of_the_wall_clock(void **state)
{
	(void)state;
	assert_int_equal(sw_cookie_epoch(0), 0);
	assert_int_equal(sw_cookie_epoch(64 * SW_NS_PER_S - 1), 0);
	assert_int_equal(sw_cookie_epoch(64 * SW_NS_PER_S), 1);
	assert_int_equal(sw_cookie_epoch(EPOCH * 64 * SW_NS_PER_S), EPOCH);
	assert_int_equal(sw_cookie_epoch((EPOCH + 1) * 64 * SW_NS_PER_S - 1), EPOCH);
}

/*
 * TIME_WAIT lets a SYN in whose ISN is larger (RFC 1122, 4.2.2.13). Within one epoch the MAC decides;
 * 64 epochs and this advance of the client's ISN are less than half of the circle.
 */
static void answers_of_a_later_epoch_have_larger_isns(void **state)
{
	struct answer a = good_answer(state);
	struct sw_offer offer = { .mss = 1460, .sack_ok = 1 };
	__u64 seed = 3;

	for (int turn = 0; turn < 1000; turn++) {
		__u32 isn = (__u32)next_random(&seed), advance = next_random(&seed) % 0x30000000;
		__u64 later_epoch = EPOCH + 1 + next_random(&seed) % 64;
		struct sw_cookie first = sw_cookie_make(&a.keys, &a.packet, a.local_port,
							a.remote_port, isn, EPOCH, &offer);
		struct sw_cookie later =
			sw_cookie_make(&a.keys, &a.packet, a.local_port, a.remote_port,
				       isn + advance, later_epoch, &offer);

		assert_true(sw_seq_after(later.isn, first.isn));
	}
}

/* --- Keys take turns -------------------------------------------------------------------------- */

#define TURN (EPOCH + 1)

/* some_keys and, from TURN on, another in the slot `second`. */
static struct sw_keys two_keys(int second)
{
	struct sw_keys keys = some_keys;

	keys.mac[!second] = some_keys.mac[0];
	keys.mac[second].first_epoch = TURN;
	memcpy(keys.mac[second].key, another_key, 16);
	return keys;
}

/* Of a SYN of the old key's last epoch: the next key may be written while it is under way. */
static void handshake_over_the_change_of_keys_is_accepted(void **state)
{
	for (int second = 0; second < 2; second++) {
		struct answer a = good_answer(state);

		a.keys = two_keys(second);
		expect(&a, EPOCH, SW_NONE);
		expect(&a, TURN, SW_NONE);
		expect(&a, TURN + 1, SW_COOKIE_OLD);
	}
}

/* The old key may be overwritten an epoch later: nothing of it can be under way. */
static void new_key_serves_from_its_first_epoch_on(void **state)
{
	for (int second = 0; second < 2; second++) {
		struct sw_keys keys = two_keys(second);
		struct answer a = shake_hands(family_of(state), &keys, TURN);

		expect(&a, TURN, SW_NONE);
		memset(a.keys.mac[!second].key, 0x55, 16);
		expect(&a, TURN, SW_NONE);
		expect(&a, TURN + 1, SW_NONE);
	}
}

static void old_key_does_not_serve_in_an_epoch_of_the_new_one(void **state)
{
	for (int second = 0; second < 2; second++) {
		struct answer a = shake_hands(family_of(state), &some_keys, TURN);

		expect(&a, TURN, SW_NONE);
		a.keys = two_keys(second);
		expect(&a, TURN, SW_COOKIE_BAD);
		expect(&a, TURN + 1, SW_COOKIE_BAD);
	}
}

static void new_key_does_not_serve_in_an_epoch_of_the_old_one(void **state)
{
	struct sw_keys keys = some_keys;

	memcpy(keys.mac[0].key, another_key, 16);
	for (int second = 0; second < 2; second++) {
		struct answer a = shake_hands(family_of(state), &keys, EPOCH);

		a.keys = two_keys(second);
		expect(&a, EPOCH, SW_COOKIE_BAD);
		expect(&a, TURN, SW_COOKIE_BAD);
	}
}

static void slot_without_a_key_never_serves(void **state)
{
	static const __u64 epochs[] = { 0, 1, 255, EPOCH, 1ULL << 32, 1ULL << 63, ~0ULL - 1 };

	(void)state;
	for (size_t i = 0; i < COUNT(epochs); i++)
		for (size_t j = 0; j < COUNT(epochs); j++)
			for (int empty = 0; empty < 2; empty++) {
				struct sw_keys keys = { 0 };

				keys.mac[empty].first_epoch = SW_EPOCH_NEVER;
				keys.mac[!empty].first_epoch = epochs[j];
				must(sw_mac_key(&keys, epochs[i]) == keys.mac[!empty].key,
				     "slot %d serves in epoch %llu", empty, epochs[i]);
			}
}

/* --- Options ---------------------------------------------------------------------------------- */

static struct sw_offer kept(struct sw_offer offer)
{
	struct sw_offer back = { .own_wscale = 5, .tstamp_ok = offer.tstamp_ok };

	sw_unpack(&back, sw_pack_options(&offer), sw_pack_exact(&offer));
	return back;
}

/* The server must not be told more than the client offered, nor its client less than to scale. */
static void options_are_never_raised(void **state)
{
	(void)state;
	for (int mss = SW_COOKIE_MSS_MIN; mss < 65536; mss++)
		must(sw_cookie_mss(sw_cookie_mss_index(mss)) <= mss, "MSS %d", mss);
	for (int bits = 0; bits < 64; bits++) {
		struct sw_offer offer = { .mss = 1460,
					  .sack_ok = bits & 1,
					  .ecn_ok = bits >> 1 & 1 };
		struct sw_offer back;

		sw_set_scale(&offer, bits >> 2);
		back = kept(offer);
		must(back.wscale_ok == offer.wscale_ok && back.wscale <= offer.wscale &&
			     back.sack_ok == offer.sack_ok && back.ecn_ok <= offer.ecn_ok,
		     "scale %d, SACK %d, ECN %d", bits >> 2, bits & 1, bits >> 1 & 1);
	}
}

static void nobody_from_1000_to_1460_loses_over_12_percent(void **state)
{
	(void)state;
	for (int mss = 1000; mss <= 1460; mss++)
		must(sw_cookie_mss(sw_cookie_mss_index(mss)) * 100 >= mss * 88, "MSS %d", mss);
}

static void what_systems_offer_stays_as_it_is(void **state)
{
	static const __u16 mss[] = { 536, 1000, 1220, 1360, 1440, 1460, 8940 };
	static const __u8 scales[] = { 7, 8, 10 };

	(void)state;
	for (size_t i = 0; i < COUNT(mss); i++)
		assert_int_equal(kept((struct sw_offer){ .mss = mss[i] }).mss, mss[i]);
	for (size_t i = 0; i < 2 * COUNT(scales); i++) {
		struct sw_offer offer = { .mss = 1460,
					  .wscale_ok = 1,
					  .wscale = scales[i / 2],
					  .own_wscale = 5,
					  .sack_ok = 1,
					  .ecn_ok = i & 1 };
		struct sw_offer back = kept(offer);

		assert_true(same_offer(&back, &offer));
	}
}

/* RFC 7323: a host that has timestamps sends them all the time. */
static void with_timestamps_every_option_stays_as_it_is(void **state)
{
	__u64 seed = 5;

	(void)state;
	for (int mss = SW_COOKIE_MSS_MIN; mss <= 8940 + SW_COOKIE_MSS_REST; mss++) {
		__u64 bits = next_random(&seed);
		struct sw_offer offer = { .mss = (__u16)mss,
					  .own_wscale = 5,
					  .sack_ok = bits & 1,
					  .ecn_ok = bits >> 1 & 1,
					  .tstamp_ok = 1 };
		struct sw_offer back;

		sw_set_scale(&offer, bits >> 2 & 15);
		back = kept(offer);
		must(same_offer(&back, &offer), "MSS %d, scale %d", mss, offer.wscale);
	}
}

static int test_family(const char *const *family)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(each_bit_of_the_addresses_counts),
		cmocka_unit_test(each_bit_of_the_ports_counts),
		cmocka_unit_test(each_bit_of_the_sequence_number_counts),
		cmocka_unit_test(each_bit_of_the_acknowledgement_counts),
		cmocka_unit_test(all_other_options_are_rejected),
		cmocka_unit_test(all_other_epochs_are_rejected),
		cmocka_unit_test(all_other_macs_are_rejected),
		cmocka_unit_test(each_bit_of_the_echoed_timestamp_counts),
		cmocka_unit_test(ack_whose_timestamp_went_opens_and_one_that_came_does_not),
		cmocka_unit_test(each_bit_of_the_keys_counts),
		cmocka_unit_test(ipv4_is_not_taken_for_the_ipv6_address_it_is_mapped_to),
		cmocka_unit_test(ends_exchanged_are_another_tuple),
		cmocka_unit_test(syn_sent_again_gets_the_same_cookie),
		cmocka_unit_test(ack_one_epoch_old_is_accepted),
		cmocka_unit_test(ack_two_epochs_old_is_rejected),
		cmocka_unit_test(ack_of_an_epoch_to_come_is_rejected),
		cmocka_unit_test(ack_256_epochs_old_is_rejected),
		cmocka_unit_test(answers_of_a_later_epoch_have_larger_isns),
		cmocka_unit_test(handshake_over_the_change_of_keys_is_accepted),
		cmocka_unit_test(new_key_serves_from_its_first_epoch_on),
		cmocka_unit_test(old_key_does_not_serve_in_an_epoch_of_the_new_one),
		cmocka_unit_test(new_key_does_not_serve_in_an_epoch_of_the_old_one),
	};

	for (size_t i = 0; i < COUNT(tests); i++)
		tests[i].initial_state = (void *)family;
	return _cmocka_run_group_tests(*family, tests, COUNT(tests), NULL, NULL);
}

int test_cookie(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(cookies_are_made_as_the_other_implementation_makes_them),
		cmocka_unit_test(cookies_of_the_other_implementation_are_read_in_both_epochs),
		cmocka_unit_test(both_implementations_refuse_for_the_same_reason),
		cmocka_unit_test(the_other_implementation_reads_cookies_made_here),
		cmocka_unit_test(epoch_is_64_seconds_of_the_wall_clock),
		cmocka_unit_test(slot_without_a_key_never_serves),
		cmocka_unit_test(options_are_never_raised),
		cmocka_unit_test(nobody_from_1000_to_1460_loses_over_12_percent),
		cmocka_unit_test(what_systems_offer_stays_as_it_is),
		cmocka_unit_test(with_timestamps_every_option_stays_as_it_is),
	};
	int failed = cmocka_run_group_tests_name("cookie", tests, NULL, NULL);

	for (size_t i = 0; i < COUNT(families); i++)
		failed += test_family(&families[i]);
	return failed;
}
