// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The generator of established connections: turns the frame it is run on (BPF_PROG_RUN, live frames)
 * into the next segment of one of them, with the numbers that it has there, and sends it out of its
 * sender's interface. talk.c makes the templates.
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
#include "talk.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile struct talk_segment segments[TALK_KINDS_MAX] = {};
const volatile bool ipv6 = false;
const volatile bool opening = false;
const volatile __u32 flows = 1;
const volatile __u32 client_side = 0, server_side = 0; /* interfaces */

/* One processor at a time runs this program. */
__u64 next = 0; /* the segment to send, of all that there will ever be */
__u64 last = 0; /* the one not to be sent any more */
__u64 flow = 0; /* of the next, once all are open */

struct turn {
	enum talk_kind kind;
	__u32 flow;
	__u32 done; /* how many requests it has sent before */
};

static __always_inline struct turn take_turn(void)
{
	__u64 n = next++;
	struct turn turn;

	if (opening) {
		turn.kind = n / TALK_TOGETHER % TALK_KINDS;
		turn.flow =
			(__u32)(n / TALK_KINDS / TALK_TOGETHER * TALK_TOGETHER + n % TALK_TOGETHER);
		turn.done = 0;
		return turn;
	}
	turn.kind = n / flows % 2 ? TALK_ACK_OF_IT : TALK_REQUEST;
	turn.flow = (__u32)flow;
	turn.done = (__u32)(n / flows / 2) + 1;
	flow = TALK_NEXT_FLOW(flow, flows);
	return turn;
}

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

/* The last word of a client's address, and with IPv4 the sum of the header that has it. */
static __always_inline __u32 client_word(__u32 n)
{
	return bpf_htonl(ipv6 ? n : SPOOFED_V4 | (n & ~SPOOFED_V4_MASK));
}

static __always_inline bool write_ip(void *frame, void *end,
				     const volatile struct talk_segment *segment, __u32 word)
{
	__u32 *client = frame + (segment->client_at & 0x3f);
	struct iphdr *ip = frame + ETH_HLEN;

	if ((void *)(client + 1) > end)
		return false;
	*client = word;
	if (!ipv6)
		ip->check = fold(segment->ip_sum + halves(word));
	return true;
}

/* sum: of all that does not differ from segment to segment, and of the address. */
static __always_inline void write_tcp(struct tcphdr *tcp, const struct turn *turn, __u32 sum)
{
	__u32 client = turn->flow * 2654435761U, server = turn->flow * 2246822519U;
	__u16 port = bpf_htons(SPOOFED_PORT | (__u16)(turn->flow >> SPOOFED_BITS));
	bool from_client = turn->kind != TALK_SYN_ACK && turn->kind != TALK_ACK_OF_IT;

	if (turn->kind != TALK_SYN) {
		client += 1 + turn->done * TALK_DATA;
		server += turn->kind != TALK_SYN_ACK;
	}
	if (turn->kind == TALK_ACK_OF_IT)
		client += TALK_DATA;
	if (from_client)
		tcp->source = port;
	else
		tcp->dest = port;
	tcp->seq = bpf_htonl(from_client ? client : server);
	tcp->ack_seq = bpf_htonl(from_client ? server : client);
	if (turn->kind == TALK_SYN)
		tcp->ack_seq = 0;
	sum += port + halves(tcp->seq) + halves(tcp->ack_seq);
	tcp->check = fold(sum);
}

SEC("xdp")
int talk(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 tcp_at = ETH_HLEN + (ipv6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));
	const volatile struct talk_segment *segment;
	struct turn turn;
	__u32 kind, side, word;

	if (data + TALK_FRAME_MAX > end)
		return XDP_ABORTED;
	if (next >= last)
		return XDP_DROP;
	turn = take_turn();
	kind = turn.kind;
	__asm__(""
		: "+r"(kind)); /* clang knows its bound and leaves it out, the verifier does not */
	segment = &segments[kind % TALK_KINDS_MAX];
	for (__u32 i = 0; i < TALK_FRAME_MAX / 2; i++)
		((__u16 *)data)[i] = segment->frame[i];
	word = client_word(turn.flow);
	if (!write_ip(data, end, segment, word))
		return XDP_ABORTED;
	write_tcp(data + tcp_at, &turn, segment->tcp_sum + halves(word));
	side = turn.kind == TALK_SYN_ACK || turn.kind == TALK_ACK_OF_IT ? server_side : client_side;
	if (bpf_xdp_adjust_tail(ctx, (int)segment->length - TALK_FRAME_MAX))
		return XDP_ABORTED;
	return (int)bpf_redirect(side, 0);
}
