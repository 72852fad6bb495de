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

static __always_inline void sw_tell_reader(struct sw_event *event)
{
	__u32 zero = 0, *reader = bpf_map_lookup_elem(&sw_event_reader, &zero);

	if (!reader || !*reader)
		return;
	if (bpf_ringbuf_output(&sw_events, event, sizeof(*event), 0))
		sw_count(SW_EVENTS_LOST);
}

#endif
