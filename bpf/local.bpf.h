/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What is for this host: a frame to the interface's own address, whose destination the kernel would
 * deliver here. A wildcard listener would be found for any other, too. User space keeps both in maps;
 * what it does not know of is taken for another host's, and left to the kernel.
 */
#ifndef SYNWARD_LOCAL_BPF_H
#define SYNWARD_LOCAL_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <synward/config.h>
#include <synward/guard.h>
#include <synward/local.h>
#include <synward/stats.h>

#include "maps.bpf.h"
#include "work.bpf.h"

static __always_inline __u32 sw_local_kind(const __u32 address[4])
{
	struct sw_local_key key = { .bits = SW_ADDRESS_BITS };
	__u32 zero = 0, *local;
	const struct sw_local_bits *bits = bpf_map_lookup_elem(&sw_local_bits, &zero);

	if (!bits || !sw_local_may_be(bits, address))
		return LOCAL_NOT;
	__builtin_memcpy(key.address, address, sizeof(key.address));
	local = bpf_map_lookup_elem(&sw_local, &key);
	return local ? *local : LOCAL_NOT;
}

static __always_inline bool sw_is_local(const __u32 address[4])
{
	return sw_local_kind(address) != LOCAL_NOT;
}

/* The frame's destination is this one. */
static __always_inline bool sw_frame_is_to(struct xdp_md *ctx, const __u16 mac[3])
{
	const __u16 *to = (const __u16 *)(long)ctx->data;

	return to + 3 <= (const __u16 *)(long)ctx->data_end && to[0] == mac[0] && to[1] == mac[1] &&
	       to[2] == mac[2];
}

static __always_inline bool sw_frame_is_ours(struct xdp_md *ctx)
{
	__u32 ifindex = ctx->ingress_ifindex;
	const struct sw_iface *iface = bpf_map_lookup_elem(&sw_ifaces, &ifindex);

	return iface && sw_frame_is_to(ctx, iface->mac);
}

/* What the route to a client says that is not said of all of them anyway; or NULL. */
static __always_inline const struct sw_route *sw_route_to(const struct sw_packet *packet,
							  const struct sw_guard *guard)
{
	struct sw_local_key key = { .bits = SW_ADDRESS_BITS };
	__u32 zero = 0, family = !packet->ipv4;
	const struct sw_local_bits *bits = bpf_map_lookup_elem(&sw_local_bits, &zero);
	const struct sw_route *route;

	if (!bits || !bits->routes)
		return NULL;
	__builtin_memcpy(key.address, packet->from, sizeof(key.address));
	route = bpf_map_lookup_elem(&sw_routes, &key);
	return route && sw_route_matters(route, guard, family) ? route : NULL;
}

/* SW_NONE, or the counter that says why the segment is not for this host. */
static __always_inline enum sw_counter sw_elsewhere(struct xdp_md *ctx, const struct sw_work *w)
{
	if (!sw_frame_is_ours(ctx))
		return SW_SYN_OTHER_MAC;
	return sw_is_local(w->packet.to) ? SW_NONE : SW_SYN_NOT_LOCAL;
}

/* --- The way back ------------------------------------------------------------------------------- */

static __always_inline void sw_fill_way(struct sw_way *way, const __u32 address[4],
					const __u16 *mac)
{
	__builtin_memcpy(way->address, address, sizeof(way->address));
	__builtin_memcpy(way->mac, mac, sizeof(way->mac));
	way->padding = 0;
}

/* At XDP: the address has answered by the neighbour that the frame comes from. */
static __always_inline bool sw_answers_go_back(struct xdp_md *ctx, const __u32 address[4])
{
	const __u16 *mac = (const __u16 *)(long)ctx->data;
	struct sw_way way;

	if (mac + 6 > (const __u16 *)(long)ctx->data_end)
		return false;
	sw_fill_way(&way, address, mac + 3);
	return bpf_map_lookup_elem(&sw_ways, &way);
}

/* At tc egress: the kernel's answer to a SYN leaves. */
static __always_inline void sw_learn_way(struct __sk_buff *skb, const __u32 address[4])
{
	const __u16 *mac = (const __u16 *)(long)skb->data;
	__u32 known = true;
	struct sw_way way;

	if (mac + 3 > (const __u16 *)(long)skb->data_end || sw_local_kind(address) != LOCAL_ASIDE)
		return;
	sw_fill_way(&way, address, mac);
	if (!bpf_map_lookup_elem(&sw_ways, &way))
		bpf_map_update_elem(&sw_ways, &way, &known, BPF_ANY);
}

#endif
