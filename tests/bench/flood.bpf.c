// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The generator: turns the frame it is run on (BPF_PROG_RUN, live frames) into a fresh TCP segment
 * from a spoofed address and sends it out of the interface. The template comes from flood.c.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile __u8 flags = 0x02; /* TCP control bits of every segment */
const volatile __u16 port = 0; /* destination port, host order */

static __always_inline __u16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

static __always_inline __u32 add_words(__u32 sum, const void *data, int bytes)
{
	const __u16 *word = data;

	for (int i = 0; i < bytes / 2; i++)
		sum += word[i];
	return sum;
}

SEC("xdp")
int flood(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);
	struct tcphdr *tcp = (void *)(ip + 1);
	__u32 sum;

	if ((void *)(tcp + 1) > end)
		return XDP_ABORTED;
	/* 198.18.0.0/15: RFC 2544, benchmarking */
	ip->saddr = bpf_htonl(0xc6120000 | (bpf_get_prandom_u32() & 0x1ffff));
	ip->check = 0;
	ip->check = fold(add_words(0, ip, sizeof(*ip)));
	tcp->source = (__be16)(bpf_get_prandom_u32() | bpf_htons(0x400));
	tcp->dest = bpf_htons(port);
	tcp->seq = bpf_get_prandom_u32();
	if (flags & 0x10)
		tcp->ack_seq = bpf_get_prandom_u32();
	((__u8 *)tcp)[13] = flags;
	tcp->check = 0;
	sum = add_words(0, &ip->saddr, 8) + bpf_htons(IPPROTO_TCP) + bpf_htons(sizeof(*tcp));
	tcp->check = fold(add_words(sum, tcp, sizeof(*tcp)));
	return XDP_TX;
}

/* The other end of a veth pair needs an XDP program to take frames that were sent by XDP_TX. */
SEC("xdp.frags")
int pass_ingress(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}

/* The floor that synward is measured against: programs that do nothing on the same hooks. */
SEC("tc")
int pass_egress(struct __sk_buff *skb)
{
	(void)skb;
	return -1; /* TC_ACT_UNSPEC */
}
