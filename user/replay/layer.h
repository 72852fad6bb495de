/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What is left of a captured packet while its headers are taken off from the outside in, and the
 * tunnels that it was found in. Who takes a header off checks first that it was captured.
 */
#ifndef SYNWARD_REPLAY_LAYER_H
#define SYNWARD_REPLAY_LAYER_H

#include <stdbool.h>
#include <string.h>

#include <synward/parse.h>

/* Ethertypes that lead to another header, and two words for what has none. */
enum sw_layer_type {
	SW_TYPE_UNKNOWN = 0,
	SW_TYPE_LLC = 1, /* IEEE 802.2, as behind a length in place of an ethertype */
	SW_TYPE_ETHERNET = 0x6558, /* transparent Ethernet bridging */
	SW_TYPE_PPP = 0x880b,
	SW_TYPE_MPLS = 0x8847,
	SW_TYPE_MPLS_UPSTREAM = 0x8848,
	SW_TYPE_PPPOE = 0x8864,
};

struct sw_layer {
	const __u8 *bytes;
	__u32 captured; /* bytes in hand */
	__u32 length; /* bytes on the wire, `captured` at least */
	__u16 type; /* what they begin with: an ethertype, or one of the above */
};

/* Takes off a header of so many bytes. False: it was not captured whole. */
static inline bool sw_layer_skip(struct sw_layer *layer, __u32 bytes)
{
	if (layer->captured < bytes)
		return false;
	layer->bytes += bytes;
	layer->captured -= bytes;
	layer->length -= bytes;
	return true;
}

/* The packet ends before its IP header: whoever parses it finds it truncated. */
static inline void sw_layer_cut(struct sw_layer *layer)
{
	layer->captured = 0;
	layer->type = SW_ETH_IPV4;
}

/* By the version field that IP begins with. */
static inline __u16 sw_type_of_version(__u8 first)
{
	if (first >> 4 == 4)
		return SW_ETH_IPV4;
	return first >> 4 == 6 ? SW_ETH_IPV6 : SW_TYPE_UNKNOWN;
}

/*
 * Tunnels, by the name people know them by. The mask has the bits of an id that both directions of a
 * connection share: a VNI is one for both, a GTP endpoint or an MPLS label each direction has its own.
 * What has no id is known by a hash of its outer addresses.
 */
#define SW_TUNNELS(X)                   \
	X(VXLAN, "vxlan", 0xffffffff)   \
	X(GENEVE, "geneve", 0xffffffff) \
	X(GRE, "gre", 0xffffffff)       \
	X(GRETAP, "gretap", 0xffffff00) \
	X(ERSPAN, "erspan", 0xffffffff) \
	X(PPPOE, "pppoe", 0xffffffff)   \
	X(GTP, "gtp", 0)                \
	X(L2TP, "l2tp", 0)              \
	X(PPTP, "pptp", 0)              \
	X(MPLS, "mpls", 0)              \
	X(IPIP, "ip", 0)

enum sw_tunnel_kind {
#define SW_TUNNEL_ENUM(id, name, mask) SW_TUNNEL_##id,
	SW_TUNNELS(SW_TUNNEL_ENUM)
#undef SW_TUNNEL_ENUM
};

#define SW_TUNNEL_LEVELS 6

/* The tunnels around a packet, the outermost first. Zero it before filling it: it is compared whole. */
struct sw_tunnel {
	__u8 levels;
	__u8 kind[SW_TUNNEL_LEVELS + 1]; /* enum sw_tunnel_kind */
	__u32 id[SW_TUNNEL_LEVELS];
};

static inline bool sw_tunnel_same(const struct sw_tunnel *one, const struct sw_tunnel *other)
{
	return !memcmp(one, other, sizeof(*one));
}

#endif
