// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The lock of a place is its reader's, so a place that is in use and not locked is that of one who died.
 * Places are taken and left under the lock of setting up, so that sw_reading is right.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/event_reader.h"
#include "text/report.h"

/* Within a network namespace the name is that of one place. */
static void lock_name(const struct sw_maps *maps, __u32 place, char name[SW_LOCK_NAME])
{
	snprintf(name, SW_LOCK_NAME, "events/%u/%u", sw_maps_id(maps, "sw_readers"), place);
}

static int try_lock(const struct sw_maps *maps, __u32 place, struct sw_lock *lock)
{
	char name[SW_LOCK_NAME];

	lock_name(maps, place, name);
	return sw_lock_try(name, lock);
}

static bool in_use(const struct sw_maps *maps, __u32 place)
{
	struct sw_reader reader = {};

	bpf_map_lookup_elem(sw_maps_fd(maps, "sw_readers"), &place, &reader);
	return reader.kinds;
}

/* No event is written from here on, and the ring buffer goes. */
static void clear(const struct sw_maps *maps, __u32 place)
{
	static const struct sw_reader nobody;

	bpf_map_update_elem(sw_maps_fd(maps, "sw_readers"), &place, &nobody, BPF_ANY);
	bpf_map_delete_elem(sw_maps_fd(maps, "sw_reader_rings"), &place);
}

static void clear_dead(const struct sw_maps *maps)
{
	struct sw_lock lock;

	for (__u32 place = 0; place < SW_READERS_MAX; place++) {
		if (!in_use(maps, place) || try_lock(maps, place, &lock))
			continue;
		clear(maps, place);
		sw_lock_release(&lock);
	}
}

static int count_places(const struct sw_maps *maps)
{
	__u32 places = SW_READERS_MAX, zero = 0;

	while (places && !in_use(maps, places - 1))
		places--;
	return bpf_map_update_elem(sw_maps_fd(maps, "sw_reading"), &zero, &places, BPF_ANY) ? -errno
											    : 0;
}

static int find_place(struct sw_event_reader *reader)
{
	int err = -EBUSY;

	for (__u32 place = 0; err == -EBUSY && place < SW_READERS_MAX; place++) {
		reader->place = place;
		err = try_lock(reader->maps, place, &reader->lock);
	}
	if (err == -EBUSY)
		return sw_fail(0, NULL, "read events: %d others do", SW_READERS_MAX);
	return err ? sw_fail(err, NULL, "lock a place among those who read events") : 0;
}

/* The ring buffer is there before the first event is wanted. */
static int take_place(struct sw_event_reader *reader, int ring_fd, const struct sw_event_wish *wish)
{
	struct sw_reader mine = { .kinds = wish->kinds, .filter = wish->filter };
	__u32 place = reader->place;
	int err = 0;

	if (bpf_map_update_elem(sw_maps_fd(reader->maps, "sw_reader_rings"), &place, &ring_fd,
				BPF_ANY) ||
	    bpf_map_update_elem(sw_maps_fd(reader->maps, "sw_readers"), &place, &mine, BPF_ANY))
		err = -errno;
	err = err ?: count_places(reader->maps);
	return err ? sw_fail(err, NULL, "ask the data path for events") : 0;
}

int sw_event_reader_open(struct sw_event_reader *reader, const struct sw_maps *maps,
			 const struct sw_event_wish *wish, ring_buffer_sample_fn take,
			 void *context)
{
	int fd, err;

	*reader = (struct sw_event_reader){ .maps = maps, .lock = SW_LOCK_NONE };
	if (sw_maps_fd(maps, "sw_reader_rings") < 0)
		return sw_fail(0, "It has no place for who reads them", "read the events");
	fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "sw_event_ring", 0, 0, SW_EVENT_RING_BYTES, NULL);
	reader->ring = fd < 0 ? NULL : ring_buffer__new(fd, take, context, NULL);
	if (!reader->ring) {
		err = sw_fail(-errno, NULL, "make a ring buffer for events");
	} else {
		err = sw_lock_setup();
		if (!err) {
			clear_dead(maps);
			err = find_place(reader) ?: take_place(reader, fd, wish);
			sw_lock_release_setup();
		}
	}
	if (fd >= 0)
		close(fd); /* ring_buffer__new() has mapped it, and the place holds it */
	return err;
}

int sw_event_reader_poll(struct sw_event_reader *reader, int timeout_ms, __u64 *lost)
{
	int err = ring_buffer__poll(reader->ring, timeout_ms);
	__u32 place = reader->place;
	struct sw_reader mine;

	*lost = 0;
	if (err < 0 && err != -EINTR)
		return err;
	if (!bpf_map_lookup_elem(sw_maps_fd(reader->maps, "sw_readers"), &place, &mine)) {
		*lost = mine.lost - reader->lost;
		reader->lost = mine.lost;
	}
	return 0;
}

void sw_event_reader_close(struct sw_event_reader *reader)
{
	bool locked = sw_lock_is_held(&reader->lock);

	ring_buffer__free(reader->ring);
	if (!locked || sw_lock_setup())
		return;
	clear(reader->maps, reader->place);
	count_places(reader->maps);
	sw_lock_release(&reader->lock);
	sw_lock_release_setup();
}
