// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The Internet checksum (RFC 1071) over TCP's pseudo-header (RFC 9293, 3.1; RFC 8200, 8.1), header
 * and data. Sums are of 16-bit words as they lie in memory: their order cancels out.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "text/flow_view.h"
#include "replay/checksum.h"
#include "text/report.h"

#define TCP_HEADER_MIN   20
#define TCP_CHECKSUM_AT  16
#define IPV4_CHECKSUM_AT 10

/* One packet is chance; so many wrong ones, and not one right, are a NIC. */
#define OFFLOAD_MIN 3

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

/* Mapping IPv4 addresses to IPv6 adds two words of ones, which in this arithmetic are zero. */
static __u64 pseudo_header(const struct sw_packet *packet, __u32 bytes)
{
	const __u32 rest[2] = { htonl(bytes), htonl(SW_IP_TCP) };
	__u64 sum = add_words(0, packet->from, sizeof(packet->from));

	sum = add_words(sum, packet->to, sizeof(packet->to));
	return add_words(sum, rest, sizeof(rest));
}

static bool ipv4_header_is_bad(const __u8 *header, __u32 bytes)
{
	if (header[0] >> 4 != 4 || (!header[IPV4_CHECKSUM_AT] && !header[IPV4_CHECKSUM_AT + 1]))
		return false;
	return fold(add_words(0, header, bytes)) != 0xffff;
}

/* A NIC that also cuts a super-segment up may be handed the sum without its length. */
static bool is_pseudo_header_sum(const __u8 *tcp, const struct sw_packet *packet)
{
	__u16 have;

	memcpy(&have, tcp + TCP_CHECKSUM_AT, sizeof(have));
	return have == fold(pseudo_header(packet, packet->bytes)) ||
	       have == fold(pseudo_header(packet, 0));
}

static enum sw_checksum check(const struct sw_frame *frame, const struct sw_packet *packet,
			      __u32 ip)
{
	const __u8 *tcp = frame->bytes + packet->at;

	if (packet->bytes < TCP_HEADER_MIN || packet->at + packet->bytes > frame->captured)
		return SW_CHECKSUM_GOOD;
	if (ipv4_header_is_bad(frame->bytes + ip, packet->at - ip))
		return SW_CHECKSUM_BAD;
	if (fold(add_words(pseudo_header(packet, packet->bytes), tcp, packet->bytes)) == 0xffff)
		return SW_CHECKSUM_GOOD;
	return is_pseudo_header_sum(tcp, packet) ? SW_CHECKSUM_OFFLOADED : SW_CHECKSUM_BAD;
}

/* Where IP begins, and what it says. */
static bool find_tcp(const struct sw_frame *frame, __u32 *ip, struct sw_packet *packet)
{
	struct sw_cursor cursor = { .base = frame->bytes,
				    .end = frame->bytes + frame->captured,
				    .wire_length = frame->length };
	__u16 type;

	if (sw_parse_ethernet(&cursor, &type))
		return false;
	*ip = cursor.at;
	return sw_parse_ip(&cursor, type, packet) == SW_NONE;
}

enum sw_checksum sw_checksum_of(const struct sw_frame *frame)
{
	struct sw_packet packet;
	__u32 ip;

	return find_tcp(frame, &ip, &packet) ? check(frame, &packet, ip) : SW_CHECKSUM_GOOD;
}

/* --- Senders -------------------------------------------------------------------------------- */

static struct sw_sender *slot_of(struct sw_senders *senders, const void *address)
{
	__u32 word[4], mixed = 0;

	memcpy(word, address, sizeof(word));
	for (int i = 0; i < 4; i++)
		mixed = (mixed ^ word[i]) * 2654435761U;
	return &senders->slot[mixed >> 16];
}

static void note(struct sw_senders *senders, const struct sw_frame *frame)
{
	struct sw_packet packet;
	__u32 ip;

	if (!find_tcp(frame, &ip, &packet) || packet.at + packet.bytes > frame->captured)
		return;
	switch (check(frame, &packet, ip)) {
	case SW_CHECKSUM_GOOD:
		slot_of(senders, packet.from)->good++;
		break;
	case SW_CHECKSUM_BAD:
		slot_of(senders, packet.from)->bad++;
		break;
	case SW_CHECKSUM_OFFLOADED:
		break;
	}
}

int sw_senders_survey(struct sw_senders *senders, const struct sw_capture_source *source)
{
	struct sw_capture *capture = calloc(1, sizeof(*capture));
	struct sw_frame frame;
	int err;

	if (!capture)
		return sw_fail(-ENOMEM, NULL, "check the checksums of %s", source->name);
	err = sw_capture_open(capture, source);
	while (!err && sw_capture_next(capture, &frame) > 0)
		note(senders, &frame);
	if (!err)
		sw_capture_close(capture);
	free(capture);
	return err;
}

bool sw_senders_offload(struct sw_senders *senders, const __u8 address[16])
{
	struct sw_sender *sender = slot_of(senders, address);

	if (sender->good || sender->bad < OFFLOAD_MIN)
		return false;
	if (sender->offloads)
		return true;
	sender->offloads = true;
	if (senders->offloading < SW_SENDERS_TOLD)
		memcpy(senders->first[senders->offloading], address, 16);
	senders->offloading++;
	return true;
}

void sw_senders_say(const struct sw_senders *senders)
{
	char name[INET6_ADDRSTRLEN];

	for (__u64 i = 0; i < senders->offloading && i < SW_SENDERS_TOLD; i++)
		sw_say("every checksum of %s is wrong: taken for right, its NIC fills them in",
		       sw_address_name(senders->first[i], name));
	if (senders->offloading > SW_SENDERS_TOLD)
		sw_say("so is every checksum of %llu more senders",
		       senders->offloading - SW_SENDERS_TOLD);
}
