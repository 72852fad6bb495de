/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Checksums of captured segments. A receiver drops a segment whose checksum is wrong; but a segment
 * captured on the host that sent it, before its NIC filled the checksum in, was right on the wire.
 */
#ifndef SYNWARD_REPLAY_CHECKSUM_H
#define SYNWARD_REPLAY_CHECKSUM_H

#include <synward/parse.h>

#include "replay/capture.h"

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

#define SW_SENDERS_TOLD 5

struct sw_senders {
	__u64 offloading; /* senders found to offload, and the first of them */
	__u8 first[SW_SENDERS_TOLD][16];
	struct sw_sender {
		__u32 good, bad;
		bool offloads;
	} slot[SW_SENDER_SLOTS];
};

/* Reads the whole capture. 0 or -errno, reported; that it ends early is not its business. */
int sw_senders_survey(struct sw_senders *senders, const struct sw_capture_source *source);

/* Whether a wrong checksum from this address tells nothing. */
bool sw_senders_offload(struct sw_senders *senders, const __u8 address[16]);

/* Says whose wrong checksums told nothing. */
void sw_senders_say(const struct sw_senders *senders);

#endif
