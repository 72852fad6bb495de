/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The SYN+ACK that answers a SYN with a cookie, from the IP header on: no IP options, no extension
 * headers, checksums whole.
 */
#ifndef SYNWARD_REPLY_H
#define SYNWARD_REPLY_H

#include <synward/cookie.h>
#include <synward/segment.h>
#include <synward/wire.h>

#define SW_REPLY_MAX_WORDS 20 /* IPv6, and TCP with all options */

struct sw_reply {
	__u32 length; /* in bytes */
	union {
		__u32 word[SW_REPLY_MAX_WORDS]; /* as on the wire */
		__u16 half[2 * SW_REPLY_MAX_WORDS];
	};
};

/* What this host says of itself; the rest of the reply is the cookie's and the SYN's. */
struct sw_reply_terms {
	__u16 mss;
	__u16 window; /* a SYN's is never scaled (RFC 7323, 2.2) */
	__u8 hop_limit;
	__u8 tos; /* or traffic class */
	__u8 padding[2];
	__u32 flow_label; /* IPv6 */
};

_Static_assert(sizeof(struct sw_reply_terms) == 12, "no hidden padding");

#define SW_FLOW_LABEL_BITS 20
#define SW_FLOW_LABEL_MASK ((1 << SW_FLOW_LABEL_BITS) - 1)

/* As random as the ISN; a SYN sent again gets the same. */
SW_INLINE __u32 sw_reply_flow_label(const struct sw_cookie *cookie)
{
	return cookie->isn * 0x9e3779b1U >> (32 - SW_FLOW_LABEL_BITS);
}

/* RFC 1071: the ones' complement sum of words, in whatever byte order they are. */
SW_INLINE __u64 sw_sum_words(__u64 sum, const __u32 *words, int count)
{
	SW_UNROLL
	for (int i = 0; i < count; i++)
		sum += words[i];
	return sum;
}

SW_INLINE __u16 sw_fold_checksum(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

#define SW_REPLY_TCP_WORDS 10 /* the header, and 20 bytes of options at most */

#define SW_IPV4_WORDS (SW_IPV4_HEADER / 4)
#define SW_IPV6_WORDS (SW_IPV6_HEADER / 4)
#define SW_TCP_WORDS  (SW_TCP_HEADER / 4)

#define SW_TCP_CHECKSUM_HALF  8 /* its place in the TCP header, in halves of a word */
#define SW_IPV4_CHECKSUM_HALF 5 /* and in that of IPv4 */

/* First words of the IP header: the version, and for IPv4 the header's words and the packet's bytes. */
#define SW_IPV4_FIRST (4U << 28 | SW_IPV4_WORDS << 24)
#define SW_IPV6_FIRST (6U << 28)

#define SW_IPV4_DONT_FRAGMENT 0x4000

#define SW_IPV4_TOS_SHIFT 16 /* in the first word */
#define SW_IPV6_TOS_SHIFT 20

/* Options in the order in which Linux sends them; returns the words they take. */
SW_INLINE __u32 sw_reply_options(__u32 *options, const struct sw_offer *offer, __u16 mss,
				 __u32 tsval, __u32 tsecr)
{
	__u32 n = 1;

	options[0] = sw_wire32(SW_WORD_MSS | mss);
	if (offer->tstamp_ok) {
		options[1] = sw_wire32(offer->sack_ok ? SW_WORD_SACK_TIMESTAMP : SW_WORD_TIMESTAMP);
		options[2] = sw_wire32(tsval);
		options[3] = sw_wire32(tsecr);
		n = 4;
	} else if (offer->sack_ok) {
		options[1] = sw_wire32(SW_WORD_SACK);
		n = 2;
	}
	if (offer->wscale_ok)
		options[n++] = sw_wire32(SW_WORD_WSCALE | offer->own_wscale);
	return n;
}

/* The TCP header of the reply, save its checksum, at tcp, whose words are all 0. Returns its words. */
SW_INLINE __u32 sw_reply_tcp(__u32 *tcp, const struct sw_segment *syn, const struct sw_offer *offer,
			     const struct sw_cookie *cookie, const struct sw_reply_terms *terms)
{
	__u16 local = syn->sender ^ syn->self ? syn->key.port[0] : syn->key.port[1];
	__u16 remote = syn->sender ? syn->key.port[1] : syn->key.port[0];
	__u32 flags = SW_TCP_SYN | SW_TCP_ACK | (offer->ecn_ok ? SW_TCP_ECE : 0), words;

	words = SW_TCP_WORDS +
		sw_reply_options(tcp + SW_TCP_WORDS, offer, terms->mss, cookie->tsval, syn->tsval);
	tcp[0] = sw_wire32((__u32)local << 16 | remote);
	tcp[1] = sw_wire32(cookie->isn);
	tcp[2] = sw_wire32(syn->seq + 1);
	tcp[3] = sw_wire32(words << 28 | flags << 16 | terms->window);
	return words;
}

SW_INLINE void sw_reply_ipv4(struct sw_reply *reply, const struct sw_packet *packet,
			     const struct sw_reply_terms *terms)
{
	reply->word[0] =
		sw_wire32(SW_IPV4_FIRST | (__u32)terms->tos << SW_IPV4_TOS_SHIFT | reply->length);
	reply->word[1] = sw_wire32(SW_IPV4_DONT_FRAGMENT);
	reply->word[2] = sw_wire32((__u32)terms->hop_limit << 24 | SW_IP_TCP << 16);
	reply->word[3] = packet->to[3];
	reply->word[4] = packet->from[3];
	reply->half[SW_IPV4_CHECKSUM_HALF] =
		sw_fold_checksum(sw_sum_words(0, reply->word, SW_IPV4_WORDS));
}

SW_INLINE void sw_reply_ipv6(struct sw_reply *reply, const struct sw_packet *packet,
			     const struct sw_reply_terms *terms)
{
	reply->word[0] = sw_wire32(SW_IPV6_FIRST | (__u32)terms->tos << SW_IPV6_TOS_SHIFT |
				   terms->flow_label);
	reply->word[1] = sw_wire32((reply->length - SW_IPV6_HEADER) << 16 | SW_IP_TCP << 8 |
				   terms->hop_limit);
	__builtin_memcpy(&reply->word[2], packet->to, 16);
	__builtin_memcpy(&reply->word[6], packet->from, 16);
}

/* The whole reply. offer, cookie and terms are what it says; packet and syn what it answers. */
SW_INLINE void sw_reply_build(struct sw_reply *reply, const struct sw_packet *packet,
			      const struct sw_segment *syn, const struct sw_offer *offer,
			      const struct sw_cookie *cookie, const struct sw_reply_terms *terms)
{
	__u32 bytes;
	__u64 sum;

	__builtin_memset(reply, 0, sizeof(*reply));
	if (packet->ipv4) {
		bytes = 4 * sw_reply_tcp(&reply->word[SW_IPV4_WORDS], syn, offer, cookie, terms);
		reply->length = SW_IPV4_HEADER + bytes;
		sw_reply_ipv4(reply, packet, terms);
		sum = sw_sum_words(sw_wire32(SW_IP_TCP) + (__u64)sw_wire32(bytes), &reply->word[3],
				   2 + SW_REPLY_TCP_WORDS);
		reply->half[2 * SW_IPV4_WORDS + SW_TCP_CHECKSUM_HALF] = sw_fold_checksum(sum);
	} else {
		bytes = 4 * sw_reply_tcp(&reply->word[SW_IPV6_WORDS], syn, offer, cookie, terms);
		reply->length = SW_IPV6_HEADER + bytes;
		sw_reply_ipv6(reply, packet, terms);
		sum = sw_sum_words(sw_wire32(SW_IP_TCP) + (__u64)sw_wire32(bytes), &reply->word[2],
				   8 + SW_REPLY_TCP_WORDS);
		reply->half[2 * SW_IPV6_WORDS + SW_TCP_CHECKSUM_HALF] = sw_fold_checksum(sum);
	}
}

#endif
