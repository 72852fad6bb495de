// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Records in a list that grows. Pure: the maps are read in flow_maps.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "model/flow_table.h"

bool sw_flow_matches(const struct sw_filter *filter, const struct sw_flow_key *key,
		     const struct sw_flow *flow)
{
	const enum sw_state states[2] = { flow->ep[0].state, flow->ep[1].state };

	return sw_filter_matches(filter, key, flow->originator, states);
}

/* --- Each flow once ------------------------------------------------------------------------- */

/* FNV-1a over the words of the key; then each bit reaches the lowest ones, where keys that differ by a port must differ. */
static size_t hash(const struct sw_flow_key *key)
{
	__u64 mixed = 0xcbf29ce484222325ULL;
	__u32 word[sizeof(*key) / sizeof(__u32)];

	memcpy(word, key, sizeof(word));
	for (size_t i = 0; i < sizeof(word) / sizeof(word[0]); i++)
		mixed = (mixed ^ word[i]) * 0x100000001b3ULL;
	mixed = (mixed ^ mixed >> 32) * 0x9e3779b97f4a7c15ULL;
	return (size_t)(mixed ^ mixed >> 32);
}

/* Where the flow stands in the index, or where it would. */
static __u32 *place(const struct sw_flow_table *table, const struct sw_flow_key *key)
{
	size_t at = hash(key) & (table->index_room - 1);

	while (table->index[at] &&
	       memcmp(&sw_flow_table_at(table, table->index[at] - 1)->key, key, sizeof(*key)))
		at = (at + 1) & (table->index_room - 1);
	return &table->index[at];
}

/* Room for one more, half of it free. */
static int grow_index(struct sw_flow_table *table)
{
	__u32 *old = table->index;
	size_t room = table->index_room;

	if (2 * (table->indexed + 1) <= room)
		return 0;
	table->index_room = room ? 2 * room : 1024;
	table->index = calloc(table->index_room, sizeof(*table->index));
	if (!table->index) {
		table->index = old;
		table->index_room = room;
		return -ENOMEM;
	}
	for (size_t i = 0; i < room; i++)
		if (old[i])
			*place(table, &sw_flow_table_at(table, old[i] - 1)->key) = old[i];
	free(old);
	return 0;
}

static int remember(struct sw_flow_table *table, size_t number)
{
	int err = grow_index(table);
	__u32 *at;

	if (err)
		return err;
	at = place(table, &sw_flow_table_at(table, number)->key);
	table->indexed += !*at;
	*at = (__u32)number + 1;
	return 0;
}

int sw_flow_table_remember(struct sw_flow_table *table)
{
	int err = 0;

	for (size_t i = 0; !err && i < table->count; i++)
		err = remember(table, i);
	return err;
}

#define CHUNK_BYTES (sizeof(struct sw_flow_record) << SW_FLOW_CHUNK_SHIFT)

/* Half the time for a large table would be page faults: large pages make few of them. */
static int add_chunk(struct sw_flow_table *table)
{
	void *list = reallocarray(table->chunk, table->chunks + 1, sizeof(*table->chunk)), *chunk;

	if (!list)
		return -ENOMEM;
	table->chunk = list;
	chunk = mmap(NULL, CHUNK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (chunk == MAP_FAILED)
		return -ENOMEM;
	madvise(chunk, CHUNK_BYTES, MADV_HUGEPAGE);
	table->chunk[table->chunks++] = chunk;
	return 0;
}

static int append(struct sw_flow_table *table, const struct sw_flow_record *record)
{
	int err = 0;

	if (table->count == table->chunks << SW_FLOW_CHUNK_SHIFT)
		err = add_chunk(table);
	if (err)
		return err;
	*sw_flow_table_at(table, table->count++) = *record;
	return record->halfopen ? remember(table, table->count - 1) : 0;
}

int sw_flow_table_add(struct sw_flow_table *table, const struct sw_flow_record *record)
{
	__u32 known = table->indexed ? *place(table, &record->key) : 0;

	if (!known)
		return append(table, record);
	if (!record->halfopen)
		*sw_flow_table_at(table, known - 1) = *record;
	return 0;
}

/* --- In order ------------------------------------------------------------------------------- */

/* What a record is sorted by: the lowest comes first. Records are large, and stay where they are. */
struct rank {
	__u64 value;
	__u32 number;
};

static __u64 value_of(const struct sw_flow_record *record, enum sw_flow_order order)
{
	const struct sw_flow *flow = &record->flow;

	switch (order) {
	case SW_ORDER_BYTES:
		return ~sw_flow_bytes(&record->key, flow);
	case SW_ORDER_PACKETS:
		return ~sw_flow_packets(&record->key, flow);
	case SW_ORDER_LEFT:
		return flow->deadline_ns;
	case SW_ORDER_PORT:
		return record->key.port[!flow->originator];
	default:
		return flow->start_ns;
	}
}

static int by_value(const void *a, const void *b)
{
	const struct rank *one = a, *other = b;

	if (one->value != other->value)
		return one->value < other->value ? -1 : 1;
	return one->number < other->number ? -1 : 1;
}

static void take_first(const struct rank *rank, __u32 *number, size_t count)
{
	for (size_t i = 0; i < count; i++)
		number[i] = rank[i].number;
}

__u32 *sw_flow_table_order(const struct sw_flow_table *table, enum sw_flow_order order,
			   bool reverse, size_t *count)
{
	size_t wanted = *count < table->count ? *count : table->count;
	struct rank *rank = calloc(table->count + 1, sizeof(*rank));
	__u32 *number = calloc(wanted + 1, sizeof(*number));

	*count = wanted;
	if (rank && number) {
		for (size_t i = 0; i < table->count; i++) {
			__u64 value = value_of(sw_flow_table_at(table, i), order);

			rank[i] = (struct rank){ reverse ? ~value : value, (__u32)i };
		}
		qsort(rank, table->count, sizeof(*rank), by_value);
		take_first(rank, number, wanted);
	}
	if (!rank) {
		free(number);
		number = NULL;
	}
	free(rank);
	return number;
}

void sw_flow_table_free(struct sw_flow_table *table)
{
	while (table->chunks)
		munmap(table->chunk[--table->chunks], CHUNK_BYTES);
	free(table->chunk);
	free(table->index);
	*table = (struct sw_flow_table){};
}
