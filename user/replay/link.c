// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Link headers, as https://www.tcpdump.org/linktypes.html has them. Every read is checked against
 * what was captured.
 */
#include <string.h>

#include <synward/parse.h>

#include "replay/link.h"

enum link {
	LINK_NULL = 0, /* address family in the byte order of the host that captured */
	LINK_ETHERNET = 1,
	LINK_DLT_RAW = 12,
	LINK_DLT_RAW_OPENBSD = 14,
	LINK_RAW = 101,
	LINK_LOOP = 108, /* address family in network order */
	LINK_SLL = 113,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229,
	LINK_SLL2 = 276,
};

#define ARPHRD_NETLINK 824 /* its cooked "protocol" is no ethertype */

const char sw_link_names[] = "Ethernet, Linux cooked, raw IP or BSD loopback";

bool sw_link_known(int link)
{
	switch (link) {
	case LINK_NULL:
	case LINK_ETHERNET:
	case LINK_DLT_RAW:
	case LINK_DLT_RAW_OPENBSD:
	case LINK_RAW:
	case LINK_LOOP:
	case LINK_SLL:
	case LINK_IPV4:
	case LINK_IPV6:
	case LINK_SLL2:
		return true;
	default:
		return false;
	}
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
		return 0;
	}
}

static __u16 type_of_version(__u8 first)
{
	if (first >> 4 == 4)
		return SW_ETH_IPV4;
	return first >> 4 == 6 ? SW_ETH_IPV6 : 0;
}

static __u16 cooked_type(__u16 hardware, __u16 protocol)
{
	return hardware == ARPHRD_NETLINK ? 0 : protocol;
}

static __u32 header_bytes(int link)
{
	switch (link) {
	case LINK_NULL:
	case LINK_LOOP:
		return 4;
	case LINK_SLL:
		return 16;
	case LINK_SLL2:
		return 20;
	default:
		return 0;
	}
}

bool sw_link_read(int link, const __u8 *bytes, __u32 captured, struct sw_link_header *header)
{
	if (link == LINK_ETHERNET)
		return false;
	header->bytes = header_bytes(link);
	if (captured <= header->bytes) {
		header->bytes = captured;
		header->type = SW_ETH_IPV4;
		return true;
	}
	switch (link) {
	case LINK_NULL:
	case LINK_LOOP:
		header->type = type_of_family(sw_be32(bytes));
		break;
	case LINK_SLL:
		header->type = cooked_type(sw_be16(bytes + 2), sw_be16(bytes + 14));
		break;
	case LINK_SLL2:
		header->type = cooked_type(sw_be16(bytes + 8), sw_be16(bytes));
		break;
	default:
		header->type = type_of_version(bytes[0]);
	}
	return true;
}

void sw_link_write(const struct sw_link_header *header, __u8 ethernet[SW_ETHERNET_BYTES])
{
	memset(ethernet, 0, SW_ETHERNET_BYTES);
	ethernet[12] = (__u8)(header->type >> 8);
	ethernet[13] = (__u8)header->type;
}
