/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The engine of replay: frames go through synward_ingress, the program that goes on the wire, by
 * BPF_PROG_RUN, on the capture's own clock; what it did to the flow goes to a sink. It holds no
 * more than the flows that are live, so memory does not grow with the capture.
 */
#ifndef SYNWARD_REPLAY_ENGINE_H
#define SYNWARD_REPLAY_ENGINE_H

#include "host/load.h"
#include "replay/capture.h"
#include "replay/checksum.h"
#include "replay/progress.h"

/* What one segment did. */
struct sw_step {
	__u64 number; /* of the frame */
	__u64 time_ns; /* since the epoch */
	const struct sw_segment *seg;
	const struct sw_flow *before, *after; /* all zero: there is no such flow */
	enum sw_counter reason;
};

/* Who hears of it; a function may be NULL. A flow that is replaced comes before the segment. */
struct sw_sink {
	void (*segment)(void *context, const struct sw_step *step);
	void (*flow)(void *context, const struct sw_flow_key *key, const struct sw_flow *flow);
	void *context;
};

struct sw_replay_options {
	struct sw_config config;
	bool ignore_checksum;
};

struct sw_replay {
	const struct sw_capture_source *source;
	const struct sw_replay_options *options;
	struct synward *object;
	struct sw_maps maps;
	int prog_fd;
	__u64 now_ns; /* the capture's clock; it never goes back */
	__u64 records, sweep_at; /* in the maps now, and when to look for those that are over */
	__u64 forced; /* flows ended before their time, for want of room */
	__u64 counts[SW_COUNTER_MAX]; /* frames by the reason that the program gave, or we */
	__u64 frames; /* read */
	char unread[SW_CAPTURE_ERROR_MAX]; /* why what follows them could not be */
	__u64 unknown_link; /* frames of an interface whose link layer is not known */
	struct sw_senders *senders; /* once there was a wrong checksum */
	struct sw_sink sink;
	struct sw_progress progress;
};

/* 0 or -errno, reported. */
int sw_replay_start(struct sw_replay *replay, const struct sw_capture_source *source,
		    const struct sw_replay_options *options);

/*
 * Runs the whole capture into the sink, then ends the flows that are left, the oldest first. That
 * the capture can't be read to its end is for sw_replay_say(). Once only. 0 or -errno, reported.
 */
int sw_replay_run(struct sw_replay *replay, const struct sw_sink *sink);

/* Says what was passed over, and why; then what could not be read: 0, or -errno, reported. */
int sw_replay_say(const struct sw_replay *replay);

void sw_replay_stop(struct sw_replay *replay);

#endif
