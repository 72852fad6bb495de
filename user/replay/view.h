/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What replay prints: the JSON lines of STATE_MODEL.md, the table of flows, the list of segments.
 */
#ifndef SYNWARD_REPLAY_VIEW_H
#define SYNWARD_REPLAY_VIEW_H

#include "replay/engine.h"

/* State that the printers keep from line to line. */
struct sw_replay_view {
	bool ascii; /* no arrow heads, no box drawing */
	__u64 flows; /* printed so far */
	bool begun; /* there was a segment ... */
	__s64 first_ns; /* ... and this is the first one's time */
};

/* Sinks; the context is a struct sw_replay_view. */
void sw_replay_segment_json(void *context, const struct sw_step *step);
void sw_replay_flow_json(void *context, const struct sw_flow_end *end);
void sw_replay_segment_text(void *context, const struct sw_step *step);
void sw_replay_flow_text(void *context, const struct sw_flow_end *end);

/* Of a segment, in the order of sender and receiver. */
struct sw_sides {
	int src, dst; /* indices into the key */
	const struct sw_endpoint *src_before, *src_after, *dst_before, *dst_after;
};

struct sw_sides sw_step_sides(const struct sw_step *step);

/* As people count: from the sender's SYN on. Where that was not seen, as it stands. */
__u32 sw_relative_seq(const struct sw_step *step);
__u32 sw_relative_ack(const struct sw_step *step);

/* Seconds, in ten columns wherever that is possible. */
#define SW_ELAPSED_TEXT 32
const char *sw_elapsed(__s64 ns, char text[SW_ELAPSED_TEXT]);

/* Why the step changed nothing, or NULL: a new incarnation is not a reason. */
const char *sw_step_reason(const struct sw_step *step);

#endif
