/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * One record a transition, from the ring buffer sw_events; written only while somebody reads them.
 */
#ifndef SYNWARD_EVENT_H
#define SYNWARD_EVENT_H

#include <synward/flow.h>
#include <synward/stats.h>

enum sw_event_cause {
	SW_EVENT_SEGMENT = 0, /* a segment changed an endpoint's state */
	SW_EVENT_EXPIRED = 1, /* the flow's time was over; before and after are the same */
	SW_EVENT_COOKIES_ON = 2, /* guard: port[0] begins to answer with cookies */
	SW_EVENT_COOKIES_OFF = 3, /* ... and ends; there is no flow and no segment */
	/* guard: `sender` is the family, `seq` its hindrances, `ack` its enum sw_admission from now on */
	SW_EVENT_ADMISSION = 4,
	SW_EVENT_DELETED = 5, /* as SW_EVENT_EXPIRED, but somebody wanted it gone */
};

struct sw_event {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	struct sw_flow_key key;
	enum sw_state before[2]; /* in the key's order */
	enum sw_state after[2];
	__u32 seq, ack, length; /* of the segment */
	__u8 cause; /* enum sw_event_cause */
	__u8 sender; /* index into the key of who sent the segment */
	__u8 flags; /* the segment's TCP control bits */
	__u8 padding[5];
};

_Static_assert(sizeof(struct sw_event) == 72, "no hidden padding");
_Static_assert(offsetof(struct sw_event, seq) == 48, "key and states stand before the segment");

/*
 * A flow that is about to end (ring buffer sw_due): a sweep found that its deadline comes before
 * the next one, or a segment has closed it.
 */
struct sw_due {
	__u64 deadline_ns;
	struct sw_flow_key key;
	__u32 padding;
};

_Static_assert(sizeof(struct sw_due) == 48, "no hidden padding");
_Static_assert(offsetof(struct sw_due, key) == 8, "the key follows the deadline");

#endif
