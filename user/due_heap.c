// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A binary heap in an array: the children of n are 2n + 1 and 2n + 2, none earlier than n.
 */
#include <errno.h>
#include <stdlib.h>

#include "due_heap.h"

static int make_room(struct sw_due_heap *heap)
{
	size_t room = heap->room ? 2 * heap->room : 1024;
	struct sw_due *due = reallocarray(heap->due, room, sizeof(*due));

	if (!due)
		return -ENOMEM;
	heap->due = due;
	heap->room = room;
	return 0;
}

int sw_due_heap_push(struct sw_due_heap *heap, const struct sw_due *due)
{
	size_t hole = heap->count;

	if (heap->count == heap->room && make_room(heap))
		return -ENOMEM;
	heap->count++;
	while (hole && heap->due[(hole - 1) / 2].deadline_ns > due->deadline_ns) {
		heap->due[hole] = heap->due[(hole - 1) / 2];
		hole = (hole - 1) / 2;
	}
	heap->due[hole] = *due;
	return 0;
}

/* Puts *due where it belongs at or below the hole. */
static void sink(struct sw_due_heap *heap, size_t hole, const struct sw_due *due)
{
	size_t child;

	while ((child = 2 * hole + 1) < heap->count) {
		if (child + 1 < heap->count &&
		    heap->due[child + 1].deadline_ns < heap->due[child].deadline_ns)
			child++;
		if (due->deadline_ns <= heap->due[child].deadline_ns)
			break;
		heap->due[hole] = heap->due[child];
		hole = child;
	}
	heap->due[hole] = *due;
}

struct sw_due sw_due_heap_pop(struct sw_due_heap *heap)
{
	struct sw_due first = heap->due[0], last = heap->due[--heap->count];

	if (heap->count)
		sink(heap, 0, &last);
	return first;
}

void sw_due_heap_keep_before(struct sw_due_heap *heap, __u64 limit_ns)
{
	size_t kept = 0;

	for (size_t i = 0; i < heap->count; i++)
		if (heap->due[i].deadline_ns < limit_ns)
			heap->due[kept++] = heap->due[i];
	heap->count = kept;
	for (size_t parent = kept / 2; parent-- > 0;) {
		struct sw_due due = heap->due[parent];

		sink(heap, parent, &due);
	}
}

void sw_due_heap_free(struct sw_due_heap *heap)
{
	free(heap->due);
	*heap = (struct sw_due_heap){};
}
