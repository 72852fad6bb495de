/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The kernel's own cookies, for listeners to which no other can be given, and where no other can be
 * admitted (before Linux 6.9). Of what a client offers they keep the MSS alone.
 */
#ifndef SYNWARD_KERNEL_COOKIE_BPF_H
#define SYNWARD_KERNEL_COOKIE_BPF_H

#include <linux/bpf.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <bpf/bpf_helpers.h>

#include <synward/reply.h>
#include <synward/wire.h>

#include "lookup.bpf.h"
#include "work.bpf.h"

/* Headers with what those helpers look at, in place of the reply yet to be built. */
struct sw_raw {
	union {
		struct iphdr v4;
		struct ipv6hdr v6;
	};
	struct {
		struct tcphdr header;
		__u32 mss;
	} tcp;
};

_Static_assert(sizeof(struct sw_raw) <= sizeof(((struct sw_reply *)0)->word), "it fits there");

static __always_inline struct sw_raw *sw_make_raw(struct sw_work *w)
{
	struct sw_raw *raw = (struct sw_raw *)w->reply.word;

	__builtin_memset(raw, 0, sizeof(*raw));
	if (w->packet.ipv4) {
		raw->v4.version = 4;
		raw->v4.saddr = w->packet.from[3];
		raw->v4.daddr = w->packet.to[3];
	} else {
		raw->v6.version = 6;
		__builtin_memcpy(&raw->v6.saddr, w->packet.from, 16);
		__builtin_memcpy(&raw->v6.daddr, w->packet.to, 16);
	}
	raw->tcp.header.source = sw_wire16(sw_remote_port(w));
	raw->tcp.header.dest = sw_wire16(sw_local_port(w));
	raw->tcp.header.seq = sw_wire32(w->seg.seq);
	raw->tcp.header.ack_seq = sw_wire32(w->seg.ack);
	raw->tcp.header.doff = sizeof(raw->tcp) / 4;
	raw->tcp.mss = sw_wire32(SW_WORD_MSS | w->offer.mss);
	return raw;
}

/*
 * Negative: the kernel has none. This helper notes on the listener that cookies are out, as
 * bpf_tcp_raw_gen_syncookie_*() can't: without, it takes none back (tcp_synq_no_recent_overflow).
 */
static __always_inline __s64 sw_kernel_cookie(void *ctx, struct sw_work *w)
{
	struct bpf_sock *listener = sw_find_socket(ctx, w);
	struct sw_raw *raw = sw_make_raw(w);
	__s64 cookie;

	if (!listener)
		return -1;
	raw->tcp.header.syn = 1;
	cookie = bpf_tcp_gen_syncookie(listener, &raw->v6, sizeof(raw->v6), &raw->tcp.header,
				       sizeof(raw->tcp));
	bpf_sk_release(listener);
	return cookie;
}

/* Would the listener take the ACK for a cookie of the kernel's? */
static __always_inline bool sw_kernel_cookie_valid(void *ctx, struct sw_work *w)
{
	struct bpf_sock *listener = sw_find_socket(ctx, w);
	struct sw_raw *raw = sw_make_raw(w);
	bool valid;

	if (!listener)
		return false;
	raw->tcp.header.ack = 1;
	valid = !bpf_tcp_check_syncookie(listener, &raw->v6, sizeof(raw->v6), &raw->tcp.header,
					 sizeof(raw->tcp));
	bpf_sk_release(listener);
	return valid;
}

#endif
