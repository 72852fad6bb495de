/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Checksums of captured segments. A receiver drops a segment whose checksum is wrong; but a segment
 * captured on the host that sent it, before its NIC filled the checksum in, was right on the wire. The
 * addresses of the pseudo-header are those of the frame: unwrapping has put the true ends there.
 */
#ifndef SYNWARD_REPLAY_CHECKSUM_H
#define SYNWARD_REPLAY_CHECKSUM_H

#include "replay/unwrap.h"

enum sw_checksum {
	SW_CHECKSUM_UNKNOWN, /* the segment was not captured whole, or there is none */
	SW_CHECKSUM_GOOD,
	SW_CHECKSUM_OFFLOADED, /* none yet, or the pseudo-header's, which the NIC starts from */
	SW_CHECKSUM_BAD,
};

/* Of the TCP segment in a frame, and of its IPv4 header. */
enum sw_checksum sw_checksum_of(const struct sw_frame *frame, const struct sw_packet *packet);

#endif
