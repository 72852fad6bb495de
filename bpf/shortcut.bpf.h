/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The short way of a SYN in a flood, before it is parsed and looked up: one that came the way of another
 * which this CPU answered a moment ago (syn.bpf.h), to the same address and port, and offers what Linux
 * does, or its MSS alone. All that was found out then holds for it, too: it is for this host, where this
 * listener takes it, and cookies are sent. What is its own is asked of it here: a martian, a socket, what
 * its prefix has had. Its answer is the long way's, byte for byte; and whatever is not so plain goes that
 * way.
 */
#ifndef SYNWARD_SHORTCUT_BPF_H
#define SYNWARD_SHORTCUT_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <synward/guard.h>
#include <synward/martian.h>
#include <synward/offer.h>
#include <synward/parse.h>
#include <synward/reply.h>
#include <synward/wire.h>

#include "clock.bpf.h"
#include "cookie.bpf.h"
#include "local.bpf.h"
#include "lookup.bpf.h"
#include "maps.bpf.h"
#include "pressure.bpf.h"
#include "settings.bpf.h"
#include "sockets.bpf.h"
#include "syn.bpf.h"

#define SW_LONG_WAY (-1)

/* Options of a SYN. */
enum sw_layout {
	LAYOUT_OTHER,
	LAYOUT_MSS,
	LAYOUT_LINUX,
};

#define SW_LINUX_WORDS (SW_TCP_WORDS + 5)
#define SW_MSS_WORDS   (SW_TCP_WORDS + 1)

/* A SYN, and nothing beside it that means something, with so many words of header. */
#define SW_PLAIN_SYN(words) sw_wire32((words) << 28 | SW_TCP_SYN << 16)

static __always_inline bool sw_offers_mss(const __u32 *tcp)
{
	return (tcp[5] & sw_wire32(0xffff0000)) == sw_wire32(SW_WORD_MSS);
}

static __always_inline bool sw_offers_as_linux(const __u32 *tcp)
{
	return sw_offers_mss(tcp) && tcp[6] == sw_wire32(SW_WORD_SACK_TIMESTAMP) &&
	       (tcp[9] & sw_wire32(0xffffff00)) == sw_wire32(SW_WORD_WSCALE) &&
	       sw_wire32(tcp[9]) - SW_WORD_WSCALE <= SW_WSCALE_MAX;
}

/* The SYN, on the stack: what is known of it when this is compiled stays so. */
struct sw_short_syn {
	struct sw_packet packet;
	struct sw_segment seg;
};

static __always_inline void sw_short_read(struct sw_short_syn *syn, const __u32 *tcp, bool linux)
{
	syn->seg.sender = syn->seg.self = 0;
	syn->seg.key.port[0] = sw_wire32(tcp[0]) >> 16;
	syn->seg.key.port[1] = sw_wire32(tcp[0]);
	syn->seg.seq = sw_wire32(tcp[1]);
	syn->seg.flags = SW_TCP_SYN;
	syn->seg.mss = sw_wire32(tcp[5]);
	syn->seg.sack_ok = syn->seg.has_tsval = syn->seg.has_wscale = linux;
	syn->seg.tsval = linux ? sw_wire32(tcp[7]) : 0;
	syn->seg.wscale = linux ? sw_wire32(tcp[9]) : 0;
}

/*
 * The checksums of IPv4 and of TCP in one, which costs 3 of this way's nanoseconds (by BPF_PROG_RUN): each sum is
 * 0, and so are both together. `sum`: what counts for both, TCP's pseudo header being some words of IP's. What is
 * wrong here may be unfinished, as a virtual wire has it: the long way knows (plain.bpf.h).
 */
static __always_inline bool sw_short_sums(const __u32 *words, __u32 count, __u32 tcp_bytes,
					  __u64 sum)
{
	return !sw_fold_checksum(sw_sum_words(
		sum + sw_wire32(SW_IP_TCP) + (__u64)sw_wire32(tcp_bytes), words, (int)count));
}

/* What the long way asks of each SYN, and what was found out of another need not say of this one. */
static __always_inline bool sw_short_fit(const struct sw_short_syn *syn)
{
	return !sw_martian(&syn->packet) && !sw_is_local(syn->packet.from) &&
	       sw_bit_is_clear(sw_socket_bit(syn->packet.from, syn->packet.to,
					     (__u32)syn->seg.key.port[0] + syn->seg.key.port[1]));
}

/* The frame, whose headers may have moved, becomes the reply. */
static __always_inline int sw_short_send(struct xdp_md *ctx, const struct sw_reply *reply,
					 __u32 words)
{
	int more = (int)(SW_ETHERNET_HEADER + 4 * words) - (int)bpf_xdp_get_buff_len(ctx);
	__u16 *mac;
	__u32 *ip;

	if (more && bpf_xdp_adjust_tail(ctx, more))
		return XDP_DROP;
	mac = (__u16 *)(long)ctx->data;
	ip = (__u32 *)(mac + SW_ETHERNET_HEADER / 2);
	if (ip + words > (__u32 *)(long)ctx->data_end)
		return XDP_DROP;
	sw_swap_ethernet(mac);
	for (__u32 i = 0; i < words; i++)
		ip[i] = reply->word[i];
	return XDP_TX;
}

/* What has become of the SYN, and so the verdict. */
static __always_inline int sw_short_count(enum sw_counter what)
{
	__u64 *counters = sw_counters();

	if (counters && what < SW_COUNTER_MAX) {
		counters[SW_FRAMES]++;
		counters[SW_SEGMENTS]++;
		counters[what]++;
	}
	if (offline)
		__builtin_memset(&offline_result, 0, sizeof(offline_result));
	return what == SW_COOKIES_SENT ? XDP_TX : XDP_DROP;
}

static __always_inline int sw_short_reply(struct xdp_md *ctx, const struct sw_guard *guard,
					  const struct sw_short_syn *syn,
					  const struct sw_seen *seen, const struct sw_offer *offer,
					  const struct sw_keys *keys, __u64 now, __u32 words)
{
	__u64 epoch = sw_cookie_epoch(now + guard->wall_offset_ns);
	struct sw_cookie cookie = sw_cookie_make(keys, &syn->packet, syn->seg.key.port[1],
						 syn->seg.key.port[0], syn->seg.seq, epoch, offer);
	__u16 mss = sw_listener_mss(&seen->manner, guard->mss[!syn->packet.ipv4]);
	struct sw_reply_terms terms = sw_terms_of(guard, &seen->manner, mss, syn->packet.ipv4,
						  seen->admission, offer->tstamp_ok, &cookie);
	struct sw_reply reply;

	sw_reply_build(&reply, &syn->packet, &syn->seg, offer, &cookie, &terms);
	return sw_short_send(ctx, &reply, words);
}

/* linux: it offers what Linux does, else its MSS alone. */
static __always_inline int sw_short_answer(struct xdp_md *ctx, const struct sw_short_syn *syn,
					   bool linux, __u32 words)
{
	const struct sw_guard *guard = &sw_settings()->guard;
	const struct sw_seen *seen = sw_seen_at(syn->packet.to, syn->seg.key.port[1]);
	__u64 now = sw_coarse_now();
	struct sw_pressure *pressure;
	const struct sw_keys *keys;
	struct sw_offer offer;
	__u32 zero = 0, slot;

	if (!seen || now >= seen->short_until_ns ||
	    !sw_came_before(ctx, syn->packet.to, syn->seg.key.port[1], now, seen) ||
	    !sw_short_fit(syn) || sw_route_to(&syn->packet, guard) ||
	    !sw_offer_of(guard, &syn->packet, &syn->seg, &seen->manner, &offer))
		return SW_LONG_WAY;
	if (linux && !(offer.tstamp_ok && offer.sack_ok && offer.wscale_ok))
		return SW_LONG_WAY;
	offer.tstamp_ok = offer.sack_ok = offer.wscale_ok = linux;
	offer.own_wscale = seen->own_wscale;
	slot = seen->slot;
	pressure = bpf_map_lookup_elem(&sw_pressure, &slot);
	keys = bpf_map_lookup_elem(&sw_keys, &zero);
	if (!pressure || !keys)
		return SW_LONG_WAY;
	if (!sw_within_budget(&syn->packet, now, guard))
		return sw_short_count(SW_OVER_BUDGET);
	if (sw_short_reply(ctx, guard, syn, seen, &offer, keys, now, words) != XDP_TX)
		return sw_short_count(SW_REPLY_FAILED);
	pressure->sent++;
	return sw_short_count(SW_COOKIES_SENT);
}

static __always_inline int sw_short_ipv4(struct xdp_md *ctx, const __u32 *ip, bool linux)
{
	__u32 words = SW_IPV4_WORDS + (linux ? SW_LINUX_WORDS : SW_MSS_WORDS);
	struct sw_short_syn syn;

	if ((ip[0] & sw_wire32(0xff00ffff)) != sw_wire32(SW_IPV4_FIRST | 4 * words) ||
	    (ip[1] & sw_wire32(SW_IPV4_FRAGMENT)) ||
	    (ip[2] & sw_wire32(0x00ff0000)) != sw_wire32(SW_IP_TCP << 16))
		return SW_LONG_WAY;
	syn.packet.ipv4 = true;
	syn.packet.from[0] = syn.packet.from[1] = syn.packet.to[0] = syn.packet.to[1] = 0;
	syn.packet.from[2] = syn.packet.to[2] = sw_wire32(0xffff);
	syn.packet.from[3] = ip[3];
	syn.packet.to[3] = ip[4];
	if (!sw_short_sums(ip, words, 4 * words - SW_IPV4_HEADER, (__u64)ip[3] + ip[4]))
		return SW_LONG_WAY;
	sw_short_read(&syn, ip + SW_IPV4_WORDS, linux);
	return sw_short_answer(ctx, &syn, linux, words);
}

static __always_inline int sw_short_ipv6(struct xdp_md *ctx, const __u32 *ip, bool linux)
{
	__u32 words = linux ? SW_LINUX_WORDS : SW_MSS_WORDS;
	struct sw_short_syn syn;

	if ((ip[0] & sw_wire32(0xf0000000)) != sw_wire32(SW_IPV6_FIRST) ||
	    (ip[1] & sw_wire32(0xffffff00)) != sw_wire32(4 * words << 16 | SW_IP_TCP << 8))
		return SW_LONG_WAY;
	syn.packet.ipv4 = false;
	for (int i = 0; i < 4; i++) {
		syn.packet.from[i] = ip[2 + i];
		syn.packet.to[i] = ip[6 + i];
	}
	if (!sw_short_sums(ip + 2, SW_IPV6_WORDS - 2 + words, 4 * words, 0))
		return SW_LONG_WAY;
	sw_short_read(&syn, ip + SW_IPV6_WORDS, linux);
	return sw_short_answer(ctx, &syn, linux, SW_IPV6_WORDS + words);
}

static __always_inline enum sw_layout sw_layout_of(const __u32 *tcp, const __u32 *end)
{
	__u32 syn;

	if (tcp + SW_MSS_WORDS > end || !sw_offers_mss(tcp))
		return LAYOUT_OTHER;
	syn = tcp[3] & sw_wire32(0xffff0000);
	if (syn == SW_PLAIN_SYN(SW_MSS_WORDS))
		return LAYOUT_MSS;
	if (syn != SW_PLAIN_SYN(SW_LINUX_WORDS) || tcp + SW_LINUX_WORDS > end)
		return LAYOUT_OTHER;
	return sw_offers_as_linux(tcp) ? LAYOUT_LINUX : LAYOUT_OTHER;
}

static __always_inline int sw_short_way(struct xdp_md *ctx, const __u32 *ip, const __u32 *end,
					bool ipv4)
{
	switch (sw_layout_of(ip + (ipv4 ? SW_IPV4_WORDS : SW_IPV6_WORDS), end)) {
	case LAYOUT_LINUX:
		return ipv4 ? sw_short_ipv4(ctx, ip, true) : sw_short_ipv6(ctx, ip, true);
	case LAYOUT_MSS:
		return ipv4 ? sw_short_ipv4(ctx, ip, false) : sw_short_ipv6(ctx, ip, false);
	case LAYOUT_OTHER:
		break;
	}
	return SW_LONG_WAY;
}

/* The verdict on a SYN that is done with, or SW_LONG_WAY: nothing has been. */
SW_GUARD_FUNCTION int sw_try_shortcut(struct xdp_md *ctx)
{
	const __u8 *frame = (const __u8 *)(long)ctx->data;
	const __u32 *ip = (const __u32 *)(frame + SW_ETHERNET_HEADER);
	const __u32 *end = (const __u32 *)(long)ctx->data_end;
	__u16 type;

	if (bare_ip || ip + SW_IPV4_WORDS > end)
		return SW_LONG_WAY;
	type = *(const __u16 *)(frame + 12);
	if (type == sw_wire16(SW_ETH_IPV4))
		return sw_short_way(ctx, ip, end, true);
	return type == sw_wire16(SW_ETH_IPV6) ? sw_short_way(ctx, ip, end, false) : SW_LONG_WAY;
}

#endif
