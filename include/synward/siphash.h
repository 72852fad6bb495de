/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012), 64 bits out.
 *
 * The caller feeds the message in words of eight bytes, the first byte lowest, and ends with the
 * word that holds what is left of it and, in its top byte, the message's length: sw_sip_last().
 */
#ifndef SYNWARD_SIPHASH_H
#define SYNWARD_SIPHASH_H

#include <synward/types.h>

struct sw_sip {
	__u64 v0, v1, v2, v3;
};

SW_INLINE __u64 sw_sip_rotate(__u64 x, int bits)
{
	return x << bits | x >> (64 - bits);
}

SW_INLINE void sw_sip_round(struct sw_sip *s)
{
	s->v0 += s->v1;
	s->v1 = sw_sip_rotate(s->v1, 13) ^ s->v0;
	s->v0 = sw_sip_rotate(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = sw_sip_rotate(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = sw_sip_rotate(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = sw_sip_rotate(s->v1, 17) ^ s->v2;
	s->v2 = sw_sip_rotate(s->v2, 32);
}

SW_INLINE struct sw_sip sw_sip_begin(const __u64 key[2])
{
	return (struct sw_sip){
		.v0 = key[0] ^ 0x736f6d6570736575ULL,
		.v1 = key[1] ^ 0x646f72616e646f6dULL,
		.v2 = key[0] ^ 0x6c7967656e657261ULL,
		.v3 = key[1] ^ 0x7465646279746573ULL,
	};
}

SW_INLINE void sw_sip_word(struct sw_sip *s, __u64 word)
{
	s->v3 ^= word;
	sw_sip_round(s);
	sw_sip_round(s);
	s->v0 ^= word;
}

/* `rest` holds the message's last `length % 8` bytes. */
SW_INLINE __u64 sw_sip_last(__u64 rest, __u32 length)
{
	return (__u64)length << 56 | rest;
}

SW_INLINE __u64 sw_sip_end(struct sw_sip *s, __u64 last)
{
	sw_sip_word(s, last);
	s->v2 ^= 0xff;
	sw_sip_round(s);
	sw_sip_round(s);
	sw_sip_round(s);
	sw_sip_round(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

#endif
