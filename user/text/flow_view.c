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
	if (IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)address)) {
		char *end = text;

		for (int i = 12; i < 16; i++) {
			end = sw_decimal(address[i], end);
			*end++ = i < 15 ? '.' : '\0';
		}
	} else {
		inet_ntop(AF_INET6, address, text, INET6_ADDRSTRLEN);
	}
	return text;
}

const char *sw_endpoint_name(const struct sw_flow_key *key, int end, char text[SW_ENDPOINT_TEXT])
{
	bool ipv6 = !IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)key->addr[end]);
	char *at = text;

	if (ipv6)
		*at++ = '[';
	sw_address_name(key->addr[end], at);
	at += strlen(at);
	if (ipv6)
		*at++ = ']';
	*at++ = ':';
	sw_decimal(key->port[end], at);
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
#define STATE_WIDTH    11
#define NUMBER_WIDTH   5

/*
 * Half a million lines are to be printed in a second, which is more than printf() can do. The text, and
 * spaces up to the width, if it is negative before the text; then one more. Returns where that ends.
 */
static char *put(char *at, int width, const char *text)
{
	int length = (int)strlen(text), spaces = (width < 0 ? -width : width) - length;

	if (spaces < 0)
		spaces = 0;
	memset(at, ' ', (size_t)(spaces + length + 1));
	memcpy(width < 0 ? at + spaces : at, text, (size_t)length);
	return at + spaces + length + 1;
}

void sw_flow_print_head(void)
{
	printf("%-*s %-*s %-*s %-*s %*s %*s %*s %*s %s\n", ENDPOINT_WIDTH, "ORIGINATOR",
	       ENDPOINT_WIDTH, "RESPONDER", STATE_WIDTH, "STATE", STATE_WIDTH, "STATE",
	       NUMBER_WIDTH, "PKTS", NUMBER_WIDTH, "BYTES", NUMBER_WIDTH, "AGE", NUMBER_WIDTH,
	       "LEFT", "FLAGS");
}

static char *put_ends(char *at, const struct sw_flow_key *key, const struct sw_ends *ends)
{
	char name_a[SW_ENDPOINT_TEXT], name_b[SW_ENDPOINT_TEXT];

	sw_endpoint_name(key, ends->a, name_a);
	sw_endpoint_name(key, ends->b, name_b);
	if (strlen(name_a) <= ENDPOINT_WIDTH && strlen(name_b) <= ENDPOINT_WIDTH)
		return put(put(at, ENDPOINT_WIDTH, name_a), ENDPOINT_WIDTH, name_b);
	at = put(put(at, 0, name_a), 0, name_b);
	at[-1] = '\n';
	return put(at, 2 * ENDPOINT_WIDTH + 1, "");
}

static char *put_flags(char *at, const struct sw_flow *flow, bool halfopen)
{
	if (halfopen)
		*at++ = 'h';
	if (flow->midstream)
		*at++ = 'm';
	if (flow->reset && sw_flow_closed(flow))
		*at++ = 'r';
	if (flow->refused)
		*at++ = '!';
	return at;
}

const char *sw_flow_row(const struct sw_flow_key *key, const struct sw_flow *flow, __u64 now_ns,
			bool halfopen, char text[SW_FLOW_ROW_TEXT])
{
	struct sw_ends ends = sw_flow_ends(key, flow);
	char value[SW_VALUE_TEXT];
	char *at = put_ends(text, key, &ends);

	at = put(at, STATE_WIDTH, sw_state_name(ends.ep_a->state));
	at = put(at, STATE_WIDTH, sw_state_name(ends.ep_b->state));
	at = put(at, -NUMBER_WIDTH, sw_number_short(sw_flow_packets(key, flow), value));
	at = put(at, -NUMBER_WIDTH, sw_number_short(sw_flow_bytes(key, flow), value));
	at = put(at, -NUMBER_WIDTH, sw_duration_short(now_ns - flow->start_ns, value));
	at = put(at, -NUMBER_WIDTH, sw_duration_short(flow->deadline_ns - now_ns, value));
	at = put_flags(at, flow, halfopen);
	strcpy(at, "\n");
	return text;
}

/* and/or bind alike in a filter of libpcap, from the left to the right. */
const char *sw_flow_pcap_key(const struct sw_flow_key *key, char text[SW_PCAP_KEY_TEXT])
{
	char one[INET6_ADDRSTRLEN], other[INET6_ADDRSTRLEN];
	unsigned int port = key->port[0], other_port = key->port[1];

	sw_address_name(key->addr[0], one);
	sw_address_name(key->addr[1], other);
	snprintf(text, SW_PCAP_KEY_TEXT,
		 "(tcp and ((src host %s and src port %u and dst host %s and dst port %u)"
		 " or (src host %s and src port %u and dst host %s and dst port %u)))",
		 one, port, other, other_port, other, other_port, one, port);
	return text;
}
