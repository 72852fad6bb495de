// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Tags and tunnels, one function each: it checks the header that it finds at the layer, takes it off,
 * notes the tunnel's id and says what follows. Where it returns false, what it leaves of the layer is
 * not looked at.
 */
#include <stdio.h>

#include "replay/tunnel.h"

static __u32 be24(const __u8 *p)
{
	return (__u32)p[0] << 16 | (__u32)p[1] << 8 | p[2];
}

/* Takes a header off; `type` follows. */
static bool take(struct sw_layer *layer, __u32 bytes, __u16 type)
{
	layer->type = type;
	return sw_layer_skip(layer, bytes);
}

/* ... or IP, of the version that it says itself. */
static bool take_ip(struct sw_layer *layer, __u32 bytes)
{
	if (layer->captured <= bytes)
		return false;
	return take(layer, bytes, sw_type_of_version(layer->bytes[bytes]));
}

static bool enter(struct sw_tunnel *tunnel, enum sw_tunnel_kind kind, __u32 id)
{
	if (tunnel->levels == SW_TUNNEL_LEVELS)
		return false;
	tunnel->kind[tunnel->levels] = kind;
	tunnel->id[tunnel->levels++] = id;
	return true;
}

/* --- Before IP ------------------------------------------------------------------------------ */

static bool open_ethernet(struct sw_layer *layer)
{
	__u16 type;

	if (layer->captured < SW_ETHERNET_HEADER)
		return false;
	type = sw_be16(layer->bytes + 12);
	return take(layer, SW_ETHERNET_HEADER, type < SW_ETHERTYPE_MIN ? SW_TYPE_LLC : type);
}

/* IEEE 802.2: SNAP with an ethertype, or IP's own service access point. */
static bool open_llc(struct sw_layer *layer)
{
	static const __u8 snap[] = { 0xaa, 0xaa, 3, 0, 0 };
	const __u8 *p = layer->bytes;

	if (layer->captured >= 3 && p[0] == 6 && p[1] == 6 && p[2] == 3)
		return take(layer, 3, SW_ETH_IPV4);
	if (layer->captured < 8 || memcmp(p, snap, sizeof(snap)) || (p[5] && p[5] != 0xf8))
		return false;
	return take(layer, 8, sw_be16(p + 6));
}

/* A tag with the ethertype of what follows in its last two bytes. */
static bool open_tag(struct sw_layer *layer, __u32 bytes)
{
	return layer->captured >= bytes && take(layer, bytes, sw_be16(layer->bytes + bytes - 2));
}

static __u16 type_of_ppp(__u16 protocol)
{
	switch (protocol) {
	case 0x0021:
		return SW_ETH_IPV4;
	case 0x0057:
		return SW_ETH_IPV6;
	case 0x0281:
		return SW_TYPE_MPLS;
	default:
		return SW_TYPE_UNKNOWN;
	}
}

/* RFC 1662: address and control may be left out, and so may the protocol's first byte if it is 0. */
static bool open_ppp(struct sw_layer *layer)
{
	if (layer->captured >= 2 && layer->bytes[0] == 0xff && layer->bytes[1] == 3)
		sw_layer_skip(layer, 2);
	if (layer->captured < 2)
		return false;
	if (layer->bytes[0] & 1)
		return take(layer, 1, type_of_ppp(layer->bytes[0]));
	return take(layer, 2, type_of_ppp(sw_be16(layer->bytes)));
}

/* RFC 2516: version and type, code 0 for the session, its id, a length. */
static bool open_pppoe(struct sw_layer *layer, struct sw_tunnel *tunnel)
{
	const __u8 *p = layer->bytes;

	if (layer->captured < 6 || p[0] != 0x11 || p[1] != 0)
		return false;
	return enter(tunnel, SW_TUNNEL_PPPOE, sw_be16(p + 2)) && take(layer, 6, SW_TYPE_PPP);
}

/*
 * RFC 3032: labels to the bottom of the stack. Below is IP, or Ethernet with a control word (RFC 4448),
 * or Ethernet without: its first bits tell.
 */
static bool open_mpls(struct sw_layer *layer, struct sw_tunnel *tunnel)
{
	bool bottom = false;

	while (!bottom) {
		if (layer->captured < 4 || !enter(tunnel, SW_TUNNEL_MPLS, be24(layer->bytes) >> 4))
			return false;
		bottom = layer->bytes[2] & 1;
		sw_layer_skip(layer, 4);
	}
	if (layer->captured && layer->bytes[0] >> 4 == 0)
		return take(layer, 4, SW_TYPE_ETHERNET);
	if (layer->captured && sw_type_of_version(layer->bytes[0]))
		return take_ip(layer, 0);
	return take(layer, 0, SW_TYPE_ETHERNET);
}

bool sw_tunnel_open_frame(struct sw_layer *layer, struct sw_tunnel *tunnel)
{
	switch (layer->type) {
	case SW_TYPE_ETHERNET:
		return open_ethernet(layer);
	case SW_TYPE_LLC:
		return open_llc(layer);
	case SW_ETH_VLAN:
	case SW_ETH_QINQ:
	case SW_ETH_QINQ_OLD:
	case 0x9200: /* as 0x9100 */
		return open_tag(layer, 4);
	case 0x8926: /* VN-Tag */
		return open_tag(layer, 6);
	case 0x893f: /* E-Tag (IEEE 802.1BR) */
		return open_tag(layer, 8);
	case SW_TYPE_PPP:
		return open_ppp(layer);
	case SW_TYPE_PPPOE:
		return open_pppoe(layer, tunnel);
	case SW_TYPE_MPLS:
	case SW_TYPE_MPLS_UPSTREAM:
		return open_mpls(layer, tunnel);
	default:
		return false;
	}
}

/* --- IP ------------------------------------------------------------------------------------- */

#define IP_EXT_HEADERS_MAX 16

static bool read_ipv4(const struct sw_layer *layer, struct sw_ip_header *ip)
{
	const __u8 *p = layer->bytes;
	__u16 fragment;

	if (layer->captured < SW_IPV4_HEADER || p[0] >> 4 != 4)
		return false;
	ip->bytes = (p[0] & 15U) * 4;
	if (ip->bytes < SW_IPV4_HEADER || ip->bytes > layer->captured || sw_be16(p + 2) < ip->bytes)
		return false;
	ip->payload = sw_be16(p + 2) - ip->bytes;
	ip->protocol = p[9];
	fragment = sw_be16(p + 6);
	ip->fragment_id = sw_be16(p + 4);
	ip->fragment_at = (__u16)(fragment << 3);
	ip->more = fragment & SW_IPV4_MORE_FRAGMENTS;
	ip->fragment = fragment & SW_IPV4_FRAGMENT;
	memcpy(ip->from, p + 12, 4);
	memcpy(ip->to, p + 16, 4);
	return true;
}

/* Extension headers are passed over up to the upper layer, or to a fragment's data. */
static bool read_ipv6(const struct sw_layer *layer, struct sw_ip_header *ip)
{
	const __u8 *p = layer->bytes;
	__u32 end;

	if (layer->captured < SW_IPV6_HEADER || p[0] >> 4 != 6)
		return false;
	end = SW_IPV6_HEADER + (__u32)sw_be16(p + 4);
	ip->bytes = SW_IPV6_HEADER;
	ip->protocol = p[6];
	memcpy(ip->from, p + 8, 16);
	memcpy(ip->to, p + 24, 16);
	for (int i = 0; i < IP_EXT_HEADERS_MAX && !ip->fragment; i++) {
		const __u8 *ext = p + ip->bytes;

		if (ip->protocol != SW_IP_HOP_BY_HOP && ip->protocol != SW_IP_ROUTING &&
		    ip->protocol != SW_IP_FRAGMENT && ip->protocol != SW_IP_DEST_OPTIONS &&
		    ip->protocol != SW_IP_AUTH)
			break;
		if (layer->captured < ip->bytes + 8)
			return false;
		if (ip->protocol == SW_IP_FRAGMENT) {
			ip->fragment_id = sw_be32(ext + 4);
			ip->fragment_at = sw_be16(ext + 2) & 0xfff8;
			ip->more = ext[3] & 1;
			ip->fragment = ip->fragment_at || ip->more;
		}
		ip->bytes += sw_ext_header_bytes(ip->protocol, ext[1]);
		ip->protocol = ext[0];
	}
	if (ip->bytes > layer->captured || ip->bytes > end)
		return false;
	ip->payload = end - ip->bytes;
	return true;
}

bool sw_ip_header_read(const struct sw_layer *layer, struct sw_ip_header *ip)
{
	memset(ip, 0, sizeof(*ip));
	if (layer->type == SW_ETH_IPV4)
		return read_ipv4(layer, ip);
	return layer->type == SW_ETH_IPV6 && read_ipv6(layer, ip);
}

/* --- Behind IP ------------------------------------------------------------------------------ */

enum carrier {
	CARRIER_IPV4 = 4,
	CARRIER_UDP = 17,
	CARRIER_IPV6 = 41,
	CARRIER_GRE = 47,
	CARRIER_ETHERIP = 97,
	CARRIER_MPLS = 137,
	CARRIER_ETHERNET = 143,
};

enum port {
	PORT_L2TP = 1701,
	PORT_GTP = 2152,
	PORT_TEREDO = 3544,
	PORT_GRE = 4754,
	PORT_VXLAN = 4789,
	PORT_VXLAN_GPE = 4790,
	PORT_GENEVE = 6081,
	PORT_MPLS = 6635,
	PORT_VXLAN_LINUX = 8472, /* what Linux took before there was a number */
};

/* RFC 2784 and RFC 2890, with their bits; version 1 is PPTP's (RFC 2637). */
enum gre {
	GRE_CHECKSUM = 0x8000,
	GRE_ROUTING = 0x4000,
	GRE_KEY = 0x2000,
	GRE_SEQUENCE = 0x1000,
	GRE_ACK = 0x0080,
	GRE_VERSION = 0x0007,
};

#define GRE_ERSPAN   0x88be
#define GRE_ERSPAN_3 0x22eb
#define GRE_WCCP     0x883e

/* A tunnel that has no id is known by the addresses of its two ends. */
static __u32 outer_id(const struct sw_ip_header *ip)
{
	__u32 hash = 2166136261U;

	for (int i = 0; i < 16; i++)
		hash = (((hash ^ ip->from[i]) * 16777619U) ^ ip->to[i]) * 16777619U;
	return hash;
}

/* Version 1 or 2 has 8 bytes, where GRE counts (else it is type I, and has none); 3 has 12 or 20. */
static bool open_erspan(struct sw_layer *layer, __u16 type, bool counted, struct sw_tunnel *tunnel)
{
	const __u8 *p = layer->bytes;
	__u32 bytes = type == GRE_ERSPAN_3 ? 12 : 8;

	if (!counted && type == GRE_ERSPAN)
		return enter(tunnel, SW_TUNNEL_ERSPAN, 0) && take(layer, 0, SW_TYPE_ETHERNET);
	if (layer->captured < bytes || !enter(tunnel, SW_TUNNEL_ERSPAN, sw_be16(p + 2) & 0x3ff))
		return false;
	if (type != GRE_ERSPAN_3)
		return take(layer, bytes, SW_TYPE_ETHERNET);
	bytes += p[11] & 1 ? 8 : 0; /* a platform's own header */
	if ((p[10] >> 2 & 31) == 2) /* frame type: IP */
		return take_ip(layer, bytes);
	return take(layer, bytes, SW_TYPE_ETHERNET);
}

/* Cisco's redirection: IP, perhaps behind a word that begins with none of its versions. */
static bool open_wccp(struct sw_layer *layer)
{
	if (layer->captured && layer->bytes[0] >> 4 == 4)
		return take_ip(layer, 0);
	return take_ip(layer, 4);
}

static bool open_pptp(struct sw_layer *layer, struct sw_tunnel *tunnel)
{
	__u16 flags = sw_be16(layer->bytes);

	if (layer->captured < 8 || sw_be16(layer->bytes + 2) != SW_TYPE_PPP)
		return false;
	return enter(tunnel, SW_TUNNEL_PPTP, sw_be16(layer->bytes + 6)) &&
	       take(layer, 8U + (flags & GRE_SEQUENCE ? 4 : 0) + (flags & GRE_ACK ? 4 : 0),
		    SW_TYPE_PPP);
}

/* The id of GRE: of Ethernet in GRE, the low byte is the flow's where it is NVGRE (RFC 7637, 3.2). */
static bool enter_gre(struct sw_tunnel *tunnel, __u16 type, const __u8 *key,
		      const struct sw_ip_header *ip)
{
	if (!key)
		return enter(tunnel, SW_TUNNEL_IPIP, outer_id(ip));
	return enter(tunnel, type == SW_TYPE_ETHERNET ? SW_TUNNEL_GRETAP : SW_TUNNEL_GRE,
		     sw_be32(key));
}

static bool open_gre(struct sw_layer *layer, const struct sw_ip_header *ip,
		     struct sw_tunnel *tunnel)
{
	const __u8 *key = NULL;
	__u16 flags, type;
	__u32 bytes = 4;

	if (layer->captured < 4)
		return false;
	flags = sw_be16(layer->bytes);
	type = sw_be16(layer->bytes + 2);
	if ((flags & GRE_VERSION) == 1)
		return open_pptp(layer, tunnel);
	if (flags & (GRE_ROUTING | GRE_VERSION))
		return false;
	bytes += flags & GRE_CHECKSUM ? 4 : 0;
	if (flags & GRE_KEY) {
		key = layer->bytes + bytes;
		bytes += 4;
	}
	bytes += flags & GRE_SEQUENCE ? 4 : 0;
	if (layer->captured < bytes)
		return false;
	take(layer, bytes, type);
	if (type == GRE_ERSPAN || type == GRE_ERSPAN_3)
		return open_erspan(layer, type, flags & GRE_SEQUENCE, tunnel);
	if (!enter_gre(tunnel, type, key, ip))
		return false;
	return type == GRE_WCCP ? open_wccp(layer) : true;
}

/* RFC 7348. */
static bool open_vxlan(struct sw_layer *layer, struct sw_tunnel *tunnel)
{
	const __u8 *p = layer->bytes;

	return layer->captured >= 8 && (p[0] & 0x08) &&
	       enter(tunnel, SW_TUNNEL_VXLAN, be24(p + 4)) && take(layer, 8, SW_TYPE_ETHERNET);
}

/* draft-ietf-nvo3-vxlan-gpe: the last byte of the first word says what follows. */
static bool open_vxlan_gpe(struct sw_layer *layer, struct sw_tunnel *tunnel)
{
	static const __u16 types[] = { 0, SW_ETH_IPV4, SW_ETH_IPV6, SW_TYPE_ETHERNET,
				       0, SW_TYPE_MPLS };
	const __u8 *p = layer->bytes;

	if (layer->captured < 8 || !(p[0] & 0x08) || !enter(tunnel, SW_TUNNEL_VXLAN, be24(p + 4)))
		return false;
	if (!(p[0] & 0x04))
		return take(layer, 8, SW_TYPE_ETHERNET);
	return p[3] < sizeof(types) / sizeof(types[0]) && take(layer, 8, types[p[3]]);
}

/* RFC 8926. */
static bool open_geneve(struct sw_layer *layer, struct sw_tunnel *tunnel)
{
	const __u8 *p = layer->bytes;

	return layer->captured >= 8 && p[0] >> 6 == 0 &&
	       enter(tunnel, SW_TUNNEL_GENEVE, be24(p + 4)) &&
	       take(layer, 8 + (p[0] & 0x3fU) * 4, sw_be16(p + 2));
}

#define GTP_USER_DATA 0xff
#define GTP_EXTENSION 0x04

/* 3GPP TS 29.281: version 1; with any of three bits a longer header, behind which extensions may be. */
static bool open_gtp(struct sw_layer *layer, struct sw_tunnel *tunnel)
{
	const __u8 *p = layer->bytes;
	__u32 bytes = 8;
	__u8 next = 0;

	if (layer->captured < 12 || (p[0] & 0xf0) != 0x30 || p[1] != GTP_USER_DATA)
		return false;
	if (p[0] & 0x07) {
		bytes = 12;
		next = p[0] & GTP_EXTENSION ? p[11] : 0;
	}
	while (next) {
		if (layer->captured <= bytes || !p[bytes] ||
		    layer->captured < bytes + p[bytes] * 4U)
			return false;
		bytes += p[bytes] * 4U;
		next = p[bytes - 1];
	}
	return enter(tunnel, SW_TUNNEL_GTP, sw_be32(p + 4)) && take_ip(layer, bytes);
}

/* RFC 2661, version 2: of a data message length, counts and padding may be there or not. */
static bool open_l2tp(struct sw_layer *layer, struct sw_tunnel *tunnel)
{
	const __u8 *p = layer->bytes;
	__u32 bytes = 2;
	__u16 flags;

	if (layer->captured < 16)
		return false;
	flags = sw_be16(p);
	if ((flags & 0x8000) || (flags & 0x000f) != 2) /* a control message, another version */
		return false;
	bytes += flags & 0x4000 ? 2 : 0;
	if (!enter(tunnel, SW_TUNNEL_L2TP, sw_be32(p + bytes)))
		return false;
	bytes += 4 + (flags & 0x0800 ? 4 : 0);
	if (flags & 0x0200)
		bytes += 2U + sw_be16(p + bytes);
	return take(layer, bytes, SW_TYPE_PPP);
}

/* RFC 4380: IPv6, perhaps behind an authentication and an origin indication. */
static bool open_teredo(struct sw_layer *layer, const struct sw_ip_header *ip,
			struct sw_tunnel *tunnel)
{
	const __u8 *p = layer->bytes;

	if (layer->captured >= 4 && sw_be16(p) == 1)
		sw_layer_skip(layer, 13U + p[2] + p[3]);
	if (layer->captured >= 8 && sw_be16(layer->bytes) == 0)
		sw_layer_skip(layer, 8);
	return layer->captured && layer->bytes[0] >> 4 == 6 &&
	       enter(tunnel, SW_TUNNEL_IPIP, outer_id(ip)) && take(layer, 0, SW_ETH_IPV6);
}

static bool open_udp(struct sw_layer *layer, const struct sw_ip_header *ip,
		     struct sw_tunnel *tunnel)
{
	__u16 from, to;

	if (layer->captured < 8)
		return false;
	from = sw_be16(layer->bytes);
	to = sw_be16(layer->bytes + 2);
	sw_layer_skip(layer, 8);
	switch (to) {
	case PORT_VXLAN:
	case PORT_VXLAN_LINUX:
		return open_vxlan(layer, tunnel);
	case PORT_VXLAN_GPE:
		return open_vxlan_gpe(layer, tunnel);
	case PORT_GENEVE:
		return open_geneve(layer, tunnel);
	case PORT_GTP:
		return open_gtp(layer, tunnel);
	case PORT_L2TP:
		return open_l2tp(layer, tunnel);
	case PORT_GRE:
		return open_gre(layer, ip, tunnel);
	case PORT_MPLS:
		return open_mpls(layer, tunnel);
	default:
		return (to == PORT_TEREDO || from == PORT_TEREDO) && open_teredo(layer, ip, tunnel);
	}
}

bool sw_tunnel_open_ip(struct sw_layer *layer, const struct sw_ip_header *ip,
		       struct sw_tunnel *tunnel)
{
	if (!sw_layer_skip(layer, ip->bytes))
		return false;
	switch (ip->protocol) {
	case CARRIER_IPV4:
		return enter(tunnel, SW_TUNNEL_IPIP, outer_id(ip)) && take(layer, 0, SW_ETH_IPV4);
	case CARRIER_IPV6:
		return enter(tunnel, SW_TUNNEL_IPIP, outer_id(ip)) && take(layer, 0, SW_ETH_IPV6);
	case CARRIER_GRE:
		return open_gre(layer, ip, tunnel);
	case CARRIER_UDP:
		return open_udp(layer, ip, tunnel);
	case CARRIER_ETHERIP:
		return enter(tunnel, SW_TUNNEL_IPIP, outer_id(ip)) &&
		       take(layer, 2, SW_TYPE_ETHERNET);
	case CARRIER_MPLS:
		return open_mpls(layer, tunnel);
	case CARRIER_ETHERNET:
		return enter(tunnel, SW_TUNNEL_IPIP, outer_id(ip)) &&
		       take(layer, 0, SW_TYPE_ETHERNET);
	default:
		return false;
	}
}

/* --- Names ---------------------------------------------------------------------------------- */

const char *sw_tunnel_name(const struct sw_tunnel *tunnel, char text[SW_TUNNEL_TEXT])
{
	static const char *const names[] = {
#define SW_TUNNEL_NAME(id, name, mask) name,
		SW_TUNNELS(SW_TUNNEL_NAME)
#undef SW_TUNNEL_NAME
	};
	char *at = text, *end = text + SW_TUNNEL_TEXT;

	*text = '\0';
	for (int i = 0; i < tunnel->levels; i++) {
		at += snprintf(at, end - at, "%s%s", i ? ", " : "", names[tunnel->kind[i]]);
		if (tunnel->kind[i] != SW_TUNNEL_IPIP)
			at += snprintf(at, end - at, " %u", tunnel->id[i]);
	}
	return text;
}
