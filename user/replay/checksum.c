// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The Internet checksum (RFC 1071) over TCP's pseudo-header (RFC 9293, 3.1; RFC 8200, 8.1), header
 * and data. Sums are of 16-bit words as they lie in memory: their order cancels out.
 */
#include <arpa/inet.h>
#include <string.h>

#include "replay/checksum.h"

#define TCP_CHECKSUM_AT  16
#define IPV4_CHECKSUM_AT 10

static __u64 add_words(__u64 sum, const void *data, __u32 bytes)
{
	const __u8 *p = data;
	__u32 word;
	__u16 half = 0;

	for (; bytes >= 4; bytes -= 4, p += 4) {
		memcpy(&word, p, sizeof(word));
		sum += word;
	}
	if (bytes >= 2) {
		memcpy(&half, p, sizeof(half));
		sum += half;
		bytes -= 2, p += 2;
	}
	half = 0;
	memcpy(&half, p, bytes);
	return sum + half;
}

static __u16 fold(__u64 sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)sum;
}

/* --- The pseudo-header ---------------------------------------------------------------------- */

/* The two ends as TCP knows them, which on the way IP may not yet, or no longer, name. */
struct ends {
	__u8 from[16], to[16];
};

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
static void follow_route(struct ends *ends, const __u8 *options, __u32 bytes)
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

static void follow_routing(struct ends *ends, const __u8 *header, __u32 bytes)
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

static void follow_home(struct ends *ends, const __u8 *header, __u32 bytes)
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
static void follow_headers(struct ends *ends, const __u8 *ip, __u32 end)
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

/* Mapping IPv4 addresses to IPv6 adds two words of ones, which in this arithmetic are zero. */
static __u64 pseudo_header(const struct ends *ends, __u32 bytes)
{
	const __u32 rest[2] = { htonl(bytes), htonl(SW_IP_TCP) };

	return add_words(add_words(0, ends, sizeof(*ends)), rest, sizeof(rest));
}

/* --- A segment ------------------------------------------------------------------------------ */

static bool ipv4_header_is_bad(const __u8 *header, __u32 bytes)
{
	if (!header[IPV4_CHECKSUM_AT] && !header[IPV4_CHECKSUM_AT + 1])
		return false;
	return fold(add_words(0, header, bytes)) != 0xffff;
}

/*
 * A NIC that also cuts a super-segment up may be handed the sum without its length. Who computes none
 * at all leaves a zero.
 */
static bool is_for_the_nic(const __u8 *tcp, const struct ends *ends, __u32 bytes)
{
	__u16 have;

	memcpy(&have, tcp + TCP_CHECKSUM_AT, sizeof(have));
	return have == 0 || have == fold(pseudo_header(ends, bytes)) ||
	       have == fold(pseudo_header(ends, 0));
}

enum sw_checksum sw_checksum_of(const struct sw_frame *frame, const struct sw_packet *packet)
{
	const __u8 *tcp = frame->bytes + packet->at, *ip = frame->bytes + packet->ip;
	__u32 captured = frame->captured - frame->made_up, header = packet->at - packet->ip;
	struct ends ends;

	if (packet->at > captured)
		return SW_CHECKSUM_UNKNOWN;
	memcpy(ends.from, packet->from, sizeof(ends.from));
	memcpy(ends.to, packet->to, sizeof(ends.to));
	if (!packet->ipv4)
		follow_headers(&ends, ip, header);
	else if (ipv4_header_is_bad(ip, header))
		return SW_CHECKSUM_BAD;
	else
		follow_route(&ends, ip + SW_IPV4_HEADER, header - SW_IPV4_HEADER);
	if (packet->bytes < SW_TCP_HEADER || packet->at + packet->bytes > captured)
		return SW_CHECKSUM_UNKNOWN;
	if (fold(add_words(pseudo_header(&ends, packet->bytes), tcp, packet->bytes)) == 0xffff)
		return SW_CHECKSUM_GOOD;
	return is_for_the_nic(tcp, &ends, packet->bytes) ? SW_CHECKSUM_OFFLOADED : SW_CHECKSUM_BAD;
}
