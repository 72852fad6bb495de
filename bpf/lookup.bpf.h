/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Guard's look-ups: the guarded port a segment is for, and the socket that the kernel would give it to.
 * A listener seen by this CPU a moment ago need not be asked for again.
 */
#ifndef SYNWARD_LOOKUP_BPF_H
#define SYNWARD_LOOKUP_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include <synward/guard.h>
#include <synward/listener.h>
#include <synward/martian.h>
#include <synward/prefix.h>
#include <synward/pressure.h>
#include <synward/retreat.h>

#include "kernel.bpf.h"
#include "local.bpf.h"
#include "maps.bpf.h"
#include "settings.bpf.h"
#include "sockets.bpf.h"
#include "work.bpf.h"

/*
 * The key of the guarded port that the segment in hand is for (or from, if it leaves this host), into
 * w->port_key. False: there is none. A global function: inlined, clang 19 makes a stack of it that is too
 * large for its callers.
 */
SW_GUARD_FUNCTION int sw_find_port(int leaves)
{
	__u32 zero = 0;
	const struct sw_port_masks *masks = bpf_map_lookup_elem(&sw_port_masks, &zero);
	struct sw_work *w = sw_work_in_hand();

	for (__u32 i = 0; w && masks && i < SW_PORT_MASKS_MAX && i < masks->count; i++) {
		if (leaves)
			sw_port_key_fill(&w->port_key, &masks->mask[i], w->packet.from,
					 sw_remote_port(w));
		else
			sw_port_key_fill(&w->port_key, &masks->mask[i], w->packet.to,
					 sw_local_port(w));
		if (bpf_map_lookup_elem(&sw_ports, &w->port_key))
			return true;
	}
	return false;
}

/* The guarded port that the segment is for, or NULL. */
static __always_inline struct sw_port *sw_port_of(const struct sw_work *w)
{
	return sw_find_port(false) ? bpf_map_lookup_elem(&sw_ports, &w->port_key) : NULL;
}

/* The segment in hand is to (or from, if it leaves) a port of services behind this host: that, or NULL. */
static __always_inline struct sw_port *sw_protected_port(bool leaves)
{
	struct sw_work *w = sw_work_in_hand();
	struct sw_port *port;

	if (!w || !sw_settings()->guard.protects || !sw_find_port(leaves))
		return NULL;
	port = bpf_map_lookup_elem(&sw_ports, &w->port_key);
	return port && port->protects ? port : NULL;
}

static __always_inline struct sw_pressure *sw_pressure_of(const struct sw_port *port)
{
	__u32 slot = port->slot;

	return bpf_map_lookup_elem(&sw_pressure, &slot);
}

/* The socket that the kernel would give a segment to, or NULL; to be released. */
static __always_inline struct bpf_sock *sw_find_connection(void *ctx, bool ipv4,
							   const __u32 from[4], const __u32 to[4],
							   __u16 from_port, __u16 to_port)
{
	struct bpf_sock_tuple tuple = {};

	if (ipv4) {
		tuple.ipv4.saddr = from[3];
		tuple.ipv4.daddr = to[3];
		tuple.ipv4.sport = sw_wire16(from_port);
		tuple.ipv4.dport = sw_wire16(to_port);
		return bpf_skc_lookup_tcp(ctx, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	}
	__builtin_memcpy(tuple.ipv6.saddr, from, 16);
	__builtin_memcpy(tuple.ipv6.daddr, to, 16);
	tuple.ipv6.sport = sw_wire16(from_port);
	tuple.ipv6.dport = sw_wire16(to_port);
	return bpf_skc_lookup_tcp(ctx, &tuple, sizeof(tuple.ipv6), BPF_F_CURRENT_NETNS, 0);
}

/* That of the segment in hand. */
static __always_inline struct bpf_sock *sw_find_socket(void *ctx, const struct sw_work *w)
{
	return sw_find_connection(ctx, w->packet.ipv4, w->packet.from, w->packet.to,
				  sw_remote_port(w), sw_local_port(w));
}

/* The one that a new connection of its client's would find: nobody has one from port 0. */
static __always_inline struct bpf_sock *sw_find_listener(void *ctx, const struct sw_work *w)
{
	return sw_find_connection(ctx, w->packet.ipv4, w->packet.from, w->packet.to, 0,
				  sw_local_port(w));
}

static __always_inline enum sw_listener_kind sw_kind_of(const struct tcp_sock *tcp)
{
	if (bpf_core_field_exists(tcp->md5sig_info) && tcp->md5sig_info)
		return LISTENING_SIGNED;
	if (bpf_core_field_exists(tcp->ao_info) && tcp->ao_info)
		return LISTENING_SIGNED;
	if (bpf_core_field_exists(tcp->is_mptcp) && tcp->is_mptcp)
		return LISTENING_MPTCP;
	return LISTENING;
}

/* Window and shift count, as tcp_openreq_init_rwin() chooses them. */
static __always_inline void sw_read_buffer(struct sw_manner *manner, const struct tcp_sock *tcp,
					   __u8 host_wscale)
{
	const struct sock *sock = (const struct sock *)tcp;
	__u32 buffer = sock->sk_rcvbuf, clamp = tcp->window_clamp, space = buffer / 2;
	__u64 locks = BPF_CORE_READ_BITFIELD(sock, sk_userlocks);

	if (bpf_core_field_exists(tcp->scaling_ratio))
		space = (__u32)((__u64)buffer * tcp->scaling_ratio >> 8);
	if ((locks & KERNEL_RCVBUF_LOCK) && (!clamp || clamp > space))
		clamp = space;
	manner->space = clamp && clamp < space ? clamp : space;
	manner->wscale = sw_listener_wscale(host_wscale, space, clamp);
}

static __always_inline void sw_read_ip_ways(struct sw_manner *manner, const struct inet_sock *inet,
					    bool ipv4, const struct sw_guard *guard)
{
	const struct ipv6_pinfo *inet6 = inet->pinet6;
	int hop_limit = ipv4 ? inet->uc_ttl : inet6->hop_limit;

	manner->own_hop_limit = hop_limit >= 0 && hop_limit <= 255;
	manner->hop_limit = manner->own_hop_limit ? hop_limit : guard->hop_limit[!ipv4];
	manner->tos = ipv4 ? inet->tos : inet6->tclass;
	manner->least_hop_limit = ipv4 ? inet->min_ttl : inet6->min_hopcount;
}

/* It is full with one more than its backlog (sk_acceptq_is_full()). */
static __always_inline __u32 sw_room_of(__u32 waiting, __u32 backlog)
{
	return waiting > backlog ? 0 : backlog + 1 - waiting;
}

/* It may soon take no more, and says nothing then to who comes. */
static __always_inline bool sw_is_crowded(__u32 room, __u32 backlog)
{
	return room <= backlog / 2;
}

/* Whose cookie a plain listener would take from the segment's family. */
static __always_inline enum sw_admission sw_family_admission(const struct sw_guard *guard,
							     const struct sw_work *w)
{
	return sw_admission_in(guard, !w->packet.ipv4);
}

/* What it would say to the segment in hand. */
static __always_inline void sw_look_at_listener(struct sw_work *w, const struct sw_guard *guard,
						struct bpf_sock *found)
{
	const struct tcp_sock *tcp = bpf_skc_to_tcp_sock(found);
	const struct sock *sock = (const struct sock *)tcp;
	struct sw_look *look = &w->look;

	if (!tcp)
		return;
	look->found = FOUND_LISTENER;
	look->listener = sw_kind_of(tcp);
	look->half_open = tcp->inet_conn.icsk_accept_queue.qlen.counter;
	look->backlog = sock->sk_max_ack_backlog;
	sw_read_buffer(&look->manner, tcp, guard->wscale);
	sw_read_ip_ways(&look->manner, &tcp->inet_conn.icsk_inet, w->packet.ipv4, guard);
	look->manner.most_mss = tcp->rx_opt.user_mss;
	look->room = sw_room_of(sock->sk_ack_backlog, sock->sk_max_ack_backlog);
}

static __always_inline void sw_look_at_request(struct sw_look *look, struct bpf_sock *found)
{
	const struct tcp_request_sock *request = bpf_skc_to_tcp_request_sock(found);

	if (!request)
		return;
	look->half_opened = true;
	look->wants_ack = request->snt_isn + 1;
}

static __always_inline bool sw_look_at_waiting(struct sw_time_wait *wait, struct bpf_sock *found)
{
	const struct tcp_timewait_sock *waiting = bpf_skc_to_tcp_timewait_sock(found);

	if (!waiting)
		return false;
	*wait = (struct sw_time_wait){
		.wants = waiting->tw_sk.__tw_common.skc_tw_rcv_nxt,
		.tsval = waiting->tw_ts_recent,
		.timestamps = waiting->tw_ts_recent_stamp != 0,
	};
	return true;
}

/*
 * Fills w->look. A global function, as sw_find_port() is: three others call it, and the verifier goes
 * through it once.
 */
SW_GUARD_FUNCTION int sw_look_up(struct xdp_md *ctx)
{
	struct sw_work *w = sw_work_in_hand();
	struct bpf_sock *found;

	if (!w)
		return 0;
	w->look = (struct sw_look){ .found = FOUND_NOTHING, .listener = NOT_LISTENING };
	found = sw_find_socket(ctx, w);
	if (!found)
		return 0;
	w->look.found = FOUND_SOCKET;
	if (found->state == KERNEL_TCP_LISTEN)
		sw_look_at_listener(w, &sw_settings()->guard, found);
	else if (found->state == KERNEL_TCP_NEW_SYN_RECV)
		sw_look_at_request(&w->look, found);
	else if (found->state == KERNEL_TCP_TIME_WAIT)
		w->look.waits = sw_look_at_waiting(&w->time_wait, found);
	bpf_sk_release(found);
	return 0;
}

/* A socket in TIME_WAIT has been found: the listener behind it. Another global one, for its stack. */
SW_GUARD_FUNCTION int sw_look_behind(struct xdp_md *ctx)
{
	struct sw_work *w = sw_work_in_hand();
	struct bpf_sock *found;

	if (!w)
		return 0;
	found = sw_find_listener(ctx, w);
	if (!found)
		return 0;
	if (found->state == KERNEL_TCP_LISTEN)
		sw_look_at_listener(w, &sw_settings()->guard, found);
	bpf_sk_release(found);
	return 0;
}

/* --- Listeners seen a moment ago ---------------------------------------------------------------- */

/* For so long a listener that was there is taken to be there still. */
#define SW_LISTENER_NS (10 * SW_NS_PER_MS)

/* If so many connections at least may come to it until then. */
#define SW_LISTENER_ROOM 32

/* The listener at an address and port, and how a segment came to it that was for this host. */
struct sw_seen {
	__u64 seen_ns;
	__u64 short_until_ns; /* SYNs may go the short way (shortcut.bpf.h): cookies are sent */
	__u32 local[4];
	__u32 ifindex;
	__u16 mac[3]; /* the interface's own */
	__u16 port;
	__u32 slot; /* sw_port.slot */
	struct sw_manner manner;
	enum sw_listener_kind listener;
	enum sw_admission admission; /* of what goes the short way, ... */
	__u8 own_wscale; /* ... and the shift count that it is offered */
	__u8 padding;
};

_Static_assert(sizeof(struct sw_seen) == 64, "a line of the cache");

#define SW_SEEN_SHIFT 6

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1 << SW_SEEN_SHIFT);
	__type(key, __u32);
	__type(value, struct sw_seen);
} sw_seen SEC(".maps");

/* What has the place of this address and port: another may need the same. */
static __always_inline struct sw_seen *sw_seen_at(const __u32 to[4], __u16 port)
{
	__u32 place = (to[3] ^ port) * 0x9e3779b1U >> (32 - SW_SEEN_SHIFT);

	return bpf_map_lookup_elem(&sw_seen, &place);
}

/* A moment ago this CPU saw a segment that came the same way, for this host, and its listener. */
static __always_inline bool sw_came_before(struct xdp_md *ctx, const __u32 to[4], __u16 port,
					   __u64 now, const struct sw_seen *seen)
{
	return now < seen->seen_ns + SW_LISTENER_NS && seen->port == port &&
	       sw_same_address(seen->local, to) && seen->ifindex == ctx->ingress_ifindex &&
	       sw_frame_is_to(ctx, seen->mac);
}

/* The listener that it saw then, if the connection can have no socket of its own. */
static __always_inline bool sw_recall_listener(struct xdp_md *ctx, struct sw_work *w)
{
	const struct sw_seen *seen = sw_seen_at(w->packet.to, sw_local_port(w));

	if (!seen || !sw_came_before(ctx, w->packet.to, sw_local_port(w), w->now, seen) ||
	    !sw_has_no_socket(&w->seg.key))
		return false;
	w->look = (struct sw_look){
		.found = FOUND_LISTENER,
		.listener = seen->listener,
		.room = SW_LISTENER_ROOM,
		.manner = seen->manner,
	};
	return true;
}

static __always_inline void sw_remember_listener(struct xdp_md *ctx, const struct sw_work *w)
{
	struct sw_seen *seen = sw_seen_at(w->packet.to, sw_local_port(w));
	const __u16 *mac = (const __u16 *)(long)ctx->data;

	if (!seen || w->look.found != FOUND_LISTENER || w->look.room < SW_LISTENER_ROOM ||
	    mac + 3 > (const __u16 *)(long)ctx->data_end)
		return;
	*seen = (struct sw_seen){
		.seen_ns = w->now,
		.ifindex = ctx->ingress_ifindex,
		.port = sw_local_port(w),
		.manner = w->look.manner,
		.listener = w->look.listener,
	};
	__builtin_memcpy(seen->mac, mac, sizeof(seen->mac));
	__builtin_memcpy(seen->local, w->packet.to, sizeof(seen->local));
}

/* --- How what was found is admitted ------------------------------------------------------------ */

/*
 * Fills w->ways, for a listener of this kind in the family of the segment in hand. A global function, as
 * the verifier then walks what follows once.
 */
SW_GUARD_FUNCTION int sw_find_ways(int listener)
{
	const struct sw_guard *guard = &sw_settings()->guard;
	struct sw_work *w = sw_work_in_hand();

	if (!w)
		return 0;
	w->ways = sw_ways_of(guard, w->protects, (enum sw_listener_kind)listener, !w->packet.ipv4);
	return 0;
}

/* Whose cookie is sent to a listener with these ways, where the port stands. */
static __always_inline enum sw_admission sw_admission_for(const struct sw_work *w)
{
	return sw_admission_at(w->stand, &w->ways);
}

/*
 * The shift count that such a cookie offers: by proxy the host's, whatever the service says later
 * (proxy_out.bpf.h), unless it is known.
 */
static __always_inline __u8 sw_own_wscale(const struct sw_work *w, const struct sw_guard *guard,
					  enum sw_admission admission)
{
	if (w->protects)
		return w->service.wscale;
	return admission == ADMISSION_PROXY ? guard->wscale : w->look.manner.wscale;
}

static __always_inline bool sw_port_is_quiet(const struct sw_port *port, __u64 now)
{
	return sw_is_quiet(port->busy_ns, port->marks.quiet_ms, now);
}

/*
 * Where the SYN would go; not SW_NONE: to another host, or its answer might go another way than back, as
 * this counter says. How full the listener's queue is matters only where cookies may begin or end with it.
 */
static __always_inline enum sw_counter sw_look_up_for_syn(struct xdp_md *ctx, struct sw_work *w,
							  const struct sw_port *port)
{
	bool quiet = sw_port_is_quiet(port, w->now);
	enum sw_counter elsewhere;

	if (sw_sends_cookies(port->mode, port->on, quiet) && sw_recall_listener(ctx, w))
		return SW_NONE;
	elsewhere = sw_elsewhere(ctx, w);
	if (elsewhere)
		return elsewhere;
	sw_look_up(ctx);
	if (sw_local_kind(w->packet.to) == LOCAL_ASIDE) /* not remembered: who brings it matters */
		return sw_answers_go_back(ctx, w->packet.to) ? SW_NONE : SW_SYN_OTHER_WAY;
	sw_remember_listener(ctx, w);
	return SW_NONE;
}

#endif
