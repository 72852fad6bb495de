// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Batched look-ups over the two flow maps. A flow that moves from one map to the other meanwhile is
 * seen in one of them, in both (once more, newer), or, rarely, in neither.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <synward/state.h>

#include "model/flow_table.h"

#define BATCH 4096

struct batch {
	struct sw_flow_key *keys;
	struct sw_flow *flows;
	__u32 room;
};

static void batch_free(struct batch *batch)
{
	free(batch->keys);
	free(batch->flows);
}

static int batch_grow(struct batch *batch)
{
	batch_free(batch);
	batch->room = batch->room ? 2 * batch->room : BATCH;
	batch->keys = calloc(batch->room, sizeof(*batch->keys));
	batch->flows = calloc(batch->room, sizeof(*batch->flows));
	return batch->keys && batch->flows ? 0 : -ENOMEM;
}

/* The kernel hands over whole hash buckets; -ENOSPC says that one did not fit. */
int sw_flow_table_walk(int fd, sw_flow_visit visit, void *context)
{
	struct batch batch = {};
	__u32 cursor, count, *from = NULL;
	int err = batch_grow(&batch), end = 0;

	while (!err && !end) {
		count = batch.room;
		if (bpf_map_lookup_batch(fd, from, &cursor, batch.keys, batch.flows, &count, NULL))
			end = -errno;
		if (end == -ENOSPC) {
			err = batch_grow(&batch);
			end = 0;
			continue;
		}
		if (end && end != -ENOENT) /* -ENOENT: these are the last */
			err = end;
		for (__u32 i = 0; !err && i < count; i++)
			err = visit(context, &batch.keys[i], &batch.flows[i]);
		from = &cursor;
	}
	batch_free(&batch);
	return err;
}

struct reading {
	struct sw_flow_table *table;
	const struct sw_flow_filter *filter;
	__u64 now_ns;
	bool halfopen;
};

static bool matches(const struct sw_flow_filter *filter, const struct sw_flow_key *key,
		    const struct sw_flow *flow)
{
	const struct sw_endpoint *b = &flow->ep[!sw_key_is_self(key)];

	if (filter->port >= 0 && key->port[0] != filter->port && key->port[1] != filter->port)
		return false;
	return filter->state < 0 || flow->ep[0].state == filter->state || b->state == filter->state;
}

static int add(void *context, const struct sw_flow_key *key, const struct sw_flow *flow)
{
	struct reading *reading = context;
	struct sw_flow_table *table = reading->table;

	if (!sw_flow_here(flow, reading->now_ns) || !matches(reading->filter, key, flow))
		return 0;
	if (table->count == table->room) {
		size_t room = table->room ? 2 * table->room : 1024;
		void *record = reallocarray(table->record, room, sizeof(*table->record));

		if (!record)
			return -ENOMEM;
		table->record = record;
		table->room = room;
	}
	table->record[table->count++] = (struct sw_flow_record){ *key, *flow, reading->halfopen };
	return 0;
}

/* By key; of one flow the record in sw_flows first. */
static int by_key(const void *a, const void *b)
{
	const struct sw_flow_record *one = a, *other = b;
	int order = memcmp(&one->key, &other->key, sizeof(one->key));

	return order ?: one->halfopen - other->halfopen;
}

/* A flow that proved live between the two readings has been read in both maps. */
static void drop_promoted(struct sw_flow_table *table)
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

/* Half-open first: a flow promoted meanwhile is then read twice, and not missed. */
int sw_flow_table_read(struct sw_flow_table *table, const struct sw_map_fds *maps,
		       const struct sw_flow_filter *filter, __u64 now_ns)
{
	struct reading reading = { table, filter, now_ns, true };
	int err = sw_flow_table_walk(maps->halfopen, add, &reading);

	reading.halfopen = false;
	err = err ?: sw_flow_table_walk(maps->flows, add, &reading);
	drop_promoted(table);
	return err;
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

struct counting {
	__u64 now_ns, count;
};

static int count_live(void *context, const struct sw_flow_key *key, const struct sw_flow *flow)
{
	struct counting *counting = context;

	(void)key;
	counting->count += sw_flow_here(flow, counting->now_ns);
	return 0;
}

int sw_halfopen_count(int halfopen_fd, __u64 now_ns, __u64 *count)
{
	struct counting counting = { .now_ns = now_ns };
	int err = sw_flow_table_walk(halfopen_fd, count_live, &counting);

	*count = counting.count;
	return err;
}
