/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The tracker in user space: records of flows in an array, by key, with the state model applied to
 * them as the programs apply it. A segment that may not begin a flow leaves no record.
 */
#ifndef SYNWARD_TESTS_TABLE_H
#define SYNWARD_TESTS_TABLE_H

#include <synward/state.h>

#define TABLE_FLOWS 16

struct table {
	struct sw_config config;
	int count;
	struct {
		struct sw_flow_key key;
		struct sw_flow flow;
	} record[TABLE_FLOWS];
};

/* A step's outcome: what struct sw_offline says of a frame that held a segment. */
struct outcome {
	enum sw_counter reason;
	struct sw_flow before, after; /* all zero: no record */
};

void table_init(struct table *table, const struct sw_config *config);
struct sw_flow *table_find(struct table *table, const struct sw_flow_key *key);
void table_apply(struct table *table, const struct sw_segment *segment, __u64 now,
		 struct outcome *outcome);

#endif
