// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Any sequence of segments on one flow: after each of them the invariants of sound.h hold.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "sound.h"
#include "stir.h"

int LLVMFuzzerTestOneInput(const __u8 *bytes, size_t size);

static void require(const char *wrong, const struct sw_segment *segment, const struct sw_flow *flow)
{
	char flags[FLAGS_TEXT];

	if (!wrong)
		return;
	fprintf(stderr, "fuzz_flow: %s, after %s of %d: %s %s\n", wrong,
		flags_text(segment->flags, flags), segment->sender, state_name(flow->ep[0].state),
		state_name(flow->ep[1].state));
	abort();
}

/* With TRACE in the environment, what a crash was made of. */
static void trace(const struct sw_segment *segment, const struct sw_flow *flow,
		  enum sw_counter reason)
{
	char flags[FLAGS_TEXT];

	if (getenv("TRACE"))
		fprintf(stderr, "%c %-4s seq %u ack %u len %u win %u: %s %s %s\n",
			"AB"[segment->sender], flags_text(segment->flags, flags), segment -> seq,
			segment -> ack, segment -> length, segment -> window,
			state_name(flow->ep[0].state), state_name(flow->ep[1].state),
			counter_name(reason));
}

/* A segment that begins nothing leaves no record, as in the programs. */
static void step(struct sw_flow *flow, const struct sw_segment *segment, __u64 now,
		 const struct sw_config *config)
{
	struct sw_flow before = *flow;
	enum sw_counter reason = flow->start_ns ? SW_NONE : sw_may_open(segment);

	if (reason)
		return;
	reason = sw_flow_step(flow, segment, now, config);
	trace(segment, flow, reason);
	if (!sw_flow_gone(flow, now))
		require(flow_unsound(flow, segment->self), segment, flow);
	require(step_unsound(&before, flow, segment, reason, now), segment, flow);
	require(prediction_unsound(&before, flow, segment, reason, now, config), segment, flow);
	if (config->both_directions)
		require(numbers_unsound(&before, flow, segment, reason), segment, flow);
}

/* The first byte: self-connection or not, one direction or both. Then STIR_BYTES a segment. */
int LLVMFuzzerTestOneInput(const __u8 *bytes, size_t size)
{
	struct sw_config config = SW_CONFIG_DEFAULT;
	struct sw_segment segment = { 0 };
	struct sw_flow flow = { 0 };
	__u64 now = SW_NS_PER_S;

	if (!size)
		return 0;
	segment.self = (bytes[0] & 7) == 7;
	config.both_directions = !!(bytes[0] & 8);
	for (bytes++, size--; size >= STIR_BYTES; bytes += STIR_BYTES, size -= STIR_BYTES) {
		now += stir_wait(bytes);
		stir_segment(bytes, &flow, &segment);
		step(&flow, &segment, now, &config);
	}
	return 0;
}
