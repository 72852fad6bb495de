// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The interfaces stand in the tracker's array in the order: those that stay, those that are new, those
 * that leave. What the array has of each moves with it.
 */
#include <errno.h>
#include <string.h>

#include "host/detach.h"
#include "host/tracker_change.h"
#include "text/report.h"

static void swap(struct sw_tracker *tracker, size_t a, size_t b)
{
	static struct sw_iface_state iface;
	struct sw_settled settled = tracker->settled[a];

	iface = tracker->iface[a];
	tracker->iface[a] = tracker->iface[b];
	tracker->iface[b] = iface;
	tracker->settled[a] = tracker->settled[b];
	tracker->settled[b] = settled;
}

static bool is_named(char *const *names, const char *name)
{
	if (!names)
		return true;
	for (; *names; names++)
		if (!strcmp(*names, name))
			return true;
	return false;
}

static bool has(const struct sw_tracker *tracker, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(tracker->iface[i].name, name))
			return true;
	return false;
}

/* Opens it behind all others. */
static int add(struct sw_tracker *tracker, const char *name)
{
	struct sw_iface_state *iface = &tracker->iface[tracker->count];
	int err;

	if (tracker->count == SW_IFACES_MAX)
		return sw_fail(0, NULL, "handle more than %d interfaces", SW_IFACES_MAX);
	err = sw_iface_open(name, iface);
	if (err)
		return err;
	tracker->settled[tracker->count++] = (struct sw_settled){};
	if (iface->daemon)
		return sw_fail(0, NULL, "take %s: process %d serves it", name, iface->daemon);
	return 0;
}

static void close_new(struct sw_tracker *tracker, size_t known)
{
	while (tracker->count > known)
		sw_iface_close(&tracker->iface[--tracker->count]);
}

/* Those that leave stand last among the known; the new ones go before them. */
static void order(struct sw_tracker *tracker, size_t known, struct sw_tracker_change *change)
{
	size_t fresh = tracker->count - known;

	for (size_t i = 0; i < fresh; i++)
		for (size_t at = known + i; at > change->stay + i; at--)
			swap(tracker, at, at - 1);
	tracker->count = change->stay + fresh;
}

int sw_tracker_change(struct sw_tracker *tracker, char *const *names,
		      struct sw_tracker_change *change)
{
	size_t known = tracker->count;
	int err = 0;

	*change = (struct sw_tracker_change){};
	for (size_t i = 0; i < known; i++)
		if (is_named(names, tracker->iface[i].name))
			swap(tracker, i, change->stay++);
	change->leave = known - change->stay;
	for (; !err && names && *names; names++)
		if (!has(tracker, tracker->count, *names))
			err = add(tracker, *names);
	if (err)
		close_new(tracker, known);
	else
		order(tracker, known, change);
	return err;
}

void sw_tracker_change_undo(struct sw_tracker *tracker, const struct sw_tracker_change *change)
{
	size_t fresh = tracker->count - change->stay;

	for (size_t i = 0; i < change->leave; i++)
		for (size_t at = tracker->count + i; at > change->stay + i; at--)
			swap(tracker, at, at - 1);
	tracker->count += change->leave;
	close_new(tracker, tracker->count - fresh);
}

void sw_tracker_change_end(struct sw_tracker *tracker, const struct sw_tracker_change *change)
{
	for (size_t i = change->stay; i < tracker->count; i++)
		sw_say("%s is tracked, too", tracker->iface[i].name);
	for (size_t i = 0; i < change->leave; i++) {
		struct sw_iface_state *iface = &tracker->iface[tracker->count + i];

		if (!sw_iface_look_again(iface))
			sw_iface_detach(iface);
		sw_say("%s is not tracked any more", iface->name);
		sw_iface_close(iface);
	}
}
