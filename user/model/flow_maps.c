// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Batched look-ups over the two flow maps. A flow that moves from one map to the other meanwhile is
 * seen in one of them, in both (once more, newer), or, rarely, in neither.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>

#include <synward/state.h>

#include "model/flow_maps.h"

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
	const struct sw_filter *filter;
	__u64 now_ns;
	bool halfopen;
};

static int add(void *context, const struct sw_flow_key *key, const struct sw_flow *flow)
{
	const struct reading *reading = context;

	if (!sw_flow_here(flow, reading->now_ns) || !sw_flow_matches(reading->filter, key, flow))
		return 0;
	return sw_flow_table_add(reading->table,
				 &(struct sw_flow_record){ *key, *flow, reading->halfopen });
}

/* Half-open first: a flow promoted meanwhile is then read twice, and not missed. */
int sw_flow_table_read(struct sw_flow_table *table, const struct sw_map_fds *maps,
		       const struct sw_filter *filter, __u64 now_ns)
{
	struct reading reading = { table, filter, now_ns, true };
	int err =
		sw_flow_table_remember(table) ?: sw_flow_table_walk(maps->halfopen, add, &reading);

	reading.halfopen = false;
	return err ?: sw_flow_table_walk(maps->flows, add, &reading);
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
