/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * "This address is none of the host's", without a walk through the trie of its networks, which takes 20 ns
 * of the 60 that the answer to a SYN costs: a bit for each of its addresses, by a hash (Bloom, 1970). Where
 * whole networks are the host's (AnyIP), the bits say nothing.
 */
#ifndef SYNWARD_LOCAL_H
#define SYNWARD_LOCAL_H

#include <synward/guard.h>

/* The value of the map sw_local: whose is what begins so? */
enum sw_local_kind {
	LOCAL_NOT = 0, /* another host's */
	LOCAL_HERE =
		1, /* of an interface that says so when it is asked (ARP, neighbour discovery) */
	LOCAL_ASIDE = 2, /* of one that nobody can ask: a VIP on lo or dummy0, an AnyIP route */
};

/*
 * The key of the map sw_ways: a VIP's answers have gone to this MAC address, and so may a cookie. Another
 * that brings its SYNs may be a load balancer's, whose servers answer clients directly.
 */
struct sw_way {
	__u32 address[4]; /* network order */
	__u16 mac[3];
	__u16 padding;
};

_Static_assert(sizeof(struct sw_way) == 24, "no hidden padding");

#define SW_WAYS_MAX 4096

#define SW_LOCAL_BITS_SHIFT 15
#define SW_LOCAL_WORDS      ((1 << SW_LOCAL_BITS_SHIFT) / 32)

/* The element of the map sw_local_bits. */
struct sw_local_bits {
	__u32 networks; /* sw_local has prefixes shorter than an address */
	__u32 routes; /* sw_routes has something */
	__u32 word[SW_LOCAL_WORDS];
};

_Static_assert(sizeof(struct sw_local_bits) == 8 + 4 * SW_LOCAL_WORDS, "no hidden padding");

SW_INLINE __u32 sw_local_bit(const __u32 address[4])
{
	__u32 mixed = (address[0] * 0x9e3779b1U ^ address[1]) * 0x85ebca6bU ^ address[2];

	return (mixed * 0xc2b2ae35U ^ address[3]) * 0x9e3779b1U >> (32 - SW_LOCAL_BITS_SHIFT);
}

/* What sw_local has of the host is marked. */
SW_INLINE void sw_local_mark(struct sw_local_bits *bits, const struct sw_local_key *key)
{
	__u32 bit = sw_local_bit(key->address);

	if (key->bits < SW_ADDRESS_BITS)
		bits->networks = true;
	else
		bits->word[bit / 32] |= 1U << bit % 32;
}

/* False: it is none of the host's. */
SW_INLINE bool sw_local_may_be(const struct sw_local_bits *bits, const __u32 address[4])
{
	__u32 bit = sw_local_bit(address);

	return bits->networks || (bits->word[bit / 32 % SW_LOCAL_WORDS] >> bit % 32 & 1);
}

#endif
