/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The conformance vectors: captures (tests/vectors/NAME.pcap) and what a tracker must say of them
 * (NAME.expect). Histories are concatenated over the incarnations of a flow; an entry in
 * parentheses is optional. "reasons", where given, holds how often each reason was counted, and no
 * other was.
 */
#ifndef SYNWARD_TESTS_VECTORS_H
#define SYNWARD_TESTS_VECTORS_H

#include <synward/state.h>

#include "check.h"
#include "table.h"

/* Where a capture is run. */
struct frame_backend {
	void (*reset)(void *context, const struct sw_config *config);
	/* outcome->reason is also why the frame held no segment; then the rest is zero. */
	void (*frame)(void *context, const __u8 *bytes, size_t size, __u64 now,
		      struct sw_segment *segment, struct outcome *outcome);
	/* The record as the tracker keeps it; false if it keeps none. */
	bool (*find)(void *context, const struct sw_flow_key *key, struct sw_flow *flow);
	void *context;
};

struct vector_frame {
	const __u8 *bytes;
	size_t size;
	__u64 now;
};

struct vector_state {
	enum sw_state state;
	bool optional;
};

struct vector_end {
	struct {
		__u8 address[16];
		__u16 port;
	};
	const struct vector_state *history;
	int states;
	enum sw_state final;
};

struct vector {
	const char *name;
	const struct vector_frame *frames;
	int frame_count;
	struct vector_end end[2]; /* A, B */
	int flows; /* incarnations */
	const char *conn_state; /* NULL: any */
	bool has_reasons;
	__u32 reasons[SW_COUNTER_MAX];
};

/* Runs one vector; fails the test with what differs. */
void vector_run(const struct vector *vector, const struct frame_backend *backend);

/* All vectors as tests of cmocka, the vector as initial state. Returns how many failed. */
int vectors_run(const char *group, CMUnitTestFunction test);

#endif
