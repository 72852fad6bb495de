/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * One word for how far a connection came, in Zeek's vocabulary.
 */
#ifndef SYNWARD_CONN_STATE_H
#define SYNWARD_CONN_STATE_H

#include <synward/flow.h>

/*
 * The conn_state that Zeek's conn.log would show (scripts/base/protocols/conn/main.zeek). A pure function;
 * "closed" below means that the endpoint's FIN was taken, "heard" that it sent a segment other than a RST.
 *
 *   S0      a SYN, no answer                      S1      opened, not closed
 *   SF      opened and closed by both             REJ     a SYN, refused by RST
 *   S2, S3  closed by the originator, responder   SH, SHR closed by one, the other never heard
 *   RSTO    reset by the originator               RSTR    reset by the responder
 *   RSTOS0  SYN and RST, responder never heard    RSTRH   SYN+ACK and RST, originator never heard
 *   OTH     picked up in the middle and not closed since
 */
const char *sw_conn_state(const struct sw_flow_key *key, const struct sw_flow *flow);

#endif
