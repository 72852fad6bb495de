/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Work on one segment, by the CPU that does it: what is known of the segment, of its flow and of what
 * guard found. It is too large for BPF's stack of 512 bytes. Programs of network hooks run with bottom
 * halves off and so never meet in it.
 */
#ifndef SYNWARD_WORK_BPF_H
#define SYNWARD_WORK_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <synward/cookie.h>
#include <synward/event.h>
#include <synward/flow.h>
#include <synward/guard.h>
#include <synward/reply.h>
#include <synward/segment.h>
#include <synward/stats.h>
#include <synward/time_wait.h>

/* What guard found when it looked for the socket of a segment. */
enum sw_found {
	FOUND_NOTHING,
	FOUND_SOCKET, /* of the connection itself: established, SYN_RCVD, TIME_WAIT, ... */
	FOUND_LISTENER,
};

struct sw_look {
	enum sw_found found;
	enum sw_listener_kind listener;
	__u32 half_open, backlog;
	__u32 room; /* connections that its queue for accept() still takes */
	struct sw_manner manner;
	bool waits; /* the socket is in TIME_WAIT: see w->time_wait */
	bool half_opened; /* the socket is a request: a SYN of this connection waits for its ACK ... */
	__u32 wants_ack; /* ... with this number */
};

struct sw_work {
	__u64 now; /* when the segment came: who first needs it sets it */

	/* Written by all, the last one holds: why the segment changes nothing, is dropped or passed. */
	enum sw_counter reason;

	/* track.bpf.h, of the segment against its flow */
	enum sw_state before[2], after[2]; /* of the endpoints, before and after the step */
	__u8 halfopen; /* the flow was found in sw_halfopen */
	__u8 proved; /* and may leave it */
	__u8 picked_up; /* begun by this segment, without a SYN */
	__u8 awaits_admission; /* opened by a cookie: the listener may have to be given it */
	__u8 bygone; /* what it would open is over */
	__u8 originator; /* of the flow: index into its key */
	__u8 first_word; /* opened by a cookie, and the first that its server says */

	/* syn.bpf.h: it goes where it may make a socket of a guarded port */
	__u8 expects_socket;

	/* service.bpf.h: the port is of a service behind this host */
	enum sw_protection protects;

	/* frame.bpf.h, of the frame. Zeroed up to the options, the last of seg, and no further. */
	struct sw_segment seg;
	struct sw_packet packet;

	/* track.bpf.h and stray.bpf.h: a flow on its way into a map */
	struct sw_flow flow;

	struct sw_event event; /* what is told who reads events */

	/* Guard: lookup.bpf.h, then the cookie's offer, then the reply that bears it */
	struct sw_port_key port_key;
	struct sw_look look;
	struct sw_time_wait time_wait;
	__u32 syn_flow_label; /* of the SYN's IP header, where they are asked for */
	__u8 syn_hop_limit, syn_tos;
	enum sw_stand stand; /* where the port stands that the segment is for ... */
	struct sw_ways ways; /* ... and where it could */
	struct sw_service service; /* if it protects one: zero, if that is not known */
	struct sw_offer offer;
	struct sw_reply reply;

	struct sw_watched watched; /* retreat.bpf.h: of another connection, a copy */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sw_work);
} sw_scratch SEC(".maps");

static __always_inline struct sw_work *sw_work_in_hand(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&sw_scratch, &zero);
}

/* Zero but for what is always written before it is read. */
static __always_inline struct sw_work *sw_new_work(void)
{
	struct sw_work *w = sw_work_in_hand();

	if (w)
		__builtin_memset(w, 0, offsetof(struct sw_work, seg.options));
	return w;
}

static __always_inline __u16 sw_local_port(const struct sw_work *w)
{
	return w->seg.key.port[!(w->seg.sender ^ w->seg.self)];
}

static __always_inline __u16 sw_remote_port(const struct sw_work *w)
{
	return w->seg.key.port[w->seg.sender & 1];
}

#endif
