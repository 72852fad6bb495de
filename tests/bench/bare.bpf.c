// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What synward is measured against, and with: programs that do next to nothing on the same hooks,
 * and the meter, which stands at the client and counts what comes back to the spoofed sources.
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include <synward/flow.h>

#include "flood.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("xdp.frags")
int pass_ingress(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}

SEC("tc")
int pass_egress(struct __sk_buff *skb)
{
	(void)skb;
	return -1; /* TC_ACT_UNSPEC */
}

/* What the generator and the wire cost by themselves. */
SEC("xdp.frags")
int drop(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_DROP;
}

struct headers {
	struct ethhdr *eth;
	struct iphdr *ip;
	struct ipv6hdr *ip6; /* in the same place */
	struct tcphdr *tcp;
	bool v6;
};

static __always_inline bool parse(struct xdp_md *ctx, struct headers *h)
{
	void *end = (void *)(long)ctx->data_end;

	h->eth = (void *)(long)ctx->data;
	h->ip = (void *)(h->eth + 1);
	h->ip6 = (void *)(h->eth + 1);
	if ((void *)(h->ip + 1) > end)
		return false;
	h->v6 = h->eth->h_proto == bpf_htons(ETH_P_IPV6);
	if (h->v6) {
		h->tcp = (void *)(h->ip6 + 1);
		return (void *)(h->tcp + 1) <= end && h->ip6->nexthdr == IPPROTO_TCP;
	}
	h->tcp = (void *)(h->ip + 1);
	return (void *)(h->tcp + 1) <= end && h->eth->h_proto == bpf_htons(ETH_P_IP) &&
	       h->ip->protocol == IPPROTO_TCP;
}

/* --- The reflector: the least that answers a SYN ----------------------------------------------- */

#define SWAP(a, b)                            \
	do {                                  \
		__typeof__(a) swapped_ = (a); \
		(a) = (b);                    \
		(b) = swapped_;               \
	} while (0)

static __always_inline void turn_round(struct headers *h)
{
	__u16 *mac = (void *)h->eth;

	for (int i = 0; i < 3; i++)
		SWAP(mac[i], mac[i + 3]);
	if (h->v6)
		SWAP(h->ip6->saddr, h->ip6->daddr);
	else
		SWAP(h->ip->saddr, h->ip->daddr);
	SWAP(h->tcp->source, h->tcp->dest);
}

/*
 * The client's number moves to where the sum counts the same; what is new to the sum is our number,
 * the one that is added, and the flag. (After 2^32 - 1 the one is too much. So be it.)
 */
SEC("xdp.frags")
int reflect(struct xdp_md *ctx)
{
	const __u32 isn = bpf_htonl(0x5ec0de);
	struct headers h;
	__u32 sum;

	if (!parse(ctx, &h) || !h.tcp->syn || h.tcp->ack)
		return XDP_PASS;
	turn_round(&h);
	sum = (__u16)~h.tcp->check;
	sum += (isn & 0xffff) + (isn >> 16) + bpf_htons(1) + bpf_htons(0x10);
	h.tcp->ack_seq = bpf_htonl(bpf_ntohl(h.tcp->seq) + 1);
	h.tcp->seq = isn;
	h.tcp->ack = 1;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	h.tcp->check = (__u16)~sum;
	return XDP_TX;
}

/* --- The inserter: the least that remembers a SYN ------------------------------------------------ */

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1 << 17);
	__type(key, struct sw_flow_key);
	__type(value, struct sw_flow);
} remembered SEC(".maps");

struct sw_flow nothing = {};

SEC("xdp.frags")
int insert(struct xdp_md *ctx)
{
	struct sw_flow_key key = {};
	struct headers h;

	if (!parse(ctx, &h) || h.v6)
		return XDP_PASS;
	__builtin_memcpy(key.addr[0] + 12, &h.ip->saddr, 4);
	__builtin_memcpy(key.addr[1] + 12, &h.ip->daddr, 4);
	key.port[0] = h.tcp->source;
	key.port[1] = h.tcp->dest;
	bpf_map_update_elem(&remembered, &key, &nothing, BPF_NOEXIST);
	return XDP_PASS;
}

/* --- Again and again ------------------------------------------------------------------------------ */

/* A SYN, all but its source and number, and the sums of it without these (tests/bench/processors.py). */
struct fresh_syn {
	__u8 frame[74];
	__u8 padding[2];
	__u32 ip_sum;
	__u32 tcp_sum; /* with the pseudo-header */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fresh_syn);
} fresh SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} next_program SEC(".maps");

static __always_inline __u32 halves(__u32 word)
{
	return (word & 0xffff) + (word >> 16);
}

static __always_inline __u16 fold(__u32 sum)
{
	return (__u16)~halves(halves(sum));
}

/* BPF_PROG_RUN gives the frame as the last run left it: it is made a fresh SYN, and given to the program in question. */
SEC("xdp.frags")
int again(struct xdp_md *ctx)
{
	const __u32 from = bpf_htonl(0x0b000000 | (bpf_get_prandom_u32() & 0xffffff));
	const __u32 seq = bpf_get_prandom_u32(), zero = 0;
	const struct fresh_syn *syn = bpf_map_lookup_elem(&fresh, &zero);
	struct headers h;

	if (!syn || (void *)(long)ctx->data + sizeof(syn->frame) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	__builtin_memcpy((void *)(long)ctx->data, syn->frame, sizeof(syn->frame));
	if (!parse(ctx, &h))
		return XDP_ABORTED;
	h.ip->saddr = from;
	h.ip->check = fold(syn->ip_sum + halves(from));
	h.tcp->seq = seq;
	h.tcp->check = fold(syn->tcp_sum + halves(from) + halves(seq));
	bpf_tail_call(ctx, &next_program, 0);
	return XDP_ABORTED;
}

/* --- The meter --------------------------------------------------------------------------------- */

enum answer_kind {
	SYN_ACKS,
	RESETS,
	OTHERS,
	ANSWER_KINDS,
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ANSWER_KINDS);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FLOOD_ANSWERS);
	__type(key, __u32);
	__type(value, struct flood_answer);
} answers SEC(".maps");

static __always_inline bool to_spoofed(const struct headers *h)
{
	if (h->v6)
		return h->ip6->daddr.in6_u.u6_addr32[0] == bpf_htonl(SPOOFED_V6);
	return (bpf_ntohl(h->ip->daddr) & SPOOFED_V4_MASK) == SPOOFED_V4;
}

static __always_inline void count(const struct tcphdr *tcp)
{
	__u32 kind = tcp->rst ? RESETS : tcp->syn && tcp->ack ? SYN_ACKS : OTHERS;
	__u64 *counter = bpf_map_lookup_elem(&counts, &kind);

	if (counter)
		(*counter)++;
}

/* The number of the spoofed source that a frame goes to (see flood.h). */
static __always_inline __u32 source_number(const struct headers *h)
{
	if (h->v6)
		return bpf_ntohl(h->ip6->daddr.in6_u.u6_addr32[3]);
	return (bpf_ntohl(h->ip->daddr) & ~SPOOFED_V4_MASK) |
	       (bpf_ntohs(h->tcp->dest) & ~SPOOFED_PORT) << SPOOFED_BITS;
}

/* The time stamp of a SYN-ACK of ours, or of Linux: both put MSS and then SACK or a NOP before it. */
static __always_inline __be32 time_stamp(struct xdp_md *ctx, const struct headers *h)
{
	const __u8 *option = (void *)(h->tcp + 1);

	for (int at = 0; at < 12; at++) {
		if ((void *)(option + at + 6) > (void *)(long)ctx->data_end)
			return 0;
		if (option[at] == 8 && option[at + 1] == 10)
			return *(__be32 *)(option + at + 2);
	}
	return 0;
}

/* Frames to spoofed sources end here: whom they seem to come from must not answer. */
SEC("xdp.frags")
int meter(struct xdp_md *ctx)
{
	struct headers h;

	if (!parse(ctx, &h) || !to_spoofed(&h))
		return XDP_PASS;
	count(h.tcp);
	return XDP_DROP;
}

/* The same, and it keeps what the ACK of a client would need. */
SEC("xdp.frags")
int meter_keep(struct xdp_md *ctx)
{
	struct flood_answer *answer;
	struct headers h;
	__u32 n;

	if (!parse(ctx, &h) || !to_spoofed(&h))
		return XDP_PASS;
	count(h.tcp);
	n = source_number(&h);
	answer = bpf_map_lookup_elem(&answers, &n);
	if (answer && h.tcp->syn && h.tcp->ack) {
		answer->isn = h.tcp->seq;
		answer->ts = time_stamp(ctx, &h);
	}
	return XDP_DROP;
}
