/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * One TCP segment as the rest of the project sees it: what parse.h makes of a frame, and all that the
 * state model reads of one. Types alone; nothing here knows where the bytes lie.
 */
#ifndef SYNWARD_SEGMENT_H
#define SYNWARD_SEGMENT_H

#include <synward/flow.h>

#define SW_TCP_OPTION_BYTES_MAX 40
#define SW_TCP_OPTION_SLACK     12 /* fields are read before the length is believed */

/*
 * Where a segment was heard: leaving this host, or coming in through one of its interfaces, as far as
 * sw_endpoint.place can tell those apart. On the loopback interface both ends are heard coming in.
 */
#define SW_PLACES        32
#define SW_PLACE_UNKNOWN 0
#define SW_PLACE_EGRESS  1
#define SW_IFINDEX_LO    1

SW_INLINE __u8 sw_place_of_ingress(__u32 ifindex)
{
	return ifindex == SW_IFINDEX_LO ? SW_PLACE_UNKNOWN : 2 + ifindex % (SW_PLACES - 2);
}

/* TCP control bits (RFC 9293, 3.1; RFC 3168 for ECE and CWR). */
enum sw_tcp_flag {
	SW_TCP_FIN = 0x01,
	SW_TCP_SYN = 0x02,
	SW_TCP_RST = 0x04,
	SW_TCP_PSH = 0x08,
	SW_TCP_ACK = 0x10,
	SW_TCP_URG = 0x20,
	SW_TCP_ECE = 0x40,
	SW_TCP_CWR = 0x80,
	SW_TCP_ASKS_FOR_ECN = SW_TCP_ECE | SW_TCP_CWR, /* on a SYN (RFC 3168, 6.1.1) */
};

SW_INLINE bool sw_asks_for_ecn(__u8 flags)
{
	return (flags & SW_TCP_ASKS_FOR_ECN) == SW_TCP_ASKS_FOR_ECN;
}

/*
 * What IP says of the TCP segment it carries. Addresses are words in network order, IPv4 mapped to
 * IPv6, not yet in the key's order.
 */
struct sw_packet {
	__u32 from[4], to[4];
	__u32 ip; /* offset of the IP header in the frame */
	__u32 at; /* offset of the TCP header in the frame */
	__u32 bytes; /* of TCP header and data */
	__u32 ipv4; /* the addresses are of IPv4 */
};

_Static_assert(sizeof(struct sw_packet) == 48, "no hidden padding");

/*
 * One TCP segment, in host order. Options matter on a SYN and on a FIN; there parsing keeps them as
 * they stand, and sw_decode_options() reads them. Of other segments, sw_parse_options() does.
 */
struct sw_segment {
	struct sw_flow_key key;
	__u32 seq, ack;
	__u32 length; /* payload bytes */
	__u32 tsval, tsecr; /* RFC 7323 timestamp, if has_tsval */
	__u16 window; /* as sent, unscaled */
	__u16 mss; /* 0: not offered */
	__u8 flags; /* enum sw_tcp_flag */
	__u8 sender; /* index of the sender in the key */
	__u8 wscale; /* shift count, if has_wscale */
	__u8 has_wscale;
	__u8 has_tsval;
	__u8 sack_ok; /* RFC 2018, 2 */
	__u8 self; /* both endpoints are the same */
	__u8 option_bytes; /* how many of options[] are in use */
	__u8 fast_open; /* asks for Fast Open, with a cookie or for one (RFC 7413) */
	__u8 place; /* hook and interface where it was heard, SW_PLACE_* */
	__u8 option_at; /* while they are read: where the next option begins */
	__u8 is_signed; /* MD5 (RFC 2385) or AO (RFC 5925) */
	union {
		__u8 options[SW_TCP_OPTION_BYTES_MAX + SW_TCP_OPTION_SLACK];
		__u32 option_words[(SW_TCP_OPTION_BYTES_MAX + SW_TCP_OPTION_SLACK) / 4];
	};
};

_Static_assert(sizeof(struct sw_segment) == 124, "no hidden padding");
_Static_assert(offsetof(struct sw_segment, options) == 72, "options stand last, word by word");

/* Sequence numbers the segment occupies: a SYN before its data, a FIN after (RFC 9293, 3.4). */
SW_INLINE __u32 sw_segment_end(const struct sw_segment *seg)
{
	return seg->seq + seg->length + !!(seg->flags & SW_TCP_SYN) + !!(seg->flags & SW_TCP_FIN);
}

#endif
