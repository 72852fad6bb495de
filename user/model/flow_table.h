/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The flows of a running synward at one moment: those that are asked for, each once, in order.
 */
#ifndef SYNWARD_USER_FLOW_TABLE_H
#define SYNWARD_USER_FLOW_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include <synward/flow.h>

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

bool sw_flow_matches(const struct sw_flow_filter *filter, const struct sw_flow_key *key,
		     const struct sw_flow *flow);

/* One record more. 0 or -ENOMEM. */
int sw_flow_table_add(struct sw_flow_table *table, const struct sw_flow_record *record);

/*
 * A flow that proved live between the readings of the two maps has been read in both: of each flow one
 * record stays, that of sw_flows if there is one.
 */
void sw_flow_table_merge(struct sw_flow_table *table);

/* The oldest first. */
void sw_flow_table_sort(struct sw_flow_table *table);
void sw_flow_table_free(struct sw_flow_table *table);

#endif
