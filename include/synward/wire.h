/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What stands on the wire, by name: the lengths of headers, the numbers of protocols and of TCP
 * options, and their usual words. Numbers alone; parse.h reads them, reply.h writes them.
 */
#ifndef SYNWARD_WIRE_H
#define SYNWARD_WIRE_H

#include <linux/types.h>

/* Bytes, without options and extensions. */
#define SW_ETHERNET_HEADER 14
#define SW_VLAN_TAG        4
#define SW_IPV4_HEADER     20
#define SW_IPV6_HEADER     40
#define SW_TCP_HEADER      20

/* What a SYN without an MSS option offers (RFC 9293, 3.7.1), and the least that can be admitted. */
#define SW_MSS_DEFAULT_IPV4 536
#define SW_MSS_DEFAULT_IPV6 1220

enum sw_ethertype {
	SW_ETH_IPV4 = 0x0800,
	SW_ETH_VLAN = 0x8100, /* 802.1Q */
	SW_ETH_IPV6 = 0x86dd,
	SW_ETH_QINQ = 0x88a8, /* 802.1ad */
	SW_ETH_QINQ_OLD = 0x9100, /* what switches used before 802.1ad */
};

#define SW_ETHERTYPE_MIN 0x600 /* what is less in its place is a length (IEEE 802.3) */

/* In the word of IPv4's flags and fragment offset. */
#define SW_IPV4_MORE_FRAGMENTS 0x2000
#define SW_IPV4_FRAGMENT       0x3fff /* not zero: more fragments, or an offset */

/* Not zero: not the first fragment. Of that word of IPv4, and of the fragment header's of IPv6. */
#define SW_IPV4_FRAGMENT_OFFSET 0x1fff
#define SW_IPV6_FRAGMENT_OFFSET 0xfff8

enum sw_ip_protocol {
	SW_IP_HOP_BY_HOP = 0,
	SW_IP_ICMP = 1,
	SW_IP_TCP = 6,
	SW_IP_ROUTING = 43,
	SW_IP_FRAGMENT = 44,
	SW_IP_AUTH = 51,
	SW_IP_ICMPV6 = 58,
	SW_IP_NO_NEXT = 59,
	SW_IP_DEST_OPTIONS = 60,
};

#define SW_ICMP_HEADER   8 /* before what an error quotes */
#define SW_ICMP_CHECKSUM 2 /* its place in it */

/* Errors (RFC 792; RFC 4443, 2.1). */
enum sw_icmp_type {
	SW_ICMP_UNREACHABLE = 3,
	SW_ICMP_TIME_EXCEEDED = 11,
	SW_ICMP_PARAMETER = 12,
	SW_ICMPV6_ERROR_MAX = 4,
};

enum sw_tcp_option {
	SW_OPT_END = 0,
	SW_OPT_NOP = 1,
	SW_OPT_MSS = 2,
	SW_OPT_WSCALE = 3,
	SW_OPT_SACK_PERMITTED = 4,
	SW_OPT_SACK = 5,
	SW_OPT_TIMESTAMP = 8,
	SW_OPT_MD5 = 19,
	SW_OPT_AO = 29,
	SW_OPT_FAST_OPEN =
		34, /* RFC 7413; as an experiment: kind 254 with a magic number (RFC 6994) */
	SW_OPT_EXPERIMENT = 254,
};

/* Their lengths in bytes. */
enum sw_tcp_option_length {
	SW_OPT_MSS_LENGTH = 4,
	SW_OPT_WSCALE_LENGTH = 3,
	SW_OPT_SACK_PERMITTED_LENGTH = 2,
	SW_OPT_TIMESTAMP_LENGTH = 10,
};

#define SW_FAST_OPEN_MAGIC 0xf989

#define SW_WSCALE_MAX 14 /* the largest shift count (RFC 7323, 2.3) */

/*
 * The words with which options begin where Linux sends them, in host order. Values not yet there are
 * 0: the MSS, and the shift count of the window scale.
 */
#define SW_FOUR_BYTES(a, b, c, d) ((__u32)(a) << 24 | (__u32)(b) << 16 | (__u32)(c) << 8 | (d))

#define SW_WORD_MSS    SW_FOUR_BYTES(SW_OPT_MSS, SW_OPT_MSS_LENGTH, 0, 0)
#define SW_WORD_WSCALE SW_FOUR_BYTES(SW_OPT_NOP, SW_OPT_WSCALE, SW_OPT_WSCALE_LENGTH, 0)
#define SW_WORD_SACK \
	SW_FOUR_BYTES(SW_OPT_NOP, SW_OPT_NOP, SW_OPT_SACK_PERMITTED, SW_OPT_SACK_PERMITTED_LENGTH)
#define SW_WORD_TIMESTAMP \
	SW_FOUR_BYTES(SW_OPT_NOP, SW_OPT_NOP, SW_OPT_TIMESTAMP, SW_OPT_TIMESTAMP_LENGTH)
#define SW_WORD_SACK_TIMESTAMP                                                               \
	SW_FOUR_BYTES(SW_OPT_SACK_PERMITTED, SW_OPT_SACK_PERMITTED_LENGTH, SW_OPT_TIMESTAMP, \
		      SW_OPT_TIMESTAMP_LENGTH)

#endif
