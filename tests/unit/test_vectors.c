// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The conformance vectors through parser and state model in user space.
 */
#include "frame.h"
#include "unit.h"
#include "vectors.h"

static void reset(void *context, const struct sw_config *config)
{
	table_init(context, config);
}

static void take_frame(void *context, const __u8 *bytes, size_t size, __u64 now,
		       struct sw_segment *segment, struct outcome *outcome)
{
	memset(outcome, 0, sizeof(*outcome));
	outcome->reason = frame_parse(bytes, size, size, segment);
	if (!outcome->reason)
		table_apply(context, segment, now, outcome);
}

static bool find(void *context, const struct sw_flow_key *key, struct sw_flow *flow)
{
	const struct sw_flow *found = table_find(context, key);

	if (found)
		*flow = *found;
	return found;
}

static void vector_is_as_expected(void **state)
{
	static struct table table;
	const struct frame_backend backend = { reset, take_frame, find, &table };

	vector_run(*state, &backend);
}

int test_vectors(void)
{
	return vectors_run("vectors", vector_is_as_expected);
}
