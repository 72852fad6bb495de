/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Checksums of captured segments. A receiver drops a segment whose checksum is wrong; but a segment
 * captured on the host that sent it, before its NIC filled the checksum in, was right on the wire.
 */
#ifndef SYNWARD_REPLAY_CHECKSUM_H
#define SYNWARD_REPLAY_CHECKSUM_H

#include <synward/parse.h>

#include "replay_capture.h"

enum sw_checksum {
	SW_CHECKSUM_GOOD, /* or not known: the segment was not captured whole */
	SW_CHECKSUM_OFFLOADED, /* holds the pseudo-header's sum, which the NIC starts from */
	SW_CHECKSUM_BAD,
};

/* Of the TCP segment in a frame, and of its IPv4 header. Good when there is none. */
enum sw_checksum sw_checksum_of(const struct sw_frame *frame);

/*
 * Who sends nothing but wrong checksums: then they were wrong only where they were captured. By
 * address, in a table of fixed size; two addresses that share a slot make it only more careful.
 */
#define SW_SENDER_SLOTS 65536

struct sw_senders {
	__u64 told; /* senders that have been said to offload */
	struct sw_sender {
		__u32 good, bad;
		bool told;
	} slot[SW_SENDER_SLOTS];
};

/* Reads the whole capture. 0 or -errno, reported; that it ends early is not its business. */
int sw_senders_survey(struct sw_senders *senders, const struct sw_capture_source *source);

/*
 * Whether a wrong checksum from this address tells nothing; says so the first time, unless quiet.
 * Of more senders than people want to read of, sw_senders_say() gives the number in the end.
 */
bool sw_senders_offload(struct sw_senders *senders, const __u8 address[16], bool quiet);
void sw_senders_say(const struct sw_senders *senders);

#endif
