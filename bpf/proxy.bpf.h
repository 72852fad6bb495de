/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Proxy: for what a cookie can't be given directly. Its maps, and the working memory of its programs,
 * which are loaded where it is needed, in place of synward_admit and synward_egress:
 *
 *   proxy_in.bpf.h     tc ingress: a proved client's ACK becomes its SYN; what follows, the service's numbers
 *   proxy_out.bpf.h    tc egress: the service's SYN+ACK becomes the client's ACK; what follows, the client's
 *   quote.bpf.h        and what ICMP quotes of them
 *   proxy_retry.bpf.h  the daemon: SYNs that nobody answered, connections that are over
 *
 * Whatever is outside of the two, XDP and the tracker at egress too, has the client's numbers.
 */
#ifndef SYNWARD_PROXY_BPF_H
#define SYNWARD_PROXY_BPF_H

#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#include <synward/translate.h>

#include "count.bpf.h"
#include "work.bpf.h"

/* Not an LRU hash: that would end live connections to begin new ones. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 20);
	__type(key, struct sw_flow_key);
	__type(value, struct sw_proxied);
} sw_proxied SEC(".maps");

/* The client sends again what is lost here. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct sw_flow_key);
	__type(value, struct sw_kept);
} sw_kept SEC(".maps");

/* Of the segment in hand, beside struct sw_work. */
struct sw_proxy_work {
	__u32 before[SW_HEADER_WORDS], after[SW_HEADER_WORDS]; /* its TCP header */
	struct sw_kept kept; /* its data */
	struct sw_kept rest; /* of what is kept, behind that */
	struct sw_proxied proxied; /* on its way into the map */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sw_proxy_work);
} sw_proxy_work SEC(".maps");

static __always_inline struct sw_proxy_work *sw_proxy_in_hand(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&sw_proxy_work, &zero);
}

/* There is no such connection any more. */
static __always_inline int sw_proxy_forget(const struct sw_work *w)
{
	bpf_map_delete_elem(&sw_proxied, &w->seg.key);
	bpf_map_delete_elem(&sw_kept, &w->seg.key);
	return TC_ACT_UNSPEC;
}

static __always_inline int sw_proxy_failed(void)
{
	sw_count(SW_PROXY_FAILED);
	return TC_ACT_SHOT;
}

/* To a second, so that the entry's line does not go to and fro between CPUs. */
static __always_inline void sw_proxy_seen(struct sw_proxied *p, __u64 now)
{
	if (now > p->seen_ns + SW_NS_PER_S)
		p->seen_ns = now;
}

#endif
