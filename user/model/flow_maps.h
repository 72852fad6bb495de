/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Reading the two flow maps.
 */
#ifndef SYNWARD_USER_FLOW_MAPS_H
#define SYNWARD_USER_FLOW_MAPS_H

#include "model/flow_table.h"
#include "model/map_fds.h"

/* Called for one entry; 0 or -errno, which ends the walk. */
typedef int (*sw_flow_visit)(void *context, const struct sw_flow_key *key,
			     const struct sw_flow *flow);

/* Every entry of one of the two maps, dead ones too. 0 or -errno. */
int sw_flow_table_walk(int fd, sw_flow_visit visit, void *context);

/* Adds the flows of both maps that are live at now_ns and match. 0 or -errno. */
int sw_flow_table_read(struct sw_flow_table *table, const struct sw_map_fds *maps,
		       const struct sw_filter *filter, __u64 now_ns);

/* How many live entries there are in sw_halfopen. 0 or -errno. */
int sw_halfopen_count(int halfopen_fd, __u64 now_ns, __u64 *count);

#endif
