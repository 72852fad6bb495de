/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A packet on a prescribed way, or of a mobile host, is addressed to its next stop, or comes from a
 * foreign one. Its connection, as TCP's checksum has it, is that of its true ends (RFC 8200, 8.1).
 */
#ifndef SYNWARD_REPLAY_ROUTE_H
#define SYNWARD_REPLAY_ROUTE_H

#include <synward/parse.h>

struct sw_ends {
	__u8 from[16], to[16]; /* as in struct sw_packet */
};

/* The true ends. The frame holds all headers before TCP's, which the parser has been through. */
void sw_route_follow(const __u8 *frame, const struct sw_packet *packet, struct sw_ends *ends);

/* Puts them in the place of those in the IP header, and mends its checksum. */
void sw_route_write(__u8 *frame, const struct sw_packet *packet, const struct sw_ends *ends);

#endif
