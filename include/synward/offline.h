/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the programs leave of each frame when they run offline (tests, replay): the variable
 * offline_result in .bss.
 */
#ifndef SYNWARD_OFFLINE_H
#define SYNWARD_OFFLINE_H

#include <synward/flow.h>
#include <synward/segment.h>
#include <synward/stats.h>

struct sw_offline {
	struct sw_segment segment; /* zero when the frame holds none */
	enum sw_counter reason; /* why the frame or the segment changed nothing, else SW_NONE */
	struct sw_flow before; /* the flow's record before the segment: all zero if it had none */
	struct sw_flow after; /* and after: all zero if it still has none */
};

_Static_assert(sizeof(struct sw_offline) ==
		       sizeof(struct sw_segment) + 4 + 2 * sizeof(struct sw_flow),
	       "no hidden padding");
_Static_assert(offsetof(struct sw_offline, before) == 128, "flows on a boundary of their own");

#endif
