/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * To read events, as one of many: a place, with a filter that the data path applies, and a ring buffer of
 * its own there. A place goes with its process: who was killed leaves one that the next reader clears.
 */
#ifndef SYNWARD_USER_EVENT_READER_H
#define SYNWARD_USER_EVENT_READER_H

#include <bpf/libbpf.h>

#include <synward/event.h>

#include "host/lock.h"
#include "host/maps.h"

struct sw_event_reader {
	const struct sw_maps *maps;
	struct sw_lock lock;
	__u32 place;
	__u64 lost; /* so many of its events were, when it last looked */
	struct ring_buffer *ring;
};

/* Of `kinds` (bit n: enum sw_event_kind), and as far as they are of a flow, of those of the filter. */
struct sw_event_wish {
	__u32 kinds;
	struct sw_filter filter;
};

/* From here on events come to `take`. 0 or -errno, reported; close it in either case. */
int sw_event_reader_open(struct sw_event_reader *reader, const struct sw_maps *maps,
			 const struct sw_event_wish *wish, ring_buffer_sample_fn take,
			 void *context);

/* Waits for events and takes them. *lost: so many more were lost. 0, what `take` returned, or -errno. */
int sw_event_reader_poll(struct sw_event_reader *reader, int timeout_ms, __u64 *lost);
void sw_event_reader_close(struct sw_event_reader *reader);

#endif
