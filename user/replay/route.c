// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The options and extension headers in which the address of an end may stand: source routes, routing
 * headers, the home address of a mobile host. Every read is checked against the header's own length.
 */
#include <string.h>

#include "replay/route.h"

enum option {
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_LOOSE_ROUTE = 131,
	OPTION_STRICT_ROUTE = 137,
	OPTION_PAD1 = 0, /* of IPv6 */
	OPTION_HOME_ADDRESS = 0xc9, /* RFC 6275, 6.3 */
};

enum routing {
	ROUTING_SOURCE = 0, /* RFC 2460, 4.4 */
	ROUTING_HOME = 2, /* RFC 6275, 6.4 */
	ROUTING_SEGMENTS = 4, /* RFC 8754, 2: the last one stands first */
};

/* A source route that is not at its end yet: its last address is the destination (RFC 791, 3.1). */
static void follow_route(struct sw_ends *ends, const __u8 *options, __u32 bytes)
{
	for (__u32 at = 0; at + 1 < bytes && options[at] != OPTION_END;) {
		const __u8 *option = options + at;

		if (option[0] == OPTION_NOP) {
			at++;
			continue;
		}
		if (option[1] < 2 || at + option[1] > bytes)
			return;
		if ((option[0] == OPTION_LOOSE_ROUTE || option[0] == OPTION_STRICT_ROUTE) &&
		    option[1] >= 7 && option[2] + 3U <= option[1])
			memcpy(ends->to + 12, option + option[1] - 4, 4);
		at += option[1];
	}
}

static void follow_routing(struct sw_ends *ends, const __u8 *header, __u32 bytes)
{
	__u32 last = 8;

	if (header[3] == 0 || bytes < 24) /* no segments left */
		return;
	if (header[2] == ROUTING_SOURCE || header[2] == ROUTING_HOME)
		last = 8 + ((bytes - 8) / 16 - 1) * 16;
	else if (header[2] != ROUTING_SEGMENTS)
		return;
	memcpy(ends->to, header + last, 16);
}

static void follow_home(struct sw_ends *ends, const __u8 *header, __u32 bytes)
{
	for (__u32 at = 2; at + 2 <= bytes;) {
		if (header[at] == OPTION_PAD1) {
			at++;
			continue;
		}
		if (header[at] == OPTION_HOME_ADDRESS && header[at + 1] == 16 && at + 18 <= bytes)
			memcpy(ends->from, header + at + 2, 16);
		at += 2U + header[at + 1];
	}
}

/* Extension headers from the fixed one to TCP, which the parser has been through before. */
static void follow_headers(struct sw_ends *ends, const __u8 *ip, __u32 end)
{
	__u8 protocol = ip[6];
	__u32 at = SW_IPV6_HEADER, bytes;

	for (; at + 8 <= end; at += bytes) {
		bytes = sw_ext_header_bytes(protocol, ip[at + 1]);
		if (at + bytes > end)
			return;
		if (protocol == SW_IP_ROUTING)
			follow_routing(ends, ip + at, bytes);
		else if (protocol == SW_IP_DEST_OPTIONS)
			follow_home(ends, ip + at, bytes);
		protocol = ip[at];
	}
}

void sw_route_follow(const __u8 *frame, const struct sw_packet *packet, struct sw_ends *ends)
{
	const __u8 *ip = frame + packet->ip;
	__u32 bytes = packet->at - packet->ip;

	memcpy(ends->from, packet->from, sizeof(ends->from));
	memcpy(ends->to, packet->to, sizeof(ends->to));
	if (packet->ipv4)
		follow_route(ends, ip + SW_IPV4_HEADER, bytes - SW_IPV4_HEADER);
	else
		follow_headers(ends, ip, bytes);
}

/* --- Writing them down ---------------------------------------------------------------------- */

#define IPV4_CHECKSUM_AT 10
#define IPV4_TO_AT       16
#define IPV6_FROM_AT     8
#define IPV6_TO_AT       24

/* The sum goes with the word that it covers (RFC 1624, 3). */
static void replace_word(__u8 *sum, __u8 *word, const __u8 *with)
{
	__u32 value = (__u16)~sw_be16(sum) + (__u32)(__u16)~sw_be16(word) + sw_be16(with);

	value = (value & 0xffff) + (value >> 16);
	value = (value & 0xffff) + (value >> 16);
	sum[0] = (__u8)(~value >> 8);
	sum[1] = (__u8)~value;
	memcpy(word, with, 2);
}

void sw_route_write(__u8 *frame, const struct sw_packet *packet, const struct sw_ends *ends)
{
	__u8 *ip = frame + packet->ip;

	if (!packet->ipv4) {
		memcpy(ip + IPV6_FROM_AT, ends->from, sizeof(ends->from));
		memcpy(ip + IPV6_TO_AT, ends->to, sizeof(ends->to));
		return;
	}
	for (int at = 0; at < 4; at += 2)
		replace_word(ip + IPV4_CHECKSUM_AT, ip + IPV4_TO_AT + at, ends->to + 12 + at);
}
