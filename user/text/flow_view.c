// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Flow to text, flow to JSON. Both put the originator first, and count a self-connection's one endpoint as both.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "text/conn_state.h"
#include "text/flow_view.h"
#include "text/json.h"
#include "text/names.h"
#include "text/values.h"

struct sw_ends sw_flow_ends(const struct sw_flow_key *key, const struct sw_flow *flow)
{
	struct sw_ends ends = { .a = flow->originator, .b = !flow->originator };

	ends.ep_a = &flow->ep[ends.a];
	ends.ep_b = &flow->ep[ends.b];
	if (sw_key_is_self(key))
		ends.ep_a = ends.ep_b = &flow->ep[0];
	return ends;
}

const char *sw_address_name(const __u8 address[16], char text[INET6_ADDRSTRLEN])
{
	if (IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)address))
		inet_ntop(AF_INET, address + 12, text, INET6_ADDRSTRLEN);
	else
		inet_ntop(AF_INET6, address, text, INET6_ADDRSTRLEN);
	return text;
}

const char *sw_endpoint_name(const struct sw_flow_key *key, int end, char text[SW_ENDPOINT_TEXT])
{
	char name[INET6_ADDRSTRLEN];

	sw_address_name(key->addr[end], name);
	snprintf(text, SW_ENDPOINT_TEXT, strchr(name, ':') ? "[%s]:%u" : "%s:%u", name,
		 key->port[end]);
	return text;
}

__u64 sw_flow_duration_ns(const struct sw_flow *flow)
{
	__u64 last_ns = flow->deadline_ns - flow->timeout_ms * SW_NS_PER_MS;

	return last_ns > flow->start_ns ? last_ns - flow->start_ns : 0; /* within one tick */
}

/* --- JSON ----------------------------------------------------------------------------------- */

/* Every state it has been in. CLOSED has the lowest number and comes last. */
static json_t *history_json(const struct sw_endpoint *ep)
{
	json_t *names = json_array();

	for (int i = 1; i <= SW_STATES; i++)
		if (ep->history & (1U << (i % SW_STATES)))
			json_array_append_new(names, json_string(sw_state_name(i % SW_STATES)));
	return names;
}

json_t *sw_flow_json(const struct sw_flow_key *key, const struct sw_flow *flow,
		     __s64 wall_offset_ns)
{
	char name_a[SW_ENDPOINT_TEXT], name_b[SW_ENDPOINT_TEXT];
	struct sw_ends ends = sw_flow_ends(key, flow);

	return json_pack("{s:s, s:s, s:s, s:{s:o, s:o}, s:{s:s, s:s}, s:s, s:{s:I, s:I},"
			 " s:{s:I, s:I}, s:o, s:o, s:b, s:b}",
			 "type", "flow", "a", sw_endpoint_name(key, ends.a, name_a), "b",
			 sw_endpoint_name(key, ends.b, name_b), "history", "a",
			 history_json(ends.ep_a), "b", history_json(ends.ep_b), "state", "a",
			 sw_state_name(ends.ep_a->state), "b", sw_state_name(ends.ep_b->state),
			 "conn_state", sw_conn_state(key, flow), "packets", "a",
			 (json_int_t)ends.ep_a->packets, "b", (json_int_t)ends.ep_b->packets,
			 "bytes", "a", (json_int_t)sw_endpoint_bytes(ends.ep_a), "b",
			 (json_int_t)sw_endpoint_bytes(ends.ep_b), "start",
			 sw_seconds_json((__s64)flow->start_ns + wall_offset_ns), "duration",
			 sw_seconds_json((__s64)sw_flow_duration_ns(flow)), "midstream",
			 flow->midstream, "refused", flow->refused);
}

/* --- Text ----------------------------------------------------------------------------------- */

#define ENDPOINT_WIDTH 21 /* of IPv4 */
#define COLUMNS        "%-11s %-11s %5s %5s %5s %5s %s\n"

void sw_flow_print_head(void)
{
	printf("%-*s %-*s " COLUMNS, ENDPOINT_WIDTH, "ORIGINATOR", ENDPOINT_WIDTH, "RESPONDER",
	       "STATE", "STATE", "PKTS", "BYTES", "AGE", "LEFT", "FLAGS");
}

static const char *flags(const struct sw_flow *flow, bool halfopen, char text[16])
{
	snprintf(text, 16, "%s%s%s%s", halfopen ? "h" : "", flow->midstream ? "m" : "",
		 flow->reset ? "r" : "", flow->refused ? "!" : "");
	return text;
}

void sw_flow_print(const struct sw_flow_key *key, const struct sw_flow *flow, __u64 now_ns,
		   bool halfopen)
{
	char name_a[SW_ENDPOINT_TEXT], name_b[SW_ENDPOINT_TEXT], marks[16];
	char packets[SW_VALUE_TEXT], bytes[SW_VALUE_TEXT], age[SW_VALUE_TEXT], left[SW_VALUE_TEXT];
	struct sw_ends ends = sw_flow_ends(key, flow);
	bool two = !sw_key_is_self(key);

	sw_endpoint_name(key, ends.a, name_a);
	sw_endpoint_name(key, ends.b, name_b);
	sw_number_short((__u64)ends.ep_a->packets + (two ? ends.ep_b->packets : 0), packets);
	sw_number_short(sw_endpoint_bytes(ends.ep_a) + (two ? sw_endpoint_bytes(ends.ep_b) : 0),
			bytes);
	sw_duration_short(now_ns - flow->start_ns, age);
	sw_duration_short(flow->deadline_ns - now_ns, left);
	if (strlen(name_a) <= ENDPOINT_WIDTH && strlen(name_b) <= ENDPOINT_WIDTH)
		printf("%-*s %-*s ", ENDPOINT_WIDTH, name_a, ENDPOINT_WIDTH, name_b);
	else
		printf("%s %s\n%*s", name_a, name_b, 2 * ENDPOINT_WIDTH + 2, "");
	printf(COLUMNS, sw_state_name(ends.ep_a->state), sw_state_name(ends.ep_b->state), packets,
	       bytes, age, left, flags(flow, halfopen, marks));
}
