/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Proxy, an ICMP error about what a service sent: "packet too big" above all. It quotes the segment as it
 * was outside, in the client's numbers; a host takes it only if the sequence number is one of its own (RFC
 * 5927, 4.1).
 */
#ifndef SYNWARD_QUOTE_BPF_H
#define SYNWARD_QUOTE_BPF_H

#include <linux/bpf.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_helpers.h>

#include <synward/parse.h>
#include <synward/translate.h>

#include "proxy.bpf.h"
#include "settings.bpf.h"
#include "work.bpf.h"

/* Where a quoted segment lies in the frame; its ends are in w->packet, its ports in w->seg.key. */
struct sw_quote {
	__u32 checksum; /* of the ICMP message */
	__u32 tcp; /* of the segment, eight bytes at least (RFC 792) */
};

/* Offset of the IP header: after Ethernet, or at once, see skb_parse_bare(). */
static __always_inline __u32 skb_ip(struct __sk_buff *skb)
{
	__u16 type;

	if (bpf_skb_load_bytes(skb, SW_ETHERNET_HEADER - 2, &type, 2))
		return 0;
	return type == (__u16)skb->protocol ? SW_ETHERNET_HEADER : 0;
}

static __always_inline bool skb_find_quote_v4(struct __sk_buff *skb, __u32 at,
					      struct sw_packet *packet, struct sw_quote *quote)
{
	__u8 icmp[SW_ICMP_HEADER];
	struct iphdr ip;

	if (bpf_skb_load_bytes(skb, at, &ip, sizeof(ip)) || ip.protocol != SW_IP_ICMP ||
	    (ip.frag_off & sw_wire16(SW_IPV4_FRAGMENT)))
		return false;
	at += 4 * ip.ihl;
	if (bpf_skb_load_bytes(skb, at, &icmp, sizeof(icmp)) ||
	    (icmp[0] != SW_ICMP_UNREACHABLE && icmp[0] != SW_ICMP_TIME_EXCEEDED &&
	     icmp[0] != SW_ICMP_PARAMETER))
		return false;
	quote->checksum = at + SW_ICMP_CHECKSUM;
	at += sizeof(icmp);
	if (bpf_skb_load_bytes(skb, at, &ip, sizeof(ip)) || ip.version != 4 ||
	    ip.protocol != SW_IP_TCP || (ip.frag_off & sw_wire16(SW_IPV4_FRAGMENT)))
		return false;
	packet->from[2] = packet->to[2] = sw_wire32(0xffff);
	packet->from[3] = ip.saddr;
	packet->to[3] = ip.daddr;
	quote->tcp = at + 4 * ip.ihl;
	return true;
}

static __always_inline bool skb_find_quote_v6(struct __sk_buff *skb, __u32 at,
					      struct sw_packet *packet, struct sw_quote *quote)
{
	__u8 icmp[SW_ICMP_HEADER];
	struct ipv6hdr ip;

	if (bpf_skb_load_bytes(skb, at, &ip, sizeof(ip)) || ip.nexthdr != SW_IP_ICMPV6)
		return false;
	at += sizeof(ip);
	if (bpf_skb_load_bytes(skb, at, &icmp, sizeof(icmp)) || icmp[0] == 0 ||
	    icmp[0] > SW_ICMPV6_ERROR_MAX)
		return false;
	quote->checksum = at + SW_ICMP_CHECKSUM;
	at += sizeof(icmp);
	if (bpf_skb_load_bytes(skb, at, &ip, sizeof(ip)) || ip.version != 6 ||
	    ip.nexthdr != SW_IP_TCP)
		return false;
	__builtin_memcpy(packet->from, &ip.saddr, 16);
	__builtin_memcpy(packet->to, &ip.daddr, 16);
	quote->tcp = at + sizeof(ip);
	return true;
}

/* The quoted sequence number becomes the service's. A frame that is something else stays as it is. */
SW_GUARD_FUNCTION int skb_translate_quote(struct __sk_buff *skb)
{
	struct sw_work *w = sw_new_work();
	const struct sw_proxied *proxied;
	struct sw_quote quote = {};
	__u32 word[2], seq;
	bool found;

	if (!w)
		return 0;
	found = skb->protocol == sw_wire16(SW_ETH_IPV4)
			? skb_find_quote_v4(skb, skb_ip(skb), &w->packet, &quote)
			: skb_find_quote_v6(skb, skb_ip(skb), &w->packet, &quote);
	if (!found || bpf_skb_load_bytes(skb, quote.tcp, word, sizeof(word)))
		return 0;
	w->seg.key.port[0] = (__u16)(sw_wire32(word[0]) >> 16);
	w->seg.key.port[1] = (__u16)sw_wire32(word[0]);
	sw_fill_key(&w->seg, &w->packet);
	proxied = bpf_map_lookup_elem(&sw_proxied, &w->seg.key);
	if (!proxied || proxied->stage != PROXY_OPEN || proxied->client == w->seg.sender)
		return 0;
	seq = sw_wire32(sw_wire32(word[1]) - proxied->shift);
	if (!bpf_skb_store_bytes(skb, quote.tcp + 4, &seq, sizeof(seq), 0))
		bpf_l4_csum_replace(skb, quote.checksum, word[1], seq, sizeof(seq));
	return 0;
}

#endif
