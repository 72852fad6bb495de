/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What stands on the wire, by name: the lengths of headers, and the numbers of protocols and of TCP
 * options. Numbers alone; parse.h reads them, reply.h writes them.
 */
#ifndef SYNWARD_WIRE_H
#define SYNWARD_WIRE_H

enum sw_ethertype {
	SW_ETH_IPV4 = 0x0800,
	SW_ETH_VLAN = 0x8100, /* 802.1Q */
	SW_ETH_IPV6 = 0x86dd,
	SW_ETH_QINQ = 0x88a8, /* 802.1ad */
};

enum sw_ip_protocol {
	SW_IP_HOP_BY_HOP = 0,
	SW_IP_TCP = 6,
	SW_IP_ROUTING = 43,
	SW_IP_FRAGMENT = 44,
	SW_IP_AUTH = 51,
	SW_IP_NO_NEXT = 59,
	SW_IP_DEST_OPTIONS = 60,
};

enum sw_tcp_option {
	SW_OPT_END = 0,
	SW_OPT_NOP = 1,
	SW_OPT_MSS = 2,
	SW_OPT_WSCALE = 3,
	SW_OPT_SACK_PERMITTED = 4,
	SW_OPT_TIMESTAMP = 8,
};

#endif
