/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * One record a transition, for each who reads events and wants this one; nothing is written while nobody
 * does.
 */
#ifndef SYNWARD_EVENT_H
#define SYNWARD_EVENT_H

#include <synward/filter.h>
#include <synward/flow.h>
#include <synward/segment.h>
#include <synward/stats.h>

enum sw_event_cause {
	SW_EVENT_SEGMENT = 0, /* a segment changed an endpoint's state */
	SW_EVENT_EXPIRED = 1, /* the flow's time was over; before and after are the same */
	SW_EVENT_COOKIES_ON = 2, /* guard: port[0] begins to answer with cookies */
	SW_EVENT_COOKIES_OFF = 3, /* ... and ends; there is no flow and no segment */
	/* guard: `sender` is the family, `seq` its hindrances, `ack` its enum sw_admission from now on */
	SW_EVENT_ADMISSION = 4,
	/* guard: port[0] lost connections in the family `sender`; `ack` is its enum sw_stand from now on */
	SW_EVENT_RETREAT = 5,
	SW_EVENT_DELETED = 6, /* as SW_EVENT_EXPIRED, but somebody wanted it gone */
	/* programs are not where they were put: the interface's name is in key.addr[0], SW_HOOK_* in `flags` */
	SW_EVENT_HOOK_LOST = 7,
	SW_EVENT_COOKIE_REJECTED = 8, /* guard: a segment of `sender` bore a wrong cookie */
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
	__u8 originator; /* index into the key */
	__u8 padding[4];
};

#define SW_HOOK_INGRESS 1
#define SW_HOOK_EGRESS  2
#define SW_HOOK_ADMIT   4

_Static_assert(sizeof(struct sw_event) == 72, "no hidden padding");
_Static_assert(offsetof(struct sw_event, seq) == 48, "key and states stand before the segment");

/*
 * What an event tells, as people ask for it: X(ID, name, help). An event is of several kinds at once:
 * besides these, of one for each state that an end came into, whose bit is the state's number.
 */
#define SW_EVENT_KINDS(X)                                                                    \
	X(NEW, new, "a flow begins")                                                         \
	X(RESET, reset, "a flow is closed by a RST")                                         \
	X(EXPIRED, expired, "a flow is removed at its deadline")                             \
	X(DELETED, deleted, "a flow is removed by `synward flows --delete`")                 \
	X(COOKIES_ON, cookies_on, "guard: a port begins to answer SYNs with cookies")        \
	X(COOKIES_OFF, cookies_off, "guard: a port ends to answer SYNs with cookies")        \
	X(ADMISSION, admission, "guard: connections of a family are admitted another way")   \
	X(HOOK_LOST, hook_lost, "programs were taken off an interface, or it is gone")       \
	X(COOKIE_REJECTED, cookie_rejected, "guard: a wrong cookie; told only if asked for") \
	X(RETREAT, retreat, "guard: a port that loses connections falls back, or is back")

enum sw_event_kind {
	SW_KIND_OF_STATES = SW_STATES - 1,
#define SW_EVENT_KIND(id, name, help) SW_KIND_##id,
	SW_EVENT_KINDS(SW_EVENT_KIND)
#undef SW_EVENT_KIND
	SW_KINDS
};

_Static_assert(SW_KINDS <= 32, "a bit each");

SW_INLINE bool sw_event_is_of_flow(const struct sw_event *event)
{
	return event->cause == SW_EVENT_SEGMENT || event->cause == SW_EVENT_EXPIRED ||
	       event->cause == SW_EVENT_DELETED;
}

/* A segment began the flow or a new incarnation, or closed it by a RST; and which states it led to. */
SW_INLINE __u32 sw_transition_kinds(const struct sw_event *event)
{
	__u32 kinds = 0;

	for (int i = 0; i < 2; i++)
		if (event->before[i] != event->after[i])
			kinds |= 1U << (event->after[i] & 31);
	if (sw_over(event->before) && !sw_over(event->after))
		kinds |= 1U << SW_KIND_NEW;
	if ((event->flags & SW_TCP_RST) && event->after[0] == CLOSED && event->after[1] == CLOSED)
		kinds |= 1U << SW_KIND_RESET;
	return kinds;
}

/* Bit n: enum sw_event_kind. */
SW_INLINE __u32 sw_event_kinds(const struct sw_event *event)
{
	switch (event->cause) {
	case SW_EVENT_SEGMENT:
		return sw_transition_kinds(event);
	case SW_EVENT_EXPIRED:
		return 1U << SW_KIND_EXPIRED;
	case SW_EVENT_DELETED:
		return 1U << SW_KIND_DELETED;
	case SW_EVENT_COOKIES_ON:
		return 1U << SW_KIND_COOKIES_ON;
	case SW_EVENT_COOKIES_OFF:
		return 1U << SW_KIND_COOKIES_OFF;
	case SW_EVENT_ADMISSION:
		return 1U << SW_KIND_ADMISSION;
	case SW_EVENT_COOKIE_REJECTED:
		return 1U << SW_KIND_COOKIE_REJECTED;
	case SW_EVENT_RETREAT:
		return 1U << SW_KIND_RETREAT;
	default:
		return 1U << SW_KIND_HOOK_LOST;
	}
}

/*
 * Who reads events has a place: its element of the map sw_readers, and in that of the same number of
 * sw_reader_rings a ring buffer of its own. The first element of sw_reading says up to which place
 * there may be somebody.
 */
#define SW_READERS_MAX      256
#define SW_EVENT_RING_BYTES (1 << 20)

struct sw_reader {
	__u32 kinds; /* what it wants to be told; 0: the place is free */
	__u32 padding;
	__u64 lost; /* events that it wanted, and that found its ring buffer full */
	struct sw_filter filter; /* of what is of a flow */
	__u32 more_padding;
};

_Static_assert(sizeof(struct sw_reader) == 152, "no hidden padding");

SW_INLINE bool sw_reader_wants(const struct sw_reader *reader, const struct sw_event *event)
{
	if (!(reader->kinds & sw_event_kinds(event)))
		return false;
	return !sw_event_is_of_flow(event) ||
	       sw_filter_matches(&reader->filter, &event->key, event->originator & 1, event->after);
}

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
