// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * One header after the other is taken off, until there is IP with no packet within, or something that
 * is not known. Then the frame is mended.
 */
#include "replay/link.h"
#include "replay/route.h"
#include "replay/unwrap.h"

#define LINK_ETHERNET 1
#define HEADERS_MAX   32 /* in one frame: more is nonsense */

/* --- Unwrapping ----------------------------------------------------------------------------- */

/* One IP header. False: it is the one that was looked for. */
static bool open_ip(struct sw_unwrapper *unwrapper, struct sw_layer *layer, struct sw_frame *frame,
		    bool *joined)
{
	struct sw_layer inner;
	struct sw_tunnel tunnel = frame->tunnel;
	struct sw_ip_header ip;

	if (!sw_ip_header_read(layer, &ip))
		return false;
	if (ip.fragment) {
		/* What it is put together in is one buffer. */
		frame->waits = *joined || !sw_fragments_join(&unwrapper->fragments, layer, &ip,
							     frame->time_ns);
		*joined = true;
		return !frame->waits;
	}
	inner = *layer;
	if (!sw_tunnel_open_ip(&inner, &ip, &tunnel))
		return false;
	*layer = inner;
	frame->tunnel = tunnel;
	return true;
}

static bool is_ip(const struct sw_layer *layer)
{
	return layer->type == SW_ETH_IPV4 || layer->type == SW_ETH_IPV6;
}

/* Down to what is not opened. True: IP was opened on the way, so that it has to be rebuilt. */
static bool open_all(struct sw_unwrapper *unwrapper, struct sw_layer *layer, struct sw_frame *frame)
{
	bool opened = false, joined = false;

	for (int i = 0; i < HEADERS_MAX; i++) {
		struct sw_layer inner = *layer;

		if (is_ip(layer)) {
			if (!open_ip(unwrapper, layer, frame, &joined))
				break;
			opened = true;
			continue;
		}
		if (!sw_tunnel_open_frame(&inner, &frame->tunnel))
			break;
		*layer = inner;
	}
	return opened;
}

/* The parser reads it as it is: Ethernet, and no more tags than it knows. */
static bool is_plain(const struct sw_frame *frame, const struct sw_layer *layer)
{
	struct sw_cursor cursor = { .base = frame->bytes, .end = frame->bytes + frame->captured };
	__u16 type;

	if (frame->link != LINK_ETHERNET || frame->captured < SW_ETHERNET_HEADER)
		return frame->link == LINK_ETHERNET;
	return sw_parse_ethernet(&cursor, &type) == SW_NONE && type == layer->type &&
	       frame->bytes + cursor.at == layer->bytes;
}

/* An Ethernet header in place of all that was taken off. */
static void rebuild(struct sw_unwrapper *unwrapper, const struct sw_layer *layer,
		    struct sw_frame *frame)
{
	__u32 body = layer->captured;

	if (body > SW_FRAME_MAX - SW_ETHERNET_HEADER)
		body = SW_FRAME_MAX - SW_ETHERNET_HEADER;
	memset(unwrapper->rebuilt, 0, SW_ETHERNET_HEADER);
	unwrapper->rebuilt[12] = (__u8)(layer->type >> 8);
	unwrapper->rebuilt[13] = (__u8)layer->type;
	memcpy(unwrapper->rebuilt + SW_ETHERNET_HEADER, layer->bytes, body);
	frame->bytes = unwrapper->rebuilt;
	frame->captured = SW_ETHERNET_HEADER + body;
	frame->length = SW_ETHERNET_HEADER + layer->length;
}

/* --- Mending -------------------------------------------------------------------------------- */

/* Some programs write the cut length as that on the wire: IP knows better. */
static void believe_ip(struct sw_frame *frame, const struct sw_layer *layer)
{
	const __u8 *p = layer->bytes;
	__u32 whole;

	if (frame->captured != frame->length || layer->captured < SW_IPV4_HEADER)
		return;
	whole = layer->type == SW_ETH_IPV4 ? sw_be16(p + 2)
					   : SW_IPV6_HEADER + (__u32)sw_be16(p + 4);
	if (layer->length < whole)
		frame->length += whole - layer->length;
}

static const __u8 largest_scale[] = { SW_OPT_WSCALE, SW_OPT_WSCALE_LENGTH, SW_WSCALE_MAX };

/*
 * Fills up options of which `have` bytes of `want` were captured. The one that was cut goes, too.
 * Where a window scale may have been among them it is taken for the largest: nothing may be refused
 * for a window that is not known.
 */
static void fill_options(__u8 *options, __u32 have, __u32 want)
{
	bool scale = false;
	__u32 at = 0;

	while (at < have && options[at] != SW_OPT_END) {
		__u32 length = 1;

		if (options[at] != SW_OPT_NOP)
			length = at + 1 < have ? options[at + 1] : want;
		if (length == 0 || at + length > have)
			break;
		scale |= options[at] == SW_OPT_WSCALE;
		at += length;
	}
	memset(options + at, SW_OPT_END, want - at);
	if (!scale && at + sizeof(largest_scale) <= want)
		memcpy(options + at, largest_scale, sizeof(largest_scale));
}

/* The frame as one that may be written to. */
static void own(struct sw_unwrapper *unwrapper, struct sw_frame *frame)
{
	memmove(unwrapper->rebuilt, frame->bytes, frame->captured);
	frame->bytes = unwrapper->rebuilt;
}

/* A segment whose options the snap length cut counts with those that are there. */
static void mend_options(struct sw_unwrapper *unwrapper, struct sw_frame *frame,
			 const struct sw_packet *packet)
{
	__u32 header = (__u32)(frame->bytes[packet->at + 12] >> 4) * 4;

	if (packet->at + header <= frame->captured || header > packet->bytes)
		return;
	own(unwrapper, frame);
	fill_options(unwrapper->rebuilt + packet->at + SW_TCP_HEADER,
		     frame->captured - packet->at - SW_TCP_HEADER, header - SW_TCP_HEADER);
	frame->made_up = packet->at + header - frame->captured;
	frame->captured += frame->made_up;
}

/* A packet that is sent by way of another host goes by its true ends. */
static void mend_ends(struct sw_unwrapper *unwrapper, struct sw_frame *frame,
		      const struct sw_packet *packet)
{
	struct sw_ends ends;

	if (packet->at - packet->ip == (packet->ipv4 ? SW_IPV4_HEADER : SW_IPV6_HEADER) ||
	    frame->captured > SW_FRAME_MAX)
		return;
	sw_route_follow(frame->bytes, packet, &ends);
	if (!memcmp(ends.from, packet->from, sizeof(ends.from)) &&
	    !memcmp(ends.to, packet->to, sizeof(ends.to)))
		return;
	own(unwrapper, frame);
	sw_route_write(unwrapper->rebuilt, packet, &ends);
}

static void mend(struct sw_unwrapper *unwrapper, struct sw_frame *frame)
{
	struct sw_cursor cursor = { .base = frame->bytes,
				    .end = frame->bytes + frame->captured,
				    .wire_length = frame->length };
	struct sw_packet packet;

	if (sw_parse_network(&cursor, &packet) || packet.at + SW_TCP_HEADER > frame->captured)
		return;
	mend_options(unwrapper, frame, &packet);
	mend_ends(unwrapper, frame, &packet);
}

void sw_unwrap(struct sw_unwrapper *unwrapper, struct sw_frame *frame)
{
	struct sw_layer layer = { .bytes = frame->bytes,
				  .captured = frame->captured,
				  .length = frame->length };
	bool opened;

	frame->unknown_link = !sw_link_known(frame->link);
	if (frame->unknown_link)
		return;
	sw_link_read(frame->link, &layer);
	opened = open_all(unwrapper, &layer, frame);
	frame->type = layer.type;
	if (opened || !is_plain(frame, &layer))
		rebuild(unwrapper, &layer, frame);
	if (!is_ip(&layer) || frame->waits)
		return;
	believe_ip(frame, &layer);
	mend(unwrapper, frame);
}

void sw_unwrapper_free(struct sw_unwrapper *unwrapper)
{
	sw_fragments_free(&unwrapper->fragments);
}
