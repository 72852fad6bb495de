/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Martians (RFC 1812, 5.3.7): addresses that no segment from outside can rightly bear. On the loopback
 * interface some of them are at home.
 */
#ifndef SYNWARD_MARTIAN_H
#define SYNWARD_MARTIAN_H

#include <synward/segment.h>

/* "This network", loopback, multicast, reserved, broadcast (RFC 6890, 2.2.2; RFC 1122, 3.2.1.3). */
SW_INLINE bool sw_martian_v4(__u32 address)
{
	__u32 first = sw_wire32(address) >> 24;

	return first == 0 || first == 127 || first >= 224;
}

/*
 * Unspecified, loopback, multicast (RFC 4291, 2.5.2, 2.5.3 and 2.7); and IPv4 mapped into IPv6, which
 * is for sockets and not for the wire (RFC 4291, 2.5.5.2; RFC 6890, table 20).
 */
SW_INLINE bool sw_martian_v6(const __u32 address[4])
{
	if (sw_wire32(address[0]) >> 24 == 0xff)
		return true;
	if (address[0] || address[1])
		return false;
	return address[2] ? address[2] == sw_wire32(0xffff) : sw_wire32(address[3]) <= 1;
}

SW_INLINE bool sw_same_address(const __u32 *a, const __u32 *b)
{
	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3];
}

/* An end of the packet is a martian, or it comes from where it goes (LAND). */
SW_INLINE bool sw_martian(const struct sw_packet *packet)
{
	if (sw_same_address(packet->from, packet->to))
		return true;
	if (packet->ipv4)
		return sw_martian_v4(packet->from[3]) || sw_martian_v4(packet->to[3]);
	return sw_martian_v6(packet->from) || sw_martian_v6(packet->to);
}

#endif
