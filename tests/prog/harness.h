/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The real object, loaded once, its programs run by BPF_PROG_RUN with a clock of the test's own.
 */
#ifndef SYNWARD_TESTS_HARNESS_H
#define SYNWARD_TESTS_HARNESS_H

#include <synward/event.h>
#include <synward/offline.h>
#include <synward/sweep.h>

#include "check.h"
#include "frame.h"
#include "table.h"

#define START_NS (1000 * SW_NS_PER_S)

struct synward;

enum hook {
	HOOK_XDP,
	HOOK_TC
};

/*
 * Loads build/synward.bpf.o as it stands in the skeleton, with room for this many flows, and for so many
 * half-open ones, of which then none makes room for another (0: as it has). 0, or -errno after saying why not.
 */
int harness_open(__u32 flows, __u32 halfopen);
void harness_close(void);
struct synward *harness_skeleton(void);

/* Empties every map and ring buffer; then these settings, or none (NULL: as never configured). */
void harness_reset(const struct sw_config *config);

/*
 * Runs a frame through a hook at this time. It must pass, unaltered. Returns false, with errno,
 * only where the kernel does not run such a frame at all.
 */
bool harness_frame(enum hook hook, const __u8 *bytes, size_t size, __u64 now,
		   struct sw_segment *segment, struct outcome *outcome);

/* What a program made of a frame. */
struct passage {
	__u32 verdict;
	bool hinted; /* behind the metadata that tells synward_admit to look at it */
	__u32 size;
	__u8 bytes[FRAME_MAX + 512];
	struct sw_segment segment; /* that it held, when it came */
	struct outcome outcome;
};

/*
 * Runs a frame through a hook, whatever comes of it. linear: as many bytes lie in the linear part; 0:
 * as the kernel likes. False as above.
 */
bool harness_pass(enum hook hook, const __u8 *bytes, size_t size, size_t linear, __u64 now,
		  struct passage *passage);

/* A frame at tc ingress, where it must pass unaltered. */
void harness_admit(const __u8 *bytes, size_t size, __u64 now);

/* The same at tc, of a frame that came in through this interface and is on its way out. */
void harness_forward(__u32 ifindex, const __u8 *bytes, size_t size, __u64 now);

/* The same at XDP, with only `linear` bytes of it in the linear part. */
bool harness_frame_split(const __u8 *bytes, size_t size, size_t linear, __u64 now,
			 struct sw_segment *segment, struct outcome *outcome);

/* A frame made of this segment. */
void harness_segment(enum hook hook, const struct sw_segment *segment, __u64 now,
		     struct outcome *outcome);

/* All CPUs together. */
void harness_stats(struct sw_stats *stats);
__u64 harness_count(enum sw_counter counter);

/* The flow's record and where it is. */
enum place {
	PLACE_NOWHERE,
	PLACE_HALFOPEN,
	PLACE_FLOWS,
	PLACE_BOTH
};
enum place harness_find(const struct sw_flow_key *key, struct sw_flow *flow);
__u32 harness_entries(enum place place);

void harness_sweep(struct sw_sweep *sweep, __u64 now);

/* On a batch of these flows, or as many of them as fit in. */
void harness_expire(const struct sw_flow_key *keys, __u32 count, __u64 now);

/* The same, whatever their deadline; how many were there. */
__u32 harness_delete(const struct sw_flow_key *keys, __u32 count, __u64 now);

/* Takes what is in a ring buffer; returns how many records there were, and keeps the first few. */
int harness_events(struct sw_event *events, int room);
int harness_due(struct sw_due *due, int room);
void harness_read_events(bool read);

/* The same of a second reader, in a place that is not next to the first's. */
int harness_other_events(struct sw_event *events, int room);
void harness_read_other_events(const struct sw_reader *reader);
__u64 harness_other_events_lost(void);

/* A key of two IPv4 endpoints, a before b, that no other number gives. */
void harness_key(struct sw_flow_key *key, __u32 number);

/* The segments of a handshake of this flow, the first two or all three, from endpoint 0. */
void harness_handshake(const struct sw_flow_key *key, int segments, __u64 now);

#endif
