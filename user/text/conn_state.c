// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * How far a connection came, in Zeek's vocabulary: read off what each endpoint has said. Zeek's own
 * rule is the function conn_state() of its scripts/base/protocols/conn/main.zeek over the endpoint
 * states of its src/packet_analysis/protocol/tcp. Where Zeek believes a RST or FIN of any number,
 * only what the state model took counts here.
 */
#include <stddef.h>
#include <string.h>

#include <synward/parse.h>

#include "text/conn_state.h"

enum side {
	SIDE_SILENT, /* not heard, or outside of a handshake */
	SIDE_OPEN,
	SIDE_CLOSED,
	SIDE_RESET,
};

/* Of all that a flow keeps of what was said. */
#define SAID (SW_TCP_SYN | SW_TCP_ACK | SW_TCP_FIN | SW_TCP_RST)

static enum side side_of(__u8 said, bool shook_hands)
{
	if (said & SW_TCP_RST)
		return SIDE_RESET;
	if (said & SW_TCP_FIN)
		return SIDE_CLOSED;
	return shook_hands ? SIDE_OPEN : SIDE_SILENT;
}

/* A RST in answer to a mere SYN, or to a connection that carried nothing and was reset by both. */
static bool is_refusal(enum side orig, __u8 resp_said, __u64 bytes)
{
	if (orig == SIDE_RESET)
		return bytes == 0;
	return orig == SIDE_OPEN && !(resp_said & SW_TCP_SYN);
}

/* Neither was reset nor closed. */
static const char *open_state(enum side orig, enum side resp, bool midstream, __u64 resp_bytes)
{
	if (orig == SIDE_OPEN && resp == SIDE_OPEN)
		return "S1";
	return midstream || resp_bytes ? "OTH" : "S0";
}

const char *sw_conn_state(const struct sw_flow_key *key, const struct sw_flow *flow)
{
	int a = sw_key_is_self(key) ? 0 : flow->originator, b = sw_key_is_self(key) ? 0 : !a;
	__u8 orig_said = flow->said[a] & SAID, resp_said = flow->said[b] & SAID;
	__u64 orig_bytes = sw_endpoint_bytes(&flow->ep[a]);
	__u64 resp_bytes = sw_endpoint_bytes(&flow->ep[b]);
	bool answered = resp_said & SW_TCP_SYN;
	enum side orig = side_of(orig_said, (orig_said & SW_TCP_SYN) || (answered && orig_said));
	enum side resp = side_of(resp_said, answered);

	if (orig_said & resp_said & SW_TCP_FIN)
		return "SF"; /* a RST after that takes nothing back */
	if (resp == SIDE_RESET) {
		if (orig == SIDE_SILENT)
			return "RSTRH";
		return is_refusal(orig, resp_said, orig_bytes + resp_bytes) ? "REJ" : "RSTR";
	}
	if (orig == SIDE_RESET) {
		if (resp != SIDE_SILENT)
			return "RSTO";
		return orig_said == (SW_TCP_SYN | SW_TCP_RST) ? "RSTOS0" : "OTH";
	}
	if (orig == SIDE_CLOSED)
		return resp == SIDE_SILENT ? "SH" : "S2";
	if (resp == SIDE_CLOSED)
		return orig == SIDE_SILENT ? "SHR" : "S3";
	return open_state(orig, resp, flow->midstream, resp_bytes);
}

const char *sw_conn_state_meaning(const char *state)
{
	static const struct {
		const char *name, *meaning;
	} states[] = {
#define CONN_STATE(name, meaning) { name, meaning },
		SW_CONN_STATES(CONN_STATE)
	};

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (!strcmp(states[i].name, state))
			return states[i].meaning;
	return "?";
}
