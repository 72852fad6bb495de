/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Budgets: how many SYN+ACKs a source prefix gets in a second, so that nobody is flooded through this
 * host by SYNs in its name; and how many SYNs that no cookie answers the kernel gets meanwhile.
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

/* A quarter of a second's replies may go out at once; as many again with a chance that falls to none. */
#define SW_BUDGET_AHEAD_NS (SW_NS_PER_S / 4)

/* Whether it may have one more is then a matter of chance. */
SW_INLINE bool sw_budget_is_ahead(const struct sw_budget *bucket, __u64 now)
{
	return bucket->paid_until_ns >= now + SW_BUDGET_AHEAD_NS;
}

/*
 * May the bucket have one more of its `budget` replies a second, which is not 0? Each is paid for with its
 * part of the second (a leaky bucket). The further ahead it is, the less likely is the next one (random: any
 * 32 bits, each as likely, if it is ahead), as in RFC 2309's RED: so a flood does not spend the budget before others of its
 * prefix come, nor can it be paced to take each part as it falls due. Every SYN has the same chance, of the
 * budget to the flood's rate.
 */
SW_INLINE bool sw_budget_take(struct sw_budget *bucket, __u32 budget, __u64 now, __u32 random)
{
	__u64 paid = bucket->paid_until_ns > now ? bucket->paid_until_ns : now;

	if (paid - now >= SW_BUDGET_AHEAD_NS + (random * SW_BUDGET_AHEAD_NS >> 32))
		return false;
	bucket->paid_until_ns = paid + (__u32)SW_NS_PER_S / budget;
	return true;
}

/* So many SYNs a second that no cookie answers are the kernel's while cookies are sent, of all together. */
#define SW_UNFIT_PER_SECOND 200
#define SW_UNFIT_BUCKET     SW_BUDGET_BUCKETS /* behind those of the prefixes */

#endif
