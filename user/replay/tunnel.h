/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Headers between a packet's first one and the IP that is looked for: tags, labels, tunnels. One
 * step takes one of them off.
 */
#ifndef SYNWARD_REPLAY_TUNNEL_H
#define SYNWARD_REPLAY_TUNNEL_H

#include "replay/layer.h"

/*
 * What stands before IP, by layer->type: Ethernet, VLAN tags, LLC, PPP, PPPoE, MPLS. False: none of
 * these, or not one that can be looked into.
 */
bool sw_tunnel_open_frame(struct sw_layer *layer, struct sw_tunnel *tunnel);

/* An IP header, as far as it matters to who looks for a tunnel or puts fragments together. */
struct sw_ip_header {
	__u32 bytes; /* with what IPv6 has before the upper layer, or before the fragment's data */
	__u32 payload; /* bytes behind them */
	__u32 fragment_id;
	__u16 fragment_at; /* offset of the fragment's data */
	__u8 protocol; /* of what follows */
	bool fragment; /* not the whole packet */
	bool more; /* it is not the last one */
	__u8 from[16], to[16]; /* IPv4 in the first four bytes */
};

/* False: it is none, or not whole. */
bool sw_ip_header_read(const struct sw_layer *layer, struct sw_ip_header *ip);

/* Takes IP off, and what carries a packet within it. False: it carries none. */
bool sw_tunnel_open_ip(struct sw_layer *layer, const struct sw_ip_header *ip,
		       struct sw_tunnel *tunnel);

/* "vxlan 42, mpls 17": the outermost first. */
#define SW_TUNNEL_TEXT 128
const char *sw_tunnel_name(const struct sw_tunnel *tunnel, char text[SW_TUNNEL_TEXT]);

#endif
