// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * How often does a forged ACK pass? 2^28 random segments for each kind of cookie go through
 * sw_cookie_check(); how many pass, and how many get as far as the second hash, must be what the
 * bits of the cookie predict. Then all acknowledgements there are for one tuple, counted out.
 *
 * usage: forge [SEED]     prints `ok NAME: NUMBERS` or `FAIL NAME: NUMBERS`; exit 1 if anything failed
 *
 * The same every time: the trials come in blocks with a seed each, whichever thread takes them.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <synward/cookie.h>

#define TRIALS      (1ULL << 28)
#define BLOCK       (1ULL << 20)
#define BLOCKS      (TRIALS / BLOCK)
#define MAX_THREADS 64

/* In the middle of the circle, and such that both epochs lie on it side by side. */
#define EPOCH 27343750ULL

static const struct sw_keys keys = {
	.isn = { 0x6a09e667f3bcc908, 0xbb67ae8584caa73b },
	.mac = {
		{ .first_epoch = 0, .key = { 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1 } },
		{ .first_epoch = SW_EPOCH_NEVER },
	},
};

#define LOCAL_PORT 443

struct trial_case {
	const char *name;
	bool ipv4, timestamps;
	unsigned int low, high; /* that may pass */
};

/*
 * 2^28 * 2^-24 = 16 are expected to pass; a Poisson variable of that mean is beyond 2..42 with 4e-6.
 * With timestamps 2^-9 are: more than one is a false alarm with 2e-6.
 */
static const struct trial_case cases[] = {
	{ "random_acks_over_ipv4", true, false, 2, 42 },
	{ "random_acks_over_ipv6", false, false, 2, 42 },
	{ "random_acks_over_ipv4_with_timestamps", true, true, 0, 1 },
	{ "random_acks_over_ipv6_with_timestamps", false, true, 0, 1 },
};

/* Two epochs of 256 get to the second hash: 2^21, with a standard deviation of 1443. Six of them: 2e-9. */
#define HASHED       (TRIALS / 128)
#define HASHED_SLACK 8658

struct count {
	__u64 old, bad, passed;
};

/* --- Random numbers: xoshiro256**, seeded by splitmix64 --------------------------------------- */

struct random {
	__u64 s[4];
};

static __u64 splitmix(__u64 *seed)
{
	__u64 z = *seed += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static void random_begin(struct random *r, __u64 seed)
{
	for (int i = 0; i < 4; i++)
		r->s[i] = splitmix(&seed);
}

static __u64 random_next(struct random *r)
{
	__u64 result = sw_sip_rotate(r->s[1] * 5, 7) * 9, t = r->s[1] << 17;

	r->s[2] ^= r->s[0];
	r->s[3] ^= r->s[1];
	r->s[1] ^= r->s[2];
	r->s[0] ^= r->s[3];
	r->s[2] ^= t;
	r->s[3] = sw_sip_rotate(r->s[3], 45);
	return result;
}

/* --- Trials ----------------------------------------------------------------------------------- */

static void tally(struct count *count, enum sw_counter verdict)
{
	count->old += verdict == SW_COOKIE_OLD;
	count->bad += verdict == SW_COOKIE_BAD;
	count->passed += verdict == SW_NONE;
}

/* 198.51.100.7 or 2001:db8::7; the other end's address is what it claims to be. */
static struct sw_packet packet_to_us(bool ipv4)
{
	struct sw_packet packet = { .ipv4 = ipv4 };

	if (ipv4) {
		packet.from[2] = packet.to[2] = __builtin_bswap32(0xffff);
		packet.to[3] = __builtin_bswap32(0xc6336407);
	} else {
		packet.to[0] = __builtin_bswap32(0x20010db8);
		packet.to[3] = __builtin_bswap32(7);
	}
	return packet;
}

static void forge_source(struct sw_packet *packet, struct random *r)
{
	__u64 bits = random_next(r);

	packet->from[3] = (__u32)bits;
	if (packet->ipv4)
		return;
	packet->from[2] = (__u32)(bits >> 32);
	bits = random_next(r);
	packet->from[1] = (__u32)(bits >> 32);
	packet->from[0] = (__u32)bits;
}

static void try_block(const struct trial_case *c, __u64 seed, struct count *count)
{
	struct sw_packet packet = packet_to_us(c->ipv4);
	struct random r;

	random_begin(&r, seed);
	for (__u64 i = 0; i < BLOCK; i++) {
		struct sw_offer offer = { .tstamp_ok = c->timestamps };
		__u64 numbers = random_next(&r), rest = random_next(&r);

		forge_source(&packet, &r);
		tally(count, sw_cookie_check(&keys, &packet, LOCAL_PORT, (__u16)(rest >> 32),
					     (__u32)numbers, (__u32)(numbers >> 32), (__u32)rest,
					     EPOCH, &offer));
	}
}

struct run {
	const struct trial_case *trial;
	__u64 seed;
	atomic_ullong next_block, old, bad, passed;
};

static void *work(void *context)
{
	struct run *run = context;
	struct count count = { 0 };
	__u64 block;

	while ((block = atomic_fetch_add(&run->next_block, 1)) < BLOCKS)
		try_block(run->trial, run->seed + block, &count);
	run->old += count.old;
	run->bad += count.bad;
	run->passed += count.passed;
	return NULL;
}

static void run_threads(struct run *run)
{
	long threads = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t others[MAX_THREADS];
	int started = 0;

	while (started < threads - 1 && started < MAX_THREADS &&
	       !pthread_create(&others[started], NULL, work, run))
		started++;
	work(run);
	while (started)
		pthread_join(others[--started], NULL);
}

static bool report(bool good, const char *name, const char *numbers)
{
	printf("%s %s: %s\n", good ? "ok" : "FAIL", name, numbers);
	fflush(stdout);
	return good;
}

static bool run_case(const struct trial_case *c, __u64 seed)
{
	struct run run = { .trial = c, .seed = seed };
	__u64 hashed;
	char text[200];

	run_threads(&run);
	hashed = run.bad + run.passed;
	snprintf(text, sizeof(text),
		 "%llu of %llu passed (%u to %u may), %llu got to the second hash (%llu to %llu)",
		 run.passed, TRIALS, c->low, c->high, hashed, HASHED - HASHED_SLACK,
		 HASHED + HASHED_SLACK);
	return report(run.old + hashed == TRIALS && run.passed >= c->low && run.passed <= c->high &&
			      hashed >= HASHED - HASHED_SLACK && hashed <= HASHED + HASHED_SLACK,
		      c->name, text);
}

/*
 * Of the 2^32 acknowledgements that a forger can try for one tuple and sequence number, those of two
 * epochs are looked at closer, and of each 2^17 that differ in the MAC alone one passes: 256, exactly.
 */
static bool count_one_tuple(void)
{
	struct sw_packet packet = packet_to_us(true);
	__u32 seq = 0xfffffff0, base, first = (__u32)(EPOCH - 2) << 24;
	struct count count = { 0 };
	char text[200];

	packet.from[3] = 0x01020304;
	base = seq + (__u32)sw_cookie_f(&keys, &packet, LOCAL_PORT, 50000);
	/* An epoch more at either end: 2^26 in all. */
	for (__u32 word = 0; word < 4U << 24; word++) {
		struct sw_offer offer = { .tstamp_ok = false };

		tally(&count, sw_cookie_check(&keys, &packet, LOCAL_PORT, 50000, seq,
					      base + first + word, 0, EPOCH, &offer));
	}
	snprintf(text, sizeof(text), "%llu passed (256), %llu were of no good epoch (%u)",
		 count.passed, count.old, 2U << 24);
	return report(count.passed == 256 && count.old == 2U << 24,
		      "one_tuple_has_256_good_acks_among_all", text);
}

int main(int argc, char **argv)
{
	__u64 seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 20;
	int failed = 0;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		failed += !run_case(&cases[i], seed + i * BLOCKS);
	failed += !count_one_tuple();
	return failed ? 1 : 0;
}
