/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The budget of replies: how many SYN+ACKs a source prefix gets in a second, so that nobody is flooded
 * through this host by SYNs in its name.
 */
#ifndef SYNWARD_BUDGET_H
#define SYNWARD_BUDGET_H

#include <synward/cookie.h>
#include <synward/guard.h>
#include <synward/segment.h>

#define SW_FIRST_24_BITS 0xffffff /* of an address as sw_wire_word() has it */

/*
 * The bucket of a source prefix, /24 or /64 (IPv6: what one site gets). Multiplying by a secret odd
 * number (Dietzfelbinger et al., 1997) makes any two prefixes meet with 2^-15 at most, so nobody can
 * choose some that share a bucket with somebody else's. It is no key of the cookie: who meets whom
 * may be seen from outside.
 */
SW_INLINE __u32 sw_budget_bucket(const struct sw_packet *packet, const __u64 secret[2])
{
	__u64 prefix = packet->ipv4 ? sw_wire_word(packet->from[3]) & SW_FIRST_24_BITS
				    : sw_wire_pair(packet->from);

	prefix *= secret[0] | 1; /* prefixes in a row are to be spread */
	prefix ^= prefix >> 32;
	return (__u32)(prefix * (secret[1] | 1) >> (64 - SW_BUDGET_SHIFT));
}

/* A quarter of a second's replies may go out at once; the rest go evenly. */
#define SW_BUDGET_AHEAD_NS (SW_NS_PER_S / 4)

/*
 * May the bucket have one more of its `budget` replies a second, which is not 0? Each is paid for with its
 * part of the second (a leaky bucket). So a flood does not spend the budget before others of its prefix come:
 * every SYN has the same chance, of the budget to the flood's rate.
 */
SW_INLINE bool sw_budget_take(struct sw_budget *bucket, __u32 budget, __u64 now)
{
	__u64 paid = bucket->paid_until_ns > now ? bucket->paid_until_ns : now;

	if (paid - now >= SW_BUDGET_AHEAD_NS)
		return false;
	bucket->paid_until_ns = paid + (__u32)SW_NS_PER_S / budget;
	return true;
}

#endif
