/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The flows of a running synward at one moment: those that are asked for, each once, in order.
 */
#ifndef SYNWARD_USER_FLOW_TABLE_H
#define SYNWARD_USER_FLOW_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include <synward/filter.h>

struct sw_flow_record {
	struct sw_flow_key key;
	struct sw_flow flow;
	bool halfopen; /* from sw_halfopen */
};

/* Records never move: to copy half a million while the list grows took as long as to read them. */
#define SW_FLOW_CHUNK_SHIFT 17 /* nine large pages of 2 MiB */

struct sw_flow_table {
	struct sw_flow_record **chunk;
	size_t count, chunks;

	/* Records by key: 1 + their number in the list, 0 free; open addressing. */
	__u32 *index;
	size_t indexed, index_room; /* a power of two */
};

/* Number 0 to count - 1. */
static inline struct sw_flow_record *sw_flow_table_at(const struct sw_flow_table *table,
						      size_t number)
{
	return &table->chunk[number >> SW_FLOW_CHUNK_SHIFT]
			    [number & ((1U << SW_FLOW_CHUNK_SHIFT) - 1)];
}

bool sw_flow_matches(const struct sw_filter *filter, const struct sw_flow_key *key,
		     const struct sw_flow *flow);

/*
 * One record more. A flow that proved live between the readings of the two maps is read in both: of each
 * flow one record stays, that of sw_flows if there is one. Half-open records come first, therefore, and
 * where there is something from an earlier reading, sw_flow_table_remember() before. 0 or -ENOMEM.
 */
int sw_flow_table_add(struct sw_flow_table *table, const struct sw_flow_record *record);
int sw_flow_table_remember(struct sw_flow_table *table);

enum sw_flow_order {
	SW_ORDER_AGE = 0, /* the oldest first */
	SW_ORDER_BYTES, /* of both ends, the most first */
	SW_ORDER_PACKETS,
	SW_ORDER_LEFT, /* what is to be forgotten next first */
	SW_ORDER_PORT, /* the responder's, the lowest first */
};

/*
 * The first of the records in that order, or the other way round: *count (in: at most; out: how many)
 * numbers of records, to be freed by the caller. NULL if there is no memory.
 */
__u32 *sw_flow_table_order(const struct sw_flow_table *table, enum sw_flow_order order,
			   bool reverse, size_t *count);

void sw_flow_table_free(struct sw_flow_table *table);

#endif
