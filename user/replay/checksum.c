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

/* --- A segment ------------------------------------------------------------------------------ */

/* Mapping IPv4 addresses to IPv6 adds two words of ones, which in this arithmetic are zero. */
static __u64 pseudo_header(const struct sw_packet *packet, __u32 bytes)
{
	const __u32 rest[2] = { htonl(bytes), htonl(SW_IP_TCP) };
	__u64 sum = add_words(0, packet->from, sizeof(packet->from));

	return add_words(add_words(sum, packet->to, sizeof(packet->to)), rest, sizeof(rest));
}

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
static bool is_for_the_nic(const __u8 *tcp, const struct sw_packet *packet)
{
	__u16 have;

	memcpy(&have, tcp + TCP_CHECKSUM_AT, sizeof(have));
	return have == 0 || have == fold(pseudo_header(packet, packet->bytes)) ||
	       have == fold(pseudo_header(packet, 0));
}

enum sw_checksum sw_checksum_of(const struct sw_frame *frame, const struct sw_packet *packet)
{
	const __u8 *tcp = frame->bytes + packet->at, *ip = frame->bytes + packet->ip;
	__u32 captured = frame->captured - frame->made_up;

	if (packet->at > captured)
		return SW_CHECKSUM_UNKNOWN;
	if (packet->ipv4 && ipv4_header_is_bad(ip, packet->at - packet->ip))
		return SW_CHECKSUM_BAD;
	if (packet->bytes < SW_TCP_HEADER || packet->at + packet->bytes > captured)
		return SW_CHECKSUM_UNKNOWN;
	if (fold(add_words(pseudo_header(packet, packet->bytes), tcp, packet->bytes)) == 0xffff)
		return SW_CHECKSUM_GOOD;
	return is_for_the_nic(tcp, packet) ? SW_CHECKSUM_OFFLOADED : SW_CHECKSUM_BAD;
}
