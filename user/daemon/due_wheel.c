// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Tick t stands in slot t mod SW_WHEEL_SLOTS and comes out when it is over: never before a
 * deadline, at most one tick after it.
 */
#include <errno.h>
#include <stdlib.h>

#include "daemon/due_wheel.h"

#define TICK_NS 25000000ULL

void sw_due_wheel_init(struct sw_due_wheel *wheel, __u64 now_ns)
{
	*wheel = (struct sw_due_wheel){ .tick = now_ns / TICK_NS };
}

static void empty(struct sw_due_slot *slot)
{
	free(slot->due);
	*slot = (struct sw_due_slot){};
}

void sw_due_wheel_free(struct sw_due_wheel *wheel)
{
	for (size_t i = 0; i < SW_WHEEL_SLOTS; i++)
		empty(&wheel->slot[i]);
}

static struct sw_due_slot *slot_of(struct sw_due_wheel *wheel, __u64 tick)
{
	return &wheel->slot[tick % SW_WHEEL_SLOTS];
}

int sw_due_wheel_push(struct sw_due_wheel *wheel, const struct sw_due *due)
{
	__u64 tick = due->deadline_ns / TICK_NS;
	struct sw_due_slot *slot;

	if (tick < wheel->tick)
		tick = wheel->tick;
	if (tick >= wheel->tick + SW_WHEEL_SLOTS)
		tick = wheel->tick + SW_WHEEL_SLOTS - 1;
	slot = slot_of(wheel, tick);
	if (slot->count == slot->room) {
		size_t room = slot->room ? 2 * slot->room : 16;
		void *list = reallocarray(slot->due, room, sizeof(*slot->due));

		if (!list)
			return -ENOMEM;
		slot->due = list;
		slot->room = room;
	}
	slot->due[slot->count++] = *due;
	return 0;
}

bool sw_due_wheel_pop(struct sw_due_wheel *wheel, __u64 now_ns, struct sw_due *due)
{
	for (; (wheel->tick + 1) * TICK_NS <= now_ns; wheel->tick++) {
		struct sw_due_slot *slot = slot_of(wheel, wheel->tick);

		if (slot->count) {
			*due = slot->due[--slot->count];
			return true;
		}
		empty(slot);
	}
	return false;
}

__u64 sw_due_wheel_next_ns(const struct sw_due_wheel *wheel)
{
	for (__u64 tick = wheel->tick; tick < wheel->tick + SW_WHEEL_SLOTS; tick++)
		if (wheel->slot[tick % SW_WHEEL_SLOTS].count)
			return (tick + 1) * TICK_NS;
	return ~0ULL;
}

void sw_due_wheel_forget_after(struct sw_due_wheel *wheel, __u64 limit_ns)
{
	__u64 tick = limit_ns / TICK_NS;

	if (tick < wheel->tick)
		tick = wheel->tick;
	for (; tick < wheel->tick + SW_WHEEL_SLOTS; tick++)
		empty(slot_of(wheel, tick));
}
