// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "step.h"

enum sw_counter flow_step(struct sw_flow *flow, const struct sw_segment *segment, __u64 now,
			  const struct sw_config *config)
{
	return sw_flow_step(flow, segment, now, config);
}
