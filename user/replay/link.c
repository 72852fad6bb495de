// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Link headers, as https://www.tcpdump.org/linktypes.html has them, one function each. Every read is
 * checked against what was captured.
 */
#include "replay/link.h"

#define ARPHRD_NETLINK 824 /* its cooked "protocol" is no ethertype */

const char sw_link_names[] = "Ethernet, Linux cooked, raw IP, BSD loopback, PPP, HDLC, frame "
			     "relay, NFLOG, PFLOG or 802.11";

static __u16 le16(const __u8 *p)
{
	return (__u16)(p[0] | p[1] << 8);
}

static __u32 le32(const __u8 *p)
{
	return le16(p) | (__u32)le16(p + 2) << 16;
}

/* Takes a header off behind which comes `type`. */
static void take(struct sw_layer *layer, __u32 bytes, __u16 type)
{
	layer->type = type;
	if (!sw_layer_skip(layer, bytes))
		sw_layer_cut(layer);
}

/* ... or IP, whose version tells which. */
static void take_ip(struct sw_layer *layer, __u32 bytes)
{
	if (layer->captured <= bytes)
		sw_layer_cut(layer);
	else
		take(layer, bytes, sw_type_of_version(layer->bytes[bytes]));
}

/* So many bytes can be read, or the packet is said to be cut. */
static bool has(struct sw_layer *layer, __u32 bytes)
{
	if (layer->captured >= bytes)
		return true;
	sw_layer_cut(layer);
	return false;
}

/* --- IP behind little ----------------------------------------------------------------------- */

static void read_ethernet(struct sw_layer *layer)
{
	take(layer, 0, SW_TYPE_ETHERNET);
}

static void read_raw(struct sw_layer *layer)
{
	take_ip(layer, 0);
}

/* AF_INET is 2 everywhere; AF_INET6 is 10 in Linux, 24 in NetBSD, 28 in FreeBSD, 30 in Darwin. */
static __u16 type_of_family(__u32 family)
{
	if (family > 0xffff)
		family = __builtin_bswap32(family);
	switch (family) {
	case 2:
		return SW_ETH_IPV4;
	case 10:
	case 24:
	case 28:
	case 30:
		return SW_ETH_IPV6;
	default:
		return SW_TYPE_UNKNOWN;
	}
}

/* BSD loopback: the address family, of LOOP in network order, of NULL in the capturing host's. */
static void read_loopback(struct sw_layer *layer)
{
	if (has(layer, 4))
		take(layer, 4, type_of_family(sw_be32(layer->bytes)));
}

static __u16 cooked_type(__u16 hardware, __u16 protocol)
{
	if (protocol == 4) /* ETH_P_802_2 */
		return SW_TYPE_LLC;
	return hardware == ARPHRD_NETLINK || protocol < SW_ETHERTYPE_MIN ? SW_TYPE_UNKNOWN
									 : protocol;
}

static void read_cooked(struct sw_layer *layer)
{
	if (has(layer, 16))
		take(layer, 16, cooked_type(sw_be16(layer->bytes + 2), sw_be16(layer->bytes + 14)));
}

static void read_cooked2(struct sw_layer *layer)
{
	if (has(layer, 20))
		take(layer, 20, cooked_type(sw_be16(layer->bytes + 8), sw_be16(layer->bytes)));
}

/* OpenBSD's enc(4): family, SPI, flags. */
static void read_enc(struct sw_layer *layer)
{
	take_ip(layer, 12);
}

/* A packet of pflog(4): the header's own length comes first, padded to a word. */
static void read_pflog(struct sw_layer *layer)
{
	if (has(layer, 1))
		take_ip(layer, (layer->bytes[0] + 3U) & ~3U);
}

static void read_slip(struct sw_layer *layer)
{
	take_ip(layer, 16);
}

#define NFLOG_PAYLOAD 9

/*
 * Netfilter's log: family, version, group, then attributes in the byte order of the host that
 * captured, of which the payload is one. No attribute is as long as its length read the wrong way.
 */
static void read_nflog(struct sw_layer *layer)
{
	const __u8 *p = layer->bytes + 4;
	bool swapped;

	if (!has(layer, 8))
		return;
	swapped = le16(p) > layer->length && sw_be16(p) <= layer->length;
	take(layer, 4, SW_TYPE_UNKNOWN);
	while (layer->captured >= 4) {
		__u16 bytes = swapped ? sw_be16(layer->bytes) : le16(layer->bytes);
		__u16 kind = swapped ? sw_be16(layer->bytes + 2) : le16(layer->bytes + 2);

		if (kind == NFLOG_PAYLOAD) {
			take_ip(layer, 4);
			return;
		}
		if (bytes < 4)
			return;
		take(layer, (bytes + 3U) & ~3U, SW_TYPE_UNKNOWN);
	}
}

/* --- Lines ---------------------------------------------------------------------------------- */

static void read_ppp(struct sw_layer *layer)
{
	take(layer, 0, SW_TYPE_PPP);
}

static void read_pppoe(struct sw_layer *layer)
{
	take(layer, 0, SW_TYPE_PPPOE);
}

static void read_mpls(struct sw_layer *layer)
{
	take(layer, 0, SW_TYPE_MPLS);
}

/* Cisco's HDLC: address, control, ethertype. */
static void read_hdlc(struct sw_layer *layer)
{
	if (has(layer, 4))
		take(layer, 4, sw_be16(layer->bytes + 2));
}

/* PPP in HDLC-like framing, or Cisco's HDLC: the address tells. */
static void read_serial(struct sw_layer *layer)
{
	if (has(layer, 1) && (layer->bytes[0] == 0x0f || layer->bytes[0] == 0x8f))
		read_hdlc(layer);
	else if (layer->captured)
		read_ppp(layer);
}

static void read_serial_directed(struct sw_layer *layer)
{
	take(layer, 1, SW_TYPE_PPP);
	if (layer->captured)
		read_serial(layer);
}

static void read_hdlc_directed(struct sw_layer *layer)
{
	take(layer, 1, SW_TYPE_UNKNOWN);
	read_hdlc(layer);
}

/* RFC 2427, or Cisco's encapsulation, which has an ethertype where the other has 3 for "UI". */
static void read_frame_relay(struct sw_layer *layer)
{
	__u32 address = 0;

	do {
		if (!has(layer, address + 4))
			return;
	} while (!(layer->bytes[address++] & 1));
	if (layer->bytes[address] != 3) {
		take(layer, address + 2, sw_be16(layer->bytes + address));
		return;
	}
	switch (layer->bytes[address + 1]) {
	case 0xcc:
	case 0x8e:
		take_ip(layer, address + 2);
		break;
	case 0x00: /* padding, then 0x80 and SNAP's organisation and ethertype */
		if (has(layer, address + 8))
			take(layer, address + 8, sw_be16(layer->bytes + address + 6));
		break;
	default:
		layer->type = SW_TYPE_UNKNOWN;
	}
}

static void read_frame_relay_directed(struct sw_layer *layer)
{
	take(layer, 1, SW_TYPE_UNKNOWN);
	read_frame_relay(layer);
}

static void read_llc(struct sw_layer *layer)
{
	take(layer, 0, SW_TYPE_LLC);
}

static void read_fddi(struct sw_layer *layer)
{
	take(layer, 13, SW_TYPE_LLC);
}

/* Ethernet behind the preamble that IEEE 802.3br preempts with. */
static void read_mpacket(struct sw_layer *layer)
{
	take(layer, 8, SW_TYPE_ETHERNET);
}

static void read_netanalyzer(struct sw_layer *layer)
{
	take(layer, 4, SW_TYPE_ETHERNET);
}

/* --- Radio ---------------------------------------------------------------------------------- */

#define WLAN_DATA 2

/* IEEE 802.11: data frames that are not encrypted have LLC behind a header of many lengths. */
static void read_wlan(struct sw_layer *layer)
{
	__u8 subtype, flags;
	__u32 bytes = 24;

	if (!has(layer, 2))
		return;
	layer->type = SW_TYPE_UNKNOWN;
	subtype = layer->bytes[0] >> 4;
	flags = layer->bytes[1];
	if ((layer->bytes[0] >> 2 & 3) != WLAN_DATA || (subtype & 4) || (flags & 0x40))
		return;
	bytes += (flags & 3) == 3 ? 6 : 0; /* four addresses */
	bytes += subtype & 8 ? 2 : 0; /* quality of service */
	bytes += (subtype & 8) && (flags & 0x80) ? 4 : 0; /* high throughput */
	take(layer, bytes, SW_TYPE_LLC);
}

static void read_radiotap(struct sw_layer *layer)
{
	if (!has(layer, 4))
		return;
	take(layer, le16(layer->bytes + 2), SW_TYPE_UNKNOWN);
	if (layer->captured)
		read_wlan(layer);
}

/* Prism's header has 144 bytes; AVS's, which drivers send under its name too, says how many. */
static void read_prism(struct sw_layer *layer)
{
	__u32 word;

	if (!has(layer, 8))
		return;
	word = sw_be32(layer->bytes);
	take(layer, word >> 12 == 0x80211 ? sw_be32(layer->bytes + 4) : 144, SW_TYPE_UNKNOWN);
	if (layer->captured)
		read_wlan(layer);
}

/* --- Headers that name another link type ------------------------------------------------------ */

static void read_within(struct sw_layer *layer, __u32 bytes, __u32 link);

/* Per-packet information. */
static void read_ppi(struct sw_layer *layer)
{
	if (has(layer, 8))
		read_within(layer, le16(layer->bytes + 2), le32(layer->bytes + 4));
}

/* Darwin's pktap. */
static void read_pktap(struct sw_layer *layer)
{
	if (has(layer, 12))
		read_within(layer, le32(layer->bytes), le32(layer->bytes + 8));
}

/* --- All of them ------------------------------------------------------------------------------ */

static const struct link {
	int number;
	void (*read)(struct sw_layer *layer);
} links[] = {
	{ 0, read_loopback },
	{ 1, read_ethernet },
	{ 8, read_slip },
	{ 9, read_ppp },
	{ 10, read_fddi },
	{ 11, read_llc }, /* RFC 1483, as libpcap has it */
	{ 12, read_raw }, /* as libpcap has it */
	{ 14, read_raw }, /* as OpenBSD has it */
	{ 50, read_serial },
	{ 51, read_pppoe },
	{ 100, read_llc },
	{ 101, read_raw },
	{ 104, read_hdlc },
	{ 105, read_wlan },
	{ 107, read_frame_relay },
	{ 108, read_loopback },
	{ 109, read_enc },
	{ 113, read_cooked },
	{ 117, read_pflog },
	{ 119, read_prism },
	{ 127, read_radiotap },
	{ 163, read_prism },
	{ 166, read_serial_directed },
	{ 192, read_ppi },
	{ 204, read_serial_directed },
	{ 205, read_hdlc_directed },
	{ 206, read_frame_relay_directed },
	{ 219, read_mpls },
	{ 228, read_raw },
	{ 229, read_raw },
	{ 239, read_nflog },
	{ 240, read_netanalyzer },
	{ 258, read_pktap },
	{ 274, read_mpacket },
	{ 276, read_cooked2 },
};

static const struct link *find(int number)
{
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (links[i].number == number)
			return &links[i];
	return NULL;
}

bool sw_link_known(int link)
{
	return find(link) != NULL;
}

void sw_link_read(int link, struct sw_layer *layer)
{
	const struct link *known = find(link);

	layer->type = SW_TYPE_UNKNOWN;
	if (known)
		known->read(layer);
}

/* Behind a header of so many bytes; one that names its own kind again is none. */
static void read_within(struct sw_layer *layer, __u32 bytes, __u32 link)
{
	const struct link *known = find((int)link);

	take(layer, bytes, SW_TYPE_UNKNOWN);
	if (layer->captured && known && known->read != read_ppi && known->read != read_pktap)
		known->read(layer);
}
