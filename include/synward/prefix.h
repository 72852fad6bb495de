/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Prefixes of addresses: IPv4 mapped to IPv6, words in network order.
 */
#ifndef SYNWARD_PREFIX_H
#define SYNWARD_PREFIX_H

#include <synward/guard.h>

/* The mask of the first `bits` bits. */
SW_INLINE void sw_prefix_mask(__u32 mask[4], __u32 bits)
{
	for (__u32 i = 0; i < 4; i++) {
		__u32 left = bits > 32 * i ? bits - 32 * i : 0;

		mask[i] = left >= 32 ? ~0U : left ? sw_wire32(~0U << (32 - left)) : 0;
	}
}

/* The key of this port at this address, as far as the mask goes; each byte of it is written. */
SW_INLINE void sw_port_key_fill(struct sw_port_key *key, const struct sw_port_mask *mask,
				const __u32 address[4], __u16 port)
{
	for (int i = 0; i < 4; i++)
		key->address[i] = address[i] & mask->word[i];
	key->port = port;
	key->bits = mask->bits;
	key->padding = 0;
}

#endif
