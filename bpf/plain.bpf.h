/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Guard, a segment that the kernel might not take, or not as it is: with options or extension headers of IP
 * (source routes, which it refuses; a record of the route, which its answer bears, too; destination options that
 * want the packet discarded; AH), with a checksum that is wrong, with a signature of TCP. A cookie is not to
 * answer what the kernel would drop; and where an ACK with a good cookie is dropped behind XDP, a connection
 * seems lost to the safety net (retreat.bpf.h), so that a handful of these would make a port fall back.
 *
 * The kernel judges them all: a card that has verified a checksum tells the kernel so, and not XDP.
 */
#ifndef SYNWARD_PLAIN_BPF_H
#define SYNWARD_PLAIN_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <synward/reply.h>
#include <synward/stats.h>
#include <synward/wire.h>

#include "settings.bpf.h"
#include "work.bpf.h"

#define SW_SUMMED_AT_ONCE 64
#define SW_SUM_TURNS      (0x10000 / SW_SUMMED_AT_ONCE)

struct sw_summing {
	struct xdp_md *ctx;
	struct sw_work *w;
	__u32 at, left;
	__u64 sum; /* of words, not folded */
};

/* What is summed lies where the reply will. */
static long sw_sum_next(__u32 turn, struct sw_summing *summing)
{
	__u32 *words = summing->w->reply.word;
	__u32 left = summing->left, bytes = left < SW_SUMMED_AT_ONCE ? left : SW_SUMMED_AT_ONCE;

	(void)turn;
	bytes = sw_opaque(bytes);
	__builtin_memset(words, 0, SW_SUMMED_AT_ONCE);
	/* Of "not 0" Linux 6.1's verifier learns nothing. */
	if ((__s32)bytes < 1 || bpf_xdp_load_bytes(summing->ctx, summing->at, words, bytes))
		return 1;
	summing->sum = sw_sum_words(summing->sum, words, SW_SUMMED_AT_ONCE / 8);
	SW_PHASE(); /* stack is scarce on the way to here */
	summing->sum =
		sw_sum_words(summing->sum, words + SW_SUMMED_AT_ONCE / 8, SW_SUMMED_AT_ONCE / 8);
	summing->at += bytes;
	summing->left -= bytes;
	return 0;
}

/*
 * TCP's checksum. Where a virtual wire leaves the rest of it to a card that there is not, it is the sum of the
 * pseudo header so far (RFC 9293, 3.1), of which nothing can be said.
 */
static __always_inline bool sw_tcp_sum_is_right(struct xdp_md *ctx, struct sw_work *w)
{
	const struct sw_packet *packet = &w->packet;
	struct sw_summing summing = { .ctx = ctx, .w = w, .at = packet->at, .left = packet->bytes };
	__u16 field = 0;

	/* The words before a mapped address of IPv4 add nothing: 0xffff is 0 here. */
	summing.sum = sw_sum_words(sw_wire32(SW_IP_TCP) + (__u64)sw_wire32(packet->bytes),
				   packet->from, 8);
	bpf_xdp_load_bytes(ctx, packet->at + 2 * SW_TCP_CHECKSUM_HALF, &field, sizeof(field));
	if (field == (__u16)~sw_fold_checksum(summing.sum))
		return true;
	bpf_loop(SW_SUM_TURNS, sw_sum_next, &summing, 0);
	return !summing.left && !sw_fold_checksum(summing.sum);
}

/* Of `words`, where the header of IP begins: no options, no extension header; a lone fragment's is none (RFC 6946). */
static __always_inline bool sw_ip_is_plain(const struct sw_packet *packet, const __u32 *words)
{
	__u32 bytes = packet->at - packet->ip;
	__u8 next = (__u8)(sw_wire32(words[1]) >> 8);

	if (packet->ipv4)
		return bytes == SW_IPV4_HEADER;
	return bytes == SW_IPV6_HEADER || (bytes == SW_IPV6_HEADER + 8 && next == SW_IP_FRAGMENT);
}

static __always_inline __u8 sw_hop_limit_of(const struct sw_packet *packet, const __u32 *words)
{
	return packet->ipv4 ? sw_wire32(words[2]) >> 24 : (__u8)sw_wire32(words[1]);
}

static __always_inline enum sw_counter sw_oddity(struct xdp_md *ctx, struct sw_work *w)
{
	__u32 words[SW_IPV4_WORDS] = {};

	if (bpf_xdp_load_bytes(ctx, w->packet.ip, words, sizeof(words)) ||
	    !sw_ip_is_plain(&w->packet, words))
		return SW_UNFIT_IP;
	if (sw_hop_limit_of(&w->packet, words) < w->look.manner.least_hop_limit)
		return SW_SYN_TOO_FAR;
	if (w->seg.is_signed)
		return SW_UNFIT_SIGNED;
	if (w->packet.ipv4 && sw_fold_checksum(sw_sum_words(0, words, SW_IPV4_WORDS)))
		return SW_UNFIT_CHECKSUM;
	return sw_tcp_sum_is_right(ctx, w) ? SW_NONE : SW_UNFIT_CHECKSUM;
}

/*
 * What the kernel may have against the segment in hand, whose options are read and whose listener is known, into
 * w->reason; false: nothing. A global function, so that the verifier walks it once.
 */
SW_GUARD_FUNCTION int sw_find_odd(struct xdp_md *ctx)
{
	struct sw_work *w = sw_work_in_hand();

	if (!w)
		return false;
	w->reason = sw_oddity(ctx, w);
	return w->reason != SW_NONE;
}

#endif
