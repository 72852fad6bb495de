/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Flows by their deadline, to the next tick of 25 ms: a wheel of slots, each a plain list. Putting
 * one in and taking one out cost the same however many there are.
 */
#ifndef SYNWARD_USER_DUE_WHEEL_H
#define SYNWARD_USER_DUE_WHEEL_H

#include <stdbool.h>
#include <stddef.h>

#include <synward/event.h>

#define SW_WHEEL_SLOTS 1024 /* 25.6 s */

struct sw_due_wheel {
	__u64 tick; /* the earliest that may hold flows */
	struct sw_due_slot {
		struct sw_due *due;
		size_t count, room;
	} slot[SW_WHEEL_SLOTS];
};

/* An empty wheel that begins at now_ns. */
void sw_due_wheel_init(struct sw_due_wheel *wheel, __u64 now_ns);
void sw_due_wheel_free(struct sw_due_wheel *wheel);

/* What lies beyond the wheel comes out at its end. 0 or -ENOMEM. */
int sw_due_wheel_push(struct sw_due_wheel *wheel, const struct sw_due *due);

/* Takes out one flow whose time has come, in no order within its tick; false if there is none. */
bool sw_due_wheel_pop(struct sw_due_wheel *wheel, __u64 now_ns, struct sw_due *due);

/* When the next flow comes out; the largest number if the wheel is empty. */
__u64 sw_due_wheel_next_ns(const struct sw_due_wheel *wheel);

/* Forgets what comes out after limit_ns. */
void sw_due_wheel_forget_after(struct sw_due_wheel *wheel, __u64 limit_ns);

#endif
