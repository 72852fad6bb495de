// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * How far a connection came, in Zeek's vocabulary: read off the histories of its endpoints.
 */
#include "conn_state.h"

static bool has_been(const struct sw_endpoint *ep, enum sw_state state)
{
	return ep->history & (1U << state);
}

static bool has_closed(const struct sw_endpoint *ep)
{
	return has_been(ep, FIN_WAIT_1) || has_been(ep, LAST_ACK);
}

static const char *reset_state(const struct sw_flow *flow, const struct sw_endpoint *orig,
			       const struct sw_endpoint *resp)
{
	if (flow->reset_by == flow->originator) {
		if (resp->seen)
			return "RSTO";
		return flow->midstream ? "OTH" : "RSTOS0";
	}
	if (!orig->seen)
		return "RSTRH";
	return resp->seen || flow->midstream ? "RSTR" : "REJ";
}

static const char *open_state(const struct sw_flow *flow, const struct sw_endpoint *orig,
			      const struct sw_endpoint *resp)
{
	if (!flow->midstream)
		return resp->seen ? "S1" : "S0";
	/* A missed SYN is no loss where the rest of the handshake was there. */
	return orig->seen && has_been(resp, SYN_RCVD) ? "S1" : "OTH";
}

const char *sw_conn_state(const struct sw_flow_key *key, const struct sw_flow *flow)
{
	bool self = sw_key_is_self(key);
	const struct sw_endpoint *orig = &flow->ep[self ? 0 : flow->originator];
	const struct sw_endpoint *resp = &flow->ep[self ? 0 : !flow->originator];

	if (has_closed(orig) && has_closed(resp))
		return "SF"; /* a RST after that takes nothing back */
	if (flow->reset)
		return reset_state(flow, orig, resp);
	if (has_closed(orig))
		return resp->seen ? "S2" : "SH";
	if (has_closed(resp))
		return orig->seen ? "S3" : "SHR";
	return open_state(flow, orig, resp);
}
