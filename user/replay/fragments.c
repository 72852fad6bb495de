// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A packet waits in a slot of its own until its fragments leave no hole. Their bytes lie behind room
 * for an IP header, which is the first fragment's, made that of a whole packet.
 */
#include <stdlib.h>

#include "replay/fragments.h"

#define SW_INCOMPLETE_MAX 64
#define PIECES_MAX        128
#define PAYLOAD_MAX       65536
#define HEADER_MAX        60 /* IPv4 with options; of IPv6 the fixed header is kept */

struct piece {
	__u32 begin, end;
};

struct sw_incomplete {
	__u64 used; /* count of its last fragment; 0: free */
	__s64 time_ns; /* of its first */
	__u8 from[16], to[16];
	__u32 id;
	__u16 type;
	__u8 protocol;
	bool spoilt;
	__u32 header; /* bytes of it; 0: the first fragment has not been seen */
	__u32 total; /* payload bytes, once the last one has; else 0 */
	__u32 filled; /* payload bytes in pieces */
	__u32 cut; /* the first payload byte that was not captured */
	__u32 pieces;
	struct piece piece[PIECES_MAX];
	__u8 bytes[HEADER_MAX + PAYLOAD_MAX];
};

/* An id comes again: after so long it is of another packet. Linux waits as long. */
#define PATIENCE_NS (30 * (__s64)SW_NS_PER_S)

static bool is_of(const struct sw_incomplete *packet, const struct sw_layer *layer,
		  const struct sw_ip_header *ip, __s64 time_ns)
{
	return packet->used && packet->id == ip->fragment_id && packet->type == layer->type &&
	       (packet->protocol == ip->protocol || layer->type == SW_ETH_IPV6) &&
	       !memcmp(packet->from, ip->from, 16) && !memcmp(packet->to, ip->to, 16) &&
	       time_ns - packet->time_ns < PATIENCE_NS && packet->time_ns - time_ns < PATIENCE_NS;
}

/* The slot of this packet, or the one that was used longest ago. */
static struct sw_incomplete *slot_of(struct sw_fragments *fragments, const struct sw_layer *layer,
				     const struct sw_ip_header *ip, __s64 time_ns)
{
	struct sw_incomplete *oldest = fragments->packet, *packet = fragments->packet;

	for (; packet < fragments->packet + SW_INCOMPLETE_MAX; packet++) {
		if (is_of(packet, layer, ip, time_ns))
			return packet;
		if (packet->used < oldest->used)
			oldest = packet;
	}
	memset(oldest, 0, offsetof(struct sw_incomplete, piece));
	memcpy(oldest->from, ip->from, 16);
	memcpy(oldest->to, ip->to, 16);
	oldest->id = ip->fragment_id;
	oldest->type = layer->type;
	oldest->protocol = ip->protocol;
	oldest->time_ns = time_ns;
	oldest->cut = PAYLOAD_MAX;
	return oldest;
}

/* One that has come already is passed over; one that overlaps another spoils all. */
static bool is_new(struct sw_incomplete *packet, __u32 begin, __u32 end)
{
	for (__u32 i = 0; i < packet->pieces; i++) {
		const struct piece *piece = &packet->piece[i];

		if (piece->begin == begin && piece->end == end)
			return false;
		packet->spoilt |= begin < piece->end && piece->begin < end;
	}
	packet->spoilt |= packet->pieces == PIECES_MAX;
	return !packet->spoilt;
}

/* The header of the first fragment, for the whole packet. The checksum 0 says: not known. */
static void keep_header(struct sw_incomplete *packet, const struct sw_layer *layer,
			const struct sw_ip_header *ip)
{
	__u8 *header;

	packet->header = layer->type == SW_ETH_IPV4 ? ip->bytes : SW_IPV6_HEADER;
	header = packet->bytes + HEADER_MAX - packet->header;
	memcpy(header, layer->bytes, packet->header);
	if (layer->type == SW_ETH_IPV4) {
		header[6] = header[7] = 0;
		header[10] = header[11] = 0;
	} else {
		header[6] = ip->protocol;
	}
}

static void put_length(struct sw_incomplete *packet)
{
	__u8 *header = packet->bytes + HEADER_MAX - packet->header;
	__u32 length = packet->type == SW_ETH_IPV4 ? packet->header + packet->total : packet->total;
	__u32 at = packet->type == SW_ETH_IPV4 ? 2 : 4;

	header[at] = (__u8)(length >> 8);
	header[at + 1] = (__u8)length;
}

static void add(struct sw_incomplete *packet, const struct sw_layer *layer,
		const struct sw_ip_header *ip)
{
	__u32 begin = ip->fragment_at, end = begin + ip->payload, held;

	if (end > PAYLOAD_MAX || (packet->total && end > packet->total)) {
		packet->spoilt = true;
		return;
	}
	if (!is_new(packet, begin, end))
		return;
	held = layer->captured - ip->bytes;
	held = held < ip->payload ? held : ip->payload;
	memcpy(packet->bytes + HEADER_MAX + begin, layer->bytes + ip->bytes, held);
	if (held < ip->payload && begin + held < packet->cut)
		packet->cut = begin + held;
	packet->piece[packet->pieces++] = (struct piece){ begin, end };
	packet->filled += ip->payload;
	if (!ip->more)
		packet->total = end;
	if (begin == 0)
		keep_header(packet, layer, ip);
}

static bool is_whole(const struct sw_incomplete *packet)
{
	return !packet->spoilt && packet->header && packet->total &&
	       packet->filled == packet->total && packet->header + packet->total < PAYLOAD_MAX;
}

bool sw_fragments_join(struct sw_fragments *fragments, struct sw_layer *layer,
		       const struct sw_ip_header *ip, __s64 time_ns)
{
	struct sw_incomplete *packet;

	if (!fragments->packet)
		fragments->packet = calloc(SW_INCOMPLETE_MAX, sizeof(*fragments->packet));
	fragments->seen++;
	if (!fragments->packet)
		return false;
	packet = slot_of(fragments, layer, ip, time_ns);
	packet->used = fragments->seen;
	if (!packet->spoilt)
		add(packet, layer, ip);
	if (!is_whole(packet))
		return false;
	put_length(packet);
	fragments->joined += packet->pieces;
	packet->used = 0;
	layer->bytes = packet->bytes + HEADER_MAX - packet->header;
	layer->length = packet->header + packet->total;
	layer->captured =
		packet->header + (packet->cut < packet->total ? packet->cut : packet->total);
	return true;
}

void sw_fragments_free(struct sw_fragments *fragments)
{
	free(fragments->packet);
	*fragments = (struct sw_fragments){};
}
