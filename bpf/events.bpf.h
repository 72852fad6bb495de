/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Events for who reads them: nothing is written while nobody does.
 */
#ifndef SYNWARD_EVENTS_BPF_H
#define SYNWARD_EVENTS_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <synward/event.h>

#include "count.bpf.h"
#include "maps.bpf.h"

/* Up to which place there may be somebody who reads. */
static __always_inline __u32 sw_reading_places(void)
{
	__u32 zero = 0, *places = bpf_map_lookup_elem(&sw_reading, &zero);

	return places ? *places : 0;
}

/* A global function: the verifier checks it once. */
__noinline int sw_is_wanted(const struct sw_reader *reader, const struct sw_event *event)
{
	return reader && event && sw_reader_wants(reader, event);
}

/* Stack is scarce on the way to here, so the event is in the work in hand where there is one. */
struct sw_telling {
	struct sw_event *event;
};

static long sw_tell_one(__u32 place, const struct sw_telling *telling)
{
	struct sw_reader *reader = bpf_map_lookup_elem(&sw_readers, &place);
	void *ring;

	if (!reader || !reader->kinds || !sw_is_wanted(reader, telling->event))
		return 0;
	ring = bpf_map_lookup_elem(&sw_reader_rings, &place);
	if (!ring || !bpf_ringbuf_output(ring, telling->event, sizeof(*telling->event), 0))
		return 0;
	__sync_fetch_and_add(&reader->lost, 1);
	sw_count(SW_EVENTS_LOST);
	return 0;
}

static __always_inline void sw_tell_reader(struct sw_event *event)
{
	struct sw_telling telling = { event };
	__u32 places = sw_reading_places();

	if (places)
		bpf_loop(places, sw_tell_one, &telling, 0);
}

#endif
