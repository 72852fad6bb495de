// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * talk [-6] CLIENTS SERVER FLOWS (open | FIRST COUNT): FLOWS TCP connections (talk.h) through a router
 * between the interfaces CLIENTS and SERVER, whose far ends are its. `open` opens them. Then COUNT
 * segments of them, beginning with the one of number FIRST: the next data or the ACK of it, each time
 * of another connection, in an order that looks like chance.
 *
 * Prints how many were sent, and how much time of its processor that took: routing included, which
 * is done between one batch and the next. For benchmarks; never installed, and see generate.h.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ether.h>
#include <netinet/ip6.h>
#include <stdlib.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "flood.h"
#include "generate.h"
#include "talk.h"
#include "talk.skel.h"

#define FLOWS_MAX 4000000UL
#define COUNT_MAX 100000000UL
#define BATCH     64 /* frames that are on the wire before the next are made */
#define PORT      80

struct settings {
	const char *sides[2]; /* interfaces: the clients', the server's */
	unsigned long flows, first, count;
	bool ipv6, opening;
};

static bool from_server(enum talk_kind kind)
{
	return kind == TALK_SYN_ACK || kind == TALK_ACK_OF_IT;
}

/* The router's ends of the two wires, and ours. */
static void write_ethernet(struct ether_header *eth, enum talk_kind kind, bool ipv6)
{
	__u8 from[] = { 2, 0, 0, 0, 0, from_server(kind) ? 3 : 1 };
	__u8 to[] = { 2, 0, 0, 0, 0, from_server(kind) ? 4 : 2 };

	memcpy(eth->ether_shost, from, ETH_ALEN);
	memcpy(eth->ether_dhost, to, ETH_ALEN);
	eth->ether_type = htons(ipv6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP);
}

/* Returns the length of the header; the last word of the client's address is 0. */
static size_t write_ip4(__u8 *at, enum talk_kind kind, __u16 bytes, struct talk_segment *segment)
{
	struct iphdr ip = { .version = 4,
			    .ihl = 5,
			    .ttl = 64,
			    .protocol = IPPROTO_TCP,
			    .tot_len = htons(sizeof(ip) + bytes),
			    .frag_off = htons(IP_DF) };
	bool reply = from_server(kind);

	inet_pton(AF_INET, TALK_SERVER_V4, reply ? &ip.saddr : &ip.daddr);
	segment->client_at = ETH_HLEN + (reply ? 16 : 12);
	segment->ip_sum = sum_words(&ip, sizeof(ip));
	segment->tcp_sum = sum_words(&ip.saddr, 8);
	memcpy(at, &ip, sizeof(ip));
	return sizeof(ip);
}

static size_t write_ip6(__u8 *at, enum talk_kind kind, __u16 bytes, struct talk_segment *segment)
{
	struct ip6_hdr ip = { .ip6_flow = htonl(6U << 28),
			      .ip6_plen = htons(bytes),
			      .ip6_nxt = IPPROTO_TCP,
			      .ip6_hlim = 64 };
	bool reply = from_server(kind);

	inet_pton(AF_INET6, TALK_SERVER_V6, reply ? &ip.ip6_src : &ip.ip6_dst);
	(reply ? &ip.ip6_dst : &ip.ip6_src)->s6_addr32[0] = htonl(SPOOFED_V6);
	segment->client_at = ETH_HLEN + (reply ? 36 : 20);
	segment->tcp_sum = sum_words(&ip.ip6_src, 32);
	memcpy(at, &ip, sizeof(ip));
	return sizeof(ip);
}

static struct talk_segment make_segment(enum talk_kind kind, bool ipv6)
{
	const __u8 flags[] = { TH_SYN, TH_SYN | TH_ACK, TH_ACK, TH_PUSH | TH_ACK, TH_ACK };
	__u8 frame[TALK_FRAME_MAX] = {}, options[20], unused, *at = frame + ETH_HLEN;
	struct tcphdr tcp = { .th_flags = flags[kind], .th_win = htons(64240) };
	__u8 header = write_options(ipv6 ? AF_INET6 : AF_INET, flags[kind], options, &unused);
	__u16 bytes = header + (kind == TALK_REQUEST ? TALK_DATA : 0);
	struct talk_segment segment = {};

	write_ethernet((void *)frame, kind, ipv6);
	at += (ipv6 ? write_ip6 : write_ip4)(at, kind, bytes, &segment);
	tcp.doff = header / 4;
	*(from_server(kind) ? &tcp.source : &tcp.dest) = htons(PORT);
	memcpy(at, &tcp, sizeof(tcp));
	memcpy(at + sizeof(tcp), options, header - sizeof(tcp));
	segment.tcp_sum += sum_words(at, header) + htons(IPPROTO_TCP) + htons(bytes);
	segment.length = (__u16)(at - frame) + bytes;
	memcpy(segment.frame, frame, sizeof(frame));
	return segment;
}

static void configure(struct talk *skel, const struct settings *s)
{
	for (enum talk_kind kind = 0; kind < TALK_KINDS; kind++) {
		struct talk_segment segment = make_segment(kind, s->ipv6);

		memcpy((void *)&skel->rodata->segments[kind], &segment, sizeof(segment));
	}
	skel->rodata->ipv6 = s->ipv6;
	skel->rodata->opening = s->opening;
	skel->rodata->flows = (__u32)s->flows;
	skel->rodata->client_side = if_nametoindex(s->sides[0]);
	skel->rodata->server_side = if_nametoindex(s->sides[1]);
}

/* Where the order of flows stands after that many segments. */
static unsigned long flow_after(unsigned long segments, unsigned long flows)
{
	unsigned long flow = 0;

	for (segments %= flows; segments; segments--)
		flow = TALK_NEXT_FLOW(flow, flows);
	return flow;
}

static double processor_seconds(void)
{
	struct timespec spent;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
	return (double)spent.tv_sec + (double)spent.tv_nsec / 1e9;
}

static int send_segments(struct talk *skel, const struct settings *s)
{
	char frame[TALK_FRAME_MAX] = {};
	struct xdp_md ctx = { .data_end = sizeof(frame),
			      .ingress_ifindex = if_nametoindex(s->sides[0]) };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame),
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
		    .batch_size = BATCH, .repeat = (int)s->count);
	double begun, spent;
	int err;

	skel->bss->next = s->first;
	skel->bss->last = s->first + s->count;
	skel->bss->flow = flow_after(s->first, s->flows);
	begun = processor_seconds();
	err = bpf_prog_test_run_opts(bpf_program__fd(skel->progs.talk), &opts);
	spent = processor_seconds() - begun;
	if (err)
		return err;
	printf("{\"sent\":%llu,\"seconds\":%.6f,\"ns\":%.1f}\n", skel->bss->next - s->first, spent,
	       spent * 1e9 / (double)s->count);
	return 0;
}

static int talk(const struct settings *s)
{
	struct talk *skel = talk__open();
	int err;

	if (!skel)
		return -errno;
	configure(skel, s);
	err = talk__load(skel);
	err = err ?: send_segments(skel, s);
	if (err)
		fprintf(stderr, "talk: Couldn't send: %s\n", strerror(-err));
	talk__destroy(skel);
	return err;
}

/* Else the order of flows would leave some out, see TALK_NEXT_FLOW. */
static bool of_twos_and_fives(unsigned long n)
{
	while (n && n % 2 == 0)
		n /= 2;
	while (n && n % 5 == 0)
		n /= 5;
	return n == 1;
}

static int parse(int argc, char **argv, struct settings *s)
{
	s->ipv6 = argc > 1 && !strcmp(argv[1], "-6");
	argc -= s->ipv6;
	argv += s->ipv6;
	if (argc != 5 && argc != 6)
		return -EINVAL;
	s->sides[0] = argv[1];
	s->sides[1] = argv[2];
	s->flows = strtoul(argv[3], NULL, 10);
	s->opening = argc == 5;
	s->first = s->opening ? 0 : strtoul(argv[4], NULL, 10);
	s->count = s->opening ? TALK_KINDS * s->flows : strtoul(argv[5], NULL, 10);
	if ((s->opening && strcmp(argv[4], "open") != 0) || !of_twos_and_fives(s->flows) ||
	    s->flows % TALK_TOGETHER)
		return -EINVAL;
	return s->flows <= FLOWS_MAX && s->count && s->count <= COUNT_MAX ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
	struct settings settings = {};

	if (parse(argc, argv, &settings)) {
		fprintf(stderr,
			"usage: talk [-6] CLIENTS SERVER FLOWS (open | FIRST COUNT)\n"
			"  FLOWS  up to %lu, a multiple of 1000 of no prime factors but 2 and 5\n",
			FLOWS_MAX);
		return 2;
	}
	if (!in_lab_namespace() || !is_veth(settings.sides[0]) || !is_veth(settings.sides[1])) {
		fprintf(stderr, "talk: %s and %s are not veths in a lab's namespace\n",
			settings.sides[0], settings.sides[1]);
		return 1;
	}
	return talk(&settings) ? 1 : 0;
}
