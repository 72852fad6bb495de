/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the generator (flood.c, flood.bpf.c) and the meter (bare.bpf.c) must agree on: how the n-th
 * spoofed source looks, and what the meter keeps of the answer to it.
 *
 *   IPv4   198.18.0.0/15 + low 17 bits of n     port 0x8000 + high 15 bits of n     (RFC 2544)
 *   IPv6   2001:db8:*:*:*:*:<n>                 the same port                       (RFC 3849)
 */
#ifndef SYNWARD_BENCH_FLOOD_H
#define SYNWARD_BENCH_FLOOD_H

#include <linux/types.h>

#define SPOOFED_V4      0xc6120000U
#define SPOOFED_V4_MASK 0xfffe0000U
#define SPOOFED_V6      0x20010db8U /* the first 32 bits */
#define SPOOFED_PORT    0x8000U
#define SPOOFED_BITS    17 /* of n are in the IPv4 address */

#define FLOOD_KINDS_MAX 8
#define FLOOD_FRAME_MAX 94 /* Ethernet, IPv6, TCP with 20 bytes of options */

/* A segment as the generator sends it, all but the source and the numbers, and the sums of it. */
struct flood_kind {
	__u16 frame[FLOOD_FRAME_MAX / 2];
	__u8 tcp_length;
	__u8 ts_at; /* where in the TCP header the time stamps lie, 0: it has none */
	__u8 flags;
	__u8 padding[3];
	__u32 ip_sum;
	__u32 tcp_sum; /* with the pseudo-header */
};

/* Of the SYN-ACK to the n-th source; isn 0: there was none. */
struct flood_answer {
	__be32 isn;
	__be32 ts;
};

#define FLOOD_ANSWERS (1U << 20)

#endif
