/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * From a captured packet to the Ethernet frame that the parser is given. Ethernet with IP in it stays
 * as it was captured. Of all else the innermost IP packet is looked for, through link layers, tags,
 * tunnels and fragments, and gets an Ethernet header of its own. What a capture did to a frame, and
 * the wire did not, is undone: lengths and options that were cut.
 */
#ifndef SYNWARD_REPLAY_UNWRAP_H
#define SYNWARD_REPLAY_UNWRAP_H

#include "replay/fragments.h"

struct sw_frame {
	__u64 number; /* in the capture, from 1 */
	__s64 time_ns; /* since the epoch; before 1970 it is negative */
	const __u8 *bytes; /* from its Ethernet header on; until the next frame */
	__u32 captured; /* bytes in hand */
	__u32 made_up; /* the last of these stand for options that were not captured */
	__u32 length; /* bytes on the wire, `captured` at least */
	bool unknown_link; /* it was not looked into */
	bool waits; /* it is a fragment, whose packet is not whole yet */
	int link; /* link type of what was captured */
	__u16 type; /* what was found in the end: an ethertype, enum sw_layer_type */
	struct sw_tunnel tunnel; /* what it was found in */
};

#define SW_FRAME_MAX 262144

struct sw_unwrapper {
	struct sw_fragments fragments;
	__u8 rebuilt[SW_FRAME_MAX];
};

/* The frame comes as it was captured, behind the link layer `frame->link`. */
void sw_unwrap(struct sw_unwrapper *unwrapper, struct sw_frame *frame);

void sw_unwrapper_free(struct sw_unwrapper *unwrapper);

#endif
