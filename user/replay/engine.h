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
#include "replay/kinds.h"
#include "replay/ledger.h"
#include "replay/progress.h"
#include "replay/senders.h"
#include "replay/timeline.h"

/* What one segment did. */
struct sw_step {
	__u64 number; /* of the frame */
	__s64 time_ns; /* since the epoch, as it is stamped */
	__u64 now_ns; /* by the clock of the flows, which mends stamps */
	const struct sw_tunnel *tunnel; /* that it was found in */
	const struct sw_segment *seg;
	const struct sw_flow *before, *after; /* all zero: there is no such flow */
	enum sw_counter reason;
};

/* A flow that is over. */
struct sw_flow_end {
	const struct sw_flow_key *key;
	const struct sw_flow *flow;
	const struct sw_tunnel *tunnel; /* that its originator's segments were found in */
	__s64 start_ns; /* since the epoch */
	__u64 refused; /* segments of it that changed nothing */
};

/* Who hears of it; a function may be NULL. A flow that is replaced comes before the segment. */
struct sw_sink {
	void (*segment)(void *context, const struct sw_step *step);
	void (*flow)(void *context, const struct sw_flow_end *end);
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
	struct sw_timeline timeline; /* the clock of the flows */
	struct sw_ledger ledger; /* of the flows in the maps */
	__u64 sweep_at; /* how many flows there are when it looks for those that are over */
	__u64 forced; /* flows ended before their time, for want of room */
	__u64 counts[SW_COUNTER_MAX]; /* frames by the reason that the program gave, or we */
	__u64 refused[SW_COUNTER_MAX], refused_flows; /* segments of flows that changed nothing */
	struct sw_kinds kinds; /* of frames without a segment */
	__u64 frames; /* read */
	char unread[SW_CAPTURE_ERROR_MAX]; /* why what follows them could not be */
	__u64 unknown_link; /* frames of an interface whose link layer is not known */
	bool surveyed; /* there was a wrong checksum, and so ... */
	struct sw_senders senders;
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
int sw_replay_say(struct sw_replay *replay);

void sw_replay_stop(struct sw_replay *replay);

#endif
