/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#ifndef SYNWARD_TESTS_STEP_H
#define SYNWARD_TESTS_STEP_H

#include <synward/state.h>

/* sw_flow_step(), built once: wherever it is inlined, gcc works for seconds. */
enum sw_counter flow_step(struct sw_flow *flow, const struct sw_segment *segment, __u64 now,
			  const struct sw_config *config);

#endif
