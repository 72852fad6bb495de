/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * One word for how far a connection came, in Zeek's vocabulary.
 */
#ifndef SYNWARD_CONN_STATE_H
#define SYNWARD_CONN_STATE_H

#include <synward/flow.h>

/* The words and what they mean: X(name, meaning). Closed is an end by its FIN. */
#define SW_CONN_STATES(X)                                                \
	X("S0", "a SYN without an answer")                               \
	X("S1", "opened, and not closed")                                \
	X("SF", "opened, and closed by both ends")                       \
	X("REJ", "a SYN refused by a RST")                               \
	X("S2", "opened, and closed by the originator only")             \
	X("S3", "opened, and closed by the responder only")              \
	X("RSTO", "opened, and reset by the originator")                 \
	X("RSTR", "opened, and reset by the responder")                  \
	X("RSTOS0", "a SYN and a RST of the originator, no SYN+ACK")     \
	X("RSTRH", "reset by the responder, no SYN of the originator")   \
	X("SH", "closed by the originator, no SYN+ACK of the responder") \
	X("SHR", "closed by the responder, no SYN of the originator")    \
	X("OTH", "none of these: met in the middle, and not closed")

/*
 * The conn_state that Zeek's conn.log would show (scripts/base/protocols/conn/main.zeek). A pure
 * function.
 */
const char *sw_conn_state(const struct sw_flow_key *key, const struct sw_flow *flow);

/* What it means, in words. */
const char *sw_conn_state_meaning(const char *state);

#endif
