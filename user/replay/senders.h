/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Which wrong checksums were right on the wire: those of a sender that has no right ones, and those of
 * segments that their receiver has acknowledged, though no right copy of them was captured. Who has
 * taken a segment has found its checksum right.
 */
#ifndef SYNWARD_REPLAY_SENDERS_H
#define SYNWARD_REPLAY_SENDERS_H

#include "replay/capture.h"
#include "replay/checksum.h"

#define SW_SENDERS_TOLD 5

/*
 * By address and by flow, in tables of fixed size: two that share a place make it only more careful.
 * What was acknowledged is kept by the numbers of the frames.
 */
struct sw_senders {
	__u64 offloading; /* senders found to offload, and the first of them */
	__u8 first[SW_SENDERS_TOLD][16];
	__u64 believed; /* acknowledged ones that were asked for */
	struct sw_sender *sender;
	struct sw_lane *lane;
	__u64 *taken; /* frames with acknowledged segments, in order */
	size_t count, room;
};

/* Reads the whole capture. 0 or -errno, reported; that it ends early is not its business. */
int sw_senders_survey(struct sw_senders *senders, const struct sw_capture_source *source);

/* Whether the wrong checksum of this frame, from this address, tells nothing. */
bool sw_senders_excuse(struct sw_senders *senders, __u64 frame, const __u8 address[16]);

/* Says whose wrong checksums told nothing. */
void sw_senders_say(const struct sw_senders *senders);

void sw_senders_free(struct sw_senders *senders);

#endif
