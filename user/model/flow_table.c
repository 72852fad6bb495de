// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Records in a list that grows. Pure: the maps are read in flow_maps.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/flow_table.h"

bool sw_flow_matches(const struct sw_flow_filter *filter, const struct sw_flow_key *key,
		     const struct sw_flow *flow)
{
	const struct sw_endpoint *b = &flow->ep[!sw_key_is_self(key)];

	if (filter->port >= 0 && key->port[0] != filter->port && key->port[1] != filter->port)
		return false;
	return filter->state < 0 || flow->ep[0].state == filter->state || b->state == filter->state;
}

int sw_flow_table_add(struct sw_flow_table *table, const struct sw_flow_record *record)
{
	if (table->count == table->room) {
		size_t room = table->room ? 2 * table->room : 1024;
		void *list = reallocarray(table->record, room, sizeof(*table->record));

		if (!list)
			return -ENOMEM;
		table->record = list;
		table->room = room;
	}
	table->record[table->count++] = *record;
	return 0;
}

/* By key; of one flow the record in sw_flows first. */
static int by_key(const void *a, const void *b)
{
	const struct sw_flow_record *one = a, *other = b;
	int order = memcmp(&one->key, &other->key, sizeof(one->key));

	return order ?: one->halfopen - other->halfopen;
}

void sw_flow_table_merge(struct sw_flow_table *table)
{
	size_t kept = 0;

	if (table->count)
		qsort(table->record, table->count, sizeof(*table->record), by_key);
	for (size_t i = 0; i < table->count; i++) {
		const struct sw_flow_key *last = kept ? &table->record[kept - 1].key : NULL;

		if (!last || memcmp(last, &table->record[i].key, sizeof(*last)))
			table->record[kept++] = table->record[i];
	}
	table->count = kept;
}

static int older(const void *a, const void *b)
{
	__u64 start_a = ((const struct sw_flow_record *)a)->flow.start_ns;
	__u64 start_b = ((const struct sw_flow_record *)b)->flow.start_ns;

	return start_a < start_b ? -1 : start_a > start_b;
}

void sw_flow_table_sort(struct sw_flow_table *table)
{
	if (table->count)
		qsort(table->record, table->count, sizeof(*table->record), older);
}

void sw_flow_table_free(struct sw_flow_table *table)
{
	free(table->record);
	*table = (struct sw_flow_table){};
}
