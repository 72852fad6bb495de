/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * From a frame's bytes to one TCP segment: Ethernet, up to two VLAN tags, IPv4, IPv6 with the
 * common extension headers, TCP.
 *
 * The contract of all parsers here: each reads its header at the cursor, checks it before it
 * believes it, moves the cursor past it and returns SW_NONE; or returns the counter that says why
 * it stopped, with the cursor anywhere. SW_TRUNCATED means "the bytes in hand end here" and nothing
 * else. What sw_peek() returns holds until the next sw_peek().
 */
#ifndef SYNWARD_PARSE_H
#define SYNWARD_PARSE_H

#include <synward/segment.h>
#include <synward/stats.h>
#include <synward/wire.h>

/* How far into a frame a header may begin. */
#define SW_PARSE_MAX 448

#define SW_TCP_HEADER_MAX  60
#define SW_VLAN_TAGS_MAX   2
#define SW_EXT_HEADERS_MAX 4

#define SW_PEEK_MAX 40

struct sw_cursor {
	const __u8 *base;
	const __u8 *end; /* one past the last byte in hand */
	__u32 at; /* offset of the next header */
	__u32 wire_length; /* of the whole frame, bytes in hand or not */
	void *frame; /* not NULL: nothing is in hand, SW_FETCH copies from this ... */
	__u8 *copy; /* ... to here: SW_PEEK_MAX bytes, aligned as a word */
};

/*
 * Where headers may lie beyond the bytes in hand, the includer says how to copy them:
 * SW_FETCH(frame, at, to, bytes), 0 when it could.
 */
#ifndef SW_FETCH
#define SW_FETCH(frame, at, to, bytes) (-1)
#endif

/* The next `bytes` bytes (SW_PEEK_MAX at most), or NULL when the frame ends before. */
SW_INLINE const __u8 *sw_peek(struct sw_cursor *c, __u32 bytes)
{
	const __u8 *p;

	if (c->frame)
		return SW_FETCH(c->frame, c->at, c->copy, bytes) ? NULL : c->copy;
	if (c->at > SW_PARSE_MAX)
		return NULL;
	p = c->base + c->at;
	/* Else clang computes it anew where it is read, and there the verifier knows no bounds of it. */
	__asm__("" : "+r"(p));
	return p + bytes <= c->end ? p : NULL;
}

SW_INLINE __u16 sw_be16(const __u8 *p)
{
	return sw_wire16(SW_UNALIGNED(__u16, p));
}

SW_INLINE __u32 sw_be32(const __u8 *p)
{
	return sw_wire32(SW_UNALIGNED(__u32, p));
}

SW_INLINE bool sw_is_vlan_tag(__u16 type)
{
	return type == SW_ETH_VLAN || type == SW_ETH_QINQ || type == SW_ETH_QINQ_OLD;
}

/* Ethernet and VLAN tags; *type becomes the ethertype of what follows. */
SW_INLINE enum sw_counter sw_parse_ethernet(struct sw_cursor *c, __u16 *type)
{
	const __u8 *p = sw_peek(c, SW_ETHERNET_HEADER);

	if (!p)
		return SW_TRUNCATED;
	*type = sw_be16(p + 12);
	c->at += SW_ETHERNET_HEADER;
	for (int i = 0; i < SW_VLAN_TAGS_MAX; i++) {
		if (!sw_is_vlan_tag(*type))
			return SW_NONE;
		p = sw_peek(c, SW_VLAN_TAG);
		if (!p)
			return SW_TRUNCATED;
		*type = sw_be16(p + 2);
		c->at += SW_VLAN_TAG;
	}
	return sw_is_vlan_tag(*type) ? SW_VLAN_DEEP : SW_NONE;
}

/* IPv4 with options (RFC 791). A BIG TCP segment at tc egress has length 0: the frame's counts. */
SW_INLINE enum sw_counter sw_parse_ipv4(struct sw_cursor *c, struct sw_packet *packet)
{
	const __u8 *p = sw_peek(c, SW_IPV4_HEADER);
	__u32 header, total;

	if (!p)
		return SW_TRUNCATED;
	header = (__u32)(p[0] & 0x0f) * 4;
	total = sw_be16(p + 2);
	if (total == 0)
		total = c->wire_length - c->at;
	if (p[0] >> 4 != 4 || header < SW_IPV4_HEADER || total < header ||
	    total > c->wire_length - c->at)
		return SW_BAD_IP;
	if (p[9] != SW_IP_TCP)
		return SW_NOT_TCP;
	if (sw_be16(p + 6) & SW_IPV4_FRAGMENT)
		return SW_FRAGMENT;
	packet->from[0] = packet->from[1] = packet->to[0] = packet->to[1] = 0;
	packet->from[2] = packet->to[2] = sw_wire32(0xffff);
	packet->from[3] = SW_UNALIGNED(__u32, p + 12);
	packet->to[3] = SW_UNALIGNED(__u32, p + 16);
	packet->ip = c->at;
	packet->at = c->at + header;
	packet->bytes = total - header;
	packet->ipv4 = true;
	return SW_NONE;
}

/* The extension headers that may stand before TCP (RFC 8200, 4.1; RFC 4302). */
SW_INLINE bool sw_is_ext_header(__u8 proto)
{
	return proto == SW_IP_HOP_BY_HOP || proto == SW_IP_ROUTING || proto == SW_IP_FRAGMENT ||
	       proto == SW_IP_DEST_OPTIONS || proto == SW_IP_AUTH;
}

/* Length in 8-byte units beyond the first; AH counts 4-byte units less two; a fragment's is fixed. */
SW_INLINE __u32 sw_ext_header_bytes(__u8 proto, __u8 length)
{
	if (proto == SW_IP_FRAGMENT)
		return 8;
	return proto == SW_IP_AUTH ? ((__u32)length + 2) * 4 : ((__u32)length + 1) * 8;
}

/*
 * IPv6 and up to SW_EXT_HEADERS_MAX extension headers (RFC 8200, 4). A fragment that is the whole
 * packet (RFC 6946) is read as such.
 */
SW_INLINE enum sw_counter sw_parse_ipv6(struct sw_cursor *c, struct sw_packet *packet)
{
	const __u8 *p = sw_peek(c, SW_IPV6_HEADER);
	__u32 payload, frame;
	__u8 proto;

	if (!p)
		return SW_TRUNCATED;
	frame = c->wire_length - c->at - SW_IPV6_HEADER;
	payload = sw_be16(p + 4);
	proto = p[6];
	/* Length 0 is a jumbo payload: BIG TCP at tc egress. */
	if (payload == 0)
		payload = frame;
	if (p[0] >> 4 != 6 || payload > frame)
		return SW_BAD_IP;
	for (int i = 0; i < 4; i++) {
		packet->from[i] = SW_UNALIGNED(__u32, p + 8 + 4 * i);
		packet->to[i] = SW_UNALIGNED(__u32, p + 24 + 4 * i);
	}
	packet->ip = c->at;
	packet->ipv4 = false;
	c->at += SW_IPV6_HEADER;

	SW_UNROLL
	for (int i = 0; i <= SW_EXT_HEADERS_MAX; i++) {
		__u32 header;

		if (proto == SW_IP_TCP) {
			packet->at = c->at;
			packet->bytes = payload;
			return SW_NONE;
		}
		if (!sw_is_ext_header(proto))
			return SW_NOT_TCP;
		if (i == SW_EXT_HEADERS_MAX)
			break;
		p = sw_peek(c, 4);
		if (!p)
			return SW_TRUNCATED;
		if (proto == SW_IP_FRAGMENT && (sw_be16(p + 2) & 0xfff9)) /* as of IPv4 */
			return SW_FRAGMENT;
		header = sw_ext_header_bytes(proto, p[1]);
		if (header > payload)
			return SW_BAD_IP;
		proto = p[0];
		payload -= header;
		c->at += header;
		if (c->at > SW_PARSE_MAX - SW_TCP_HEADER_MAX)
			break;
	}
	return SW_EXT_HEADER;
}

/* From the IP header on, whose ethertype is known. */
SW_INLINE enum sw_counter sw_parse_ip(struct sw_cursor *c, __u16 type, struct sw_packet *packet)
{
	if (type == SW_ETH_IPV4)
		return sw_parse_ipv4(c, packet);
	return type == SW_ETH_IPV6 ? sw_parse_ipv6(c, packet) : SW_NOT_IP;
}

/* The first half of a frame: from Ethernet to where TCP begins. */
SW_INLINE enum sw_counter sw_parse_network(struct sw_cursor *c, struct sw_packet *packet)
{
	enum sw_counter stop;
	__u16 type = 0;

	stop = sw_parse_ethernet(c, &type);
	return stop ? stop : sw_parse_ip(c, type, packet);
}

/* The same of a packet that came without Ethernet: its own version says what it is. */
SW_INLINE enum sw_counter sw_parse_bare(struct sw_cursor *c, struct sw_packet *packet)
{
	const __u8 *p = sw_peek(c, 1);

	if (!p)
		return SW_TRUNCATED;
	if (p[0] >> 4 == 4)
		return sw_parse_ipv4(c, packet);
	return p[0] >> 4 == 6 ? sw_parse_ipv6(c, packet) : SW_NOT_IP;
}

/* Keeps the options, a multiple of four bytes. */
SW_INLINE enum sw_counter sw_keep_options(struct sw_cursor *c, __u32 bytes, struct sw_segment *seg)
{
	for (__u32 i = 0; i < SW_TCP_OPTION_BYTES_MAX / 4 && i < bytes / 4; i++) {
		const __u8 *p = sw_peek(c, 4);

		if (!p)
			return SW_TRUNCATED;
		seg->option_words[i] = SW_UNALIGNED(__u32, p);
		c->at += 4;
	}
	seg->option_bytes = (__u8)bytes;
	return SW_NONE;
}

/* The TCP header (RFC 9293, 3.1); `left` bytes of the IP packet remain. */
SW_INLINE enum sw_counter sw_parse_tcp(struct sw_cursor *c, __u32 left, struct sw_segment *seg)
{
	const __u8 *p;
	__u32 header;

	if (left < SW_TCP_HEADER)
		return SW_BAD_TCP;
	p = sw_peek(c, SW_TCP_HEADER);
	if (!p)
		return SW_TRUNCATED;
	header = (__u32)(p[12] >> 4) * 4;
	if (header < SW_TCP_HEADER || header > left)
		return SW_BAD_TCP;
	seg->key.port[0] = sw_be16(p);
	seg->key.port[1] = sw_be16(p + 2);
	seg->seq = sw_be32(p + 4);
	seg->ack = sw_be32(p + 8);
	seg->flags = p[13];
	seg->window = sw_be16(p + 14);
	seg->length = left - header;
	c->at += SW_TCP_HEADER;
	if (header > SW_TCP_HEADER && (seg->flags & (SW_TCP_SYN | SW_TCP_FIN)))
		return sw_keep_options(c, header - SW_TCP_HEADER, seg);
	return SW_NONE;
}

/* Negative, zero or positive: the order of two endpoints by address, then port. */
SW_INLINE int sw_compare_endpoints(const struct sw_packet *packet, __u16 from_port, __u16 to_port)
{
	for (int i = 0; i < 4; i++)
		if (packet->from[i] != packet->to[i])
			return sw_wire32(packet->from[i]) < sw_wire32(packet->to[i]) ? -1 : 1;
	return from_port == to_port ? 0 : from_port < to_port ? -1 : 1;
}

/* Brings sender and receiver, whose ports stand in that order, into the key's order. */
SW_INLINE void sw_fill_key(struct sw_segment *seg, const struct sw_packet *packet)
{
	__u16 from = seg->key.port[0], to = seg->key.port[1];
	int order = sw_compare_endpoints(packet, from, to);

	seg->self = order == 0;
	seg->sender = order > 0;
	if (seg->sender) {
		__builtin_memcpy(seg->key.addr[0], packet->to, 16);
		__builtin_memcpy(seg->key.addr[1], packet->from, 16);
		seg->key.port[0] = to;
		seg->key.port[1] = from;
	} else {
		__builtin_memcpy(seg->key.addr[0], packet->from, 16);
		__builtin_memcpy(seg->key.addr[1], packet->to, 16);
	}
}

/* The second half: the segment. *seg must be zero; it holds one only when SW_NONE is returned. */
SW_INLINE enum sw_counter sw_parse_transport(struct sw_cursor *c, const struct sw_packet *packet,
					     struct sw_segment *seg)
{
	enum sw_counter stop;

	c->at = packet->at;
	stop = sw_parse_tcp(c, packet->bytes, seg);
	if (stop)
		return stop;
	sw_fill_key(seg, packet);
	return SW_NONE;
}

/* The options of a segment parsed before, whatever it is. */
SW_INLINE enum sw_counter sw_parse_options(struct sw_cursor *c, const struct sw_packet *packet,
					   struct sw_segment *seg)
{
	c->at = packet->at + SW_TCP_HEADER;
	return sw_keep_options(c, packet->bytes - seg->length - SW_TCP_HEADER, seg);
}

SW_INLINE void sw_take_timestamp(struct sw_segment *seg, const __u8 *values)
{
	seg->tsval = sw_be32(values);
	seg->tsecr = sw_be32(values + 4);
	seg->has_tsval = true;
}

SW_INLINE void sw_take_wscale(struct sw_segment *seg, __u8 wscale)
{
	seg->wscale = wscale > SW_WSCALE_MAX ? SW_WSCALE_MAX : wscale;
	seg->has_wscale = true;
}

/* Bytes of options of the two layouts below. */
#define SW_USUAL_SYN_OPTIONS 20
#define SW_USUAL_OPTIONS     12

/*
 * The two layouts in which Linux sends options, and most floods: of a SYN (MSS, SACK permitted,
 * timestamp, NOP, window scale), of all else (NOP, NOP, timestamp). False if it is neither.
 */
SW_INLINE bool sw_decode_usual_options(struct sw_segment *seg)
{
	const __u8 *options = seg->options;

	if (seg->option_bytes == SW_USUAL_OPTIONS && sw_be32(options) == SW_WORD_TIMESTAMP) {
		sw_take_timestamp(seg, options + 4);
		return true;
	}
	if (seg->option_bytes != SW_USUAL_SYN_OPTIONS || sw_be16(options) != SW_WORD_MSS >> 16 ||
	    sw_be32(options + 4) != SW_WORD_SACK_TIMESTAMP ||
	    sw_be32(options + 16) >> 8 != SW_WORD_WSCALE >> 8)
		return false;
	seg->mss = sw_be16(options + 2);
	seg->sack_ok = true;
	sw_take_timestamp(seg, options + 8);
	sw_take_wscale(seg, options[19]);
	return true;
}

/*
 * How many bytes the option at `at` has of a list of so many, or 0 where the list ends: there, or with an
 * option whose length is wrong, as it does in Linux; what stood before it holds.
 */
SW_INLINE __u32 sw_option_length(const __u8 *options, __u32 at, __u32 bytes)
{
	__u32 length;

	if (at >= SW_TCP_OPTION_BYTES_MAX || at >= bytes || options[at] == SW_OPT_END)
		return 0;
	if (options[at] == SW_OPT_NOP)
		return 1;
	length = options[at + 1];
	return length < 2 || at + length > bytes ? 0 : length;
}

/* MSS (RFC 9293, 3.7.1), SACK permitted (RFC 2018), window scale and timestamp (RFC 7323), Fast Open, signatures. */
SW_INLINE void sw_take_option(struct sw_segment *seg, const __u8 *option, __u32 length)
{
	if (option[0] == SW_OPT_WSCALE && length == SW_OPT_WSCALE_LENGTH)
		sw_take_wscale(seg, option[2]);
	else if (option[0] == SW_OPT_TIMESTAMP && length == SW_OPT_TIMESTAMP_LENGTH)
		sw_take_timestamp(seg, option + 2);
	else if (option[0] == SW_OPT_MSS && length == SW_OPT_MSS_LENGTH)
		seg->mss = sw_be16(option + 2);
	else if (option[0] == SW_OPT_SACK_PERMITTED && length == SW_OPT_SACK_PERMITTED_LENGTH)
		seg->sack_ok = true;
	else if (option[0] == SW_OPT_FAST_OPEN ||
		 (option[0] == SW_OPT_EXPERIMENT && sw_be16(option + 2) == SW_FAST_OPEN_MAGIC))
		seg->fast_open = true;
	else if (option[0] == SW_OPT_MD5 || option[0] == SW_OPT_AO)
		seg->is_signed = true;
}

/*
 * The options kept. Where the walk stands is kept in memory, of which the verifier knows nothing, so that
 * each turn is the same to it; else it follows every list that there can be.
 */
SW_INLINE void sw_decode_options(struct sw_segment *seg)
{
	if (sw_decode_usual_options(seg))
		return;
	seg->option_at = 0;
	for (int turn = 0; turn < SW_TCP_OPTION_BYTES_MAX; turn++) {
		__u32 at, length;

		SW_PHASE();
		at = sw_opaque(seg->option_at);
		length = sw_option_length(seg->options, at, seg->option_bytes);
		if (!length)
			return;
		seg->option_at = (__u8)(at + length);
		sw_take_option(seg, seg->options + at, length);
	}
}

#endif
