/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The flows of a running synward, read out of its maps at one moment.
 */
#ifndef SYNWARD_USER_FLOW_TABLE_H
#define SYNWARD_USER_FLOW_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include <synward/flow.h>

#include "model/map_fds.h"

struct sw_flow_filter {
	int state; /* of either end; -1: any */
	int port; /* of either end; -1: any */
	__u64 limit;
};

struct sw_flow_record {
	struct sw_flow_key key;
	struct sw_flow flow;
	bool halfopen; /* from sw_halfopen */
};

struct sw_flow_table {
	struct sw_flow_record *record;
	size_t count, room;
};

/* Called for one entry; 0 or -errno, which ends the walk. */
typedef int (*sw_flow_visit)(void *context, const struct sw_flow_key *key,
			     const struct sw_flow *flow);

/* Every entry of one of the two maps, dead ones too. 0 or -errno. */
int sw_flow_table_walk(int fd, sw_flow_visit visit, void *context);

/* Adds the flows of both maps that are live at now_ns and match. 0 or -errno. */
int sw_flow_table_read(struct sw_flow_table *table, const struct sw_map_fds *maps,
		       const struct sw_flow_filter *filter, __u64 now_ns);

/* The oldest first. */
void sw_flow_table_sort(struct sw_flow_table *table);
void sw_flow_table_free(struct sw_flow_table *table);

/* How many live entries there are in sw_halfopen. 0 or -errno. */
int sw_halfopen_count(int halfopen_fd, __u64 now_ns, __u64 *count);

#endif
