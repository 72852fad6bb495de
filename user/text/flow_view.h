/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A flow as people and programs see it: a line of the flow table, or the flow object of STATE_MODEL.md.
 * Pure: what is printed comes in as parameters, and nothing is read from maps or clocks.
 */
#ifndef SYNWARD_USER_FLOW_VIEW_H
#define SYNWARD_USER_FLOW_VIEW_H

#include <jansson.h>
#include <netinet/in.h>

#include <synward/flow.h>

/* "192.0.2.10", "2001:db8::a". */
const char *sw_address_name(const __u8 address[16], char text[INET6_ADDRSTRLEN]);

/* "192.0.2.10:40000", "[2001:db8::a]:40000". `end` is 0 or 1, in the key's order. */
#define SW_ENDPOINT_TEXT 56
const char *sw_endpoint_name(const struct sw_flow_key *key, int end, char text[SW_ENDPOINT_TEXT]);

/*
 * The two ends in the order of who opened: indices into the key, and their records. A
 * self-connection's one record is both.
 */
struct sw_ends {
	int a, b;
	const struct sw_endpoint *ep_a, *ep_b;
};

struct sw_ends sw_flow_ends(const struct sw_flow_key *key, const struct sw_flow *flow);

/* From its first segment to the last one that counted. */
__u64 sw_flow_duration_ns(const struct sw_flow *flow);

/*
 * {"type":"flow","a":...}: "a" is the originator. wall_offset_ns is what has to be added to the flow's times to get the
 * wall clock's. The caller owns the object; NULL when out of memory.
 */
json_t *sw_flow_json(const struct sw_flow_key *key, const struct sw_flow *flow,
		     __s64 wall_offset_ns);

/* What tcpdump is to be given to see the segments of this flow and no others. */
#define SW_PCAP_KEY_TEXT 512
const char *sw_flow_pcap_key(const struct sw_flow_key *key, char text[SW_PCAP_KEY_TEXT]);

/*
 * The table: its head, and a line for each flow (two where the endpoints are long), with its line feed.
 * 100 columns.
 */
void sw_flow_print_head(void);

#define SW_FLOW_ROW_TEXT 256
const char *sw_flow_row(const struct sw_flow_key *key, const struct sw_flow *flow, __u64 now_ns,
			bool halfopen, char text[SW_FLOW_ROW_TEXT]);

#endif
