/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Flows by their deadline, the earliest first: a binary heap.
 */
#ifndef SYNWARD_USER_DUE_HEAP_H
#define SYNWARD_USER_DUE_HEAP_H

#include <stddef.h>

#include <synward/event.h>

struct sw_due_heap {
	struct sw_due *due; /* due[0] is the earliest */
	size_t count, room;
};

/* 0 or -ENOMEM. */
int sw_due_heap_push(struct sw_due_heap *heap, const struct sw_due *due);

/* Removes the earliest; the heap must not be empty. */
struct sw_due sw_due_heap_pop(struct sw_due_heap *heap);

/* Forgets what is not before limit_ns. */
void sw_due_heap_keep_before(struct sw_due_heap *heap, __u64 limit_ns);

/* Forgets all, frees all. */
void sw_due_heap_free(struct sw_due_heap *heap);

#endif
