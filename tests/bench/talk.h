/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What talk.c and talk.bpf.c must agree on: a segment as it lies in the program, and what comes after
 * what. Client n has its address and port from flood.h; all speak with one server.
 */
#ifndef SYNWARD_BENCH_TALK_H
#define SYNWARD_BENCH_TALK_H

#include <linux/types.h>

#define TALK_FRAME_MAX 106 /* Ethernet, IPv6, TCP with 12 bytes of options, data; or 20, and none */
#define TALK_DATA      20 /* bytes */

#define TALK_SERVER_V4 "203.0.113.1" /* RFC 5737 */
#define TALK_SERVER_V6 "2001:db8:ffff::1"

/*
 * Which flow speaks after which: each once before one does again (Hull and Dobell: with a multiplier
 * of one more than a multiple of 20, where their number has no prime factors but 2 and 5).
 */
#define TALK_NEXT_FLOW(flow, flows) (((flow)*1664521ULL + 1013904223ULL) % (flows))

/*
 * In this order connections open and speak first, so many at a time: of one batch of frames, those to
 * one interface may arrive before those to the other. Then all take turns: a request of each, the
 * server's ACK of each, and again.
 */
#define TALK_TOGETHER 1000

enum talk_kind {
	TALK_SYN,
	TALK_SYN_ACK,
	TALK_ACK,
	TALK_REQUEST,
	TALK_ACK_OF_IT,
	TALK_KINDS,
};

#define TALK_KINDS_MAX 8 /* a power of two: the verifier understands the remainder */

/* All but the client's address and port and the numbers, and the sums of it. */
struct talk_segment {
	__u16 frame[TALK_FRAME_MAX / 2];
	__u16 length;
	__u16 client_at; /* where in the frame the last word of the client's address lies */
	__u32 ip_sum;
	__u32 tcp_sum; /* with the pseudo-header */
};

#endif
