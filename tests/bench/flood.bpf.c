// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The generator: turns the frame it is run on (BPF_PROG_RUN, live frames) into a fresh TCP segment
 * from a spoofed address and sends it out of the interface. flood.c makes the templates.
 *
 * Frames come back from whoever received them as those left them, so all of one is written anew.
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "flood.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define NS_PER_S 1000000000ULL
#define TCP_ACK  0x10

const volatile struct flood_kind kinds[FLOOD_KINDS_MAX] = {};
const volatile __u32 kind_count = 1;
const volatile bool ipv6 = false;
const volatile bool in_order = false; /* source n in frame n, with numbers that follow from n */
const volatile bool answering = false; /* what the meter kept: the ACK that ends a handshake */
const volatile __u64 rate = 0; /* frames a second at most, 0: no limit */

/* One processor at a time runs this program. */
__u64 limit = 0;
__u64 start_ns = 0;
__u64 sent = 0;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FLOOD_ANSWERS);
	__type(key, __u32);
	__type(value, struct flood_answer);
} answers SEC(".maps");

struct numbers {
	__u32 seq, ack, ts, ts_echo; /* network order, but the first */
};

static __always_inline __u16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

static __always_inline __u32 halves(__u32 word)
{
	return (word & 0xffff) + (word >> 16);
}

/* A frame whose turn has not come is dropped; it has cost time, which is what it is for. */
static __always_inline bool may_send(void)
{
	if (sent >= limit)
		return false;
	return !rate || sent * NS_PER_S <= (bpf_ktime_get_ns() - start_ns) * rate;
}

static __always_inline bool number(__u32 n, __u8 flags, struct numbers *numbers)
{
	struct flood_answer *answer;

	numbers->seq = in_order ? n * 2654435761U : bpf_get_prandom_u32();
	numbers->ts = ~numbers->seq;
	numbers->ack = numbers->ts_echo = 0;
	if (answering) {
		answer = bpf_map_lookup_elem(&answers, &n);
		if (!answer || !answer->isn)
			return false;
		numbers->seq++;
		numbers->ack = bpf_htonl(bpf_ntohl(answer->isn) + 1);
		numbers->ts_echo = answer->ts;
	} else if (flags & TCP_ACK) {
		numbers->ack = bpf_get_prandom_u32();
		numbers->ts_echo = ~numbers->ack;
	}
	return true;
}

/* Writes the source, and returns the sum of it. */
static __always_inline __u32 write_source_v4(struct iphdr *ip, __u32 n, __u32 sum)
{
	ip->saddr = bpf_htonl(SPOOFED_V4 | (n & ~SPOOFED_V4_MASK));
	ip->check = fold(sum + halves(ip->saddr));
	return halves(ip->saddr);
}

static __always_inline __u32 write_source_v6(struct ipv6hdr *ip, __u32 n)
{
	__u32 *word = ip->saddr.in6_u.u6_addr32;

	word[0] = bpf_htonl(SPOOFED_V6);
	word[1] = in_order ? 0 : bpf_get_prandom_u32();
	word[2] = in_order ? 0 : bpf_get_prandom_u32();
	word[3] = bpf_htonl(n);
	return halves(word[0]) + halves(word[1]) + halves(word[2]) + halves(word[3]);
}

/* Writes what differs from segment to segment; sum: of all the rest. */
static __always_inline bool write_tcp(struct tcphdr *tcp, void *end, __u32 n, __u32 ts_at,
				      const struct numbers *numbers, __u32 sum)
{
	__u32 *stamps = (void *)tcp + (ts_at & 0x3f);

	tcp->source = bpf_htons(SPOOFED_PORT | (__u16)(n >> SPOOFED_BITS));
	tcp->seq = bpf_htonl(numbers->seq);
	tcp->ack_seq = numbers->ack;
	sum += tcp->source + halves(tcp->seq) + halves(numbers->ack);
	if (ts_at) {
		if ((void *)(stamps + 2) > end)
			return false;
		stamps[0] = numbers->ts;
		stamps[1] = numbers->ts_echo;
		sum += halves(numbers->ts) + halves(numbers->ts_echo);
	}
	tcp->check = fold(sum);
	return true;
}

SEC("xdp")
int flood(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 ip_length = ipv6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	__u32 length = ETH_HLEN + ip_length + 40;
	__u32 n = in_order ? (__u32)sent : bpf_get_prandom_u32();
	__u32 which = kind_count > 1 ? bpf_get_prandom_u32() % kind_count : 0;
	const volatile struct flood_kind *kind = &kinds[which % FLOOD_KINDS_MAX];
	struct numbers numbers;
	__u32 sum;

	if (data + length > end)
		return XDP_ABORTED;
	if (!may_send())
		return XDP_DROP;
	sent++;
	if (!number(n, kind->flags, &numbers))
		return XDP_DROP;
	for (__u32 i = 0; i < length / 2; i++)
		((__u16 *)data)[i] = kind->frame[i];
	sum = ipv6 ? write_source_v6(data + ETH_HLEN, n)
		   : write_source_v4(data + ETH_HLEN, n, kind->ip_sum);
	if (!write_tcp(data + ETH_HLEN + ip_length, end, n, kind->ts_at, &numbers,
		       sum + kind->tcp_sum))
		return XDP_ABORTED;
	if (kind->tcp_length < 40 && bpf_xdp_adjust_tail(ctx, (int)kind->tcp_length - 40))
		return XDP_ABORTED;
	return XDP_TX;
}
