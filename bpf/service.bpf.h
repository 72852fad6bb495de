/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Protect: services behind this host, which no socket here knows. What their SYN+ACKs say is learnt where
 * those leave; a cookie speaks for what has answered that way alone, and to frames that came for it. So what
 * is on another way, is not there or refuses is never answered for.
 *
 * Their half-open connections are counted: SYNs that pass, less handshakes that come to an end. Who is asked
 * first in place of a socket is the flow.
 */
#ifndef SYNWARD_SERVICE_BPF_H
#define SYNWARD_SERVICE_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <synward/service.h>
#include <synward/state.h>

#include "local.bpf.h"
#include "lookup.bpf.h"
#include "maps.bpf.h"
#include "settings.bpf.h"
#include "track.bpf.h"
#include "work.bpf.h"

static __always_inline void sw_service_key(struct sw_port_key *key, const __u32 address[4],
					   __u16 port)
{
	__builtin_memset(key, 0, sizeof(*key));
	__builtin_memcpy(key->address, address, sizeof(key->address));
	key->port = port;
	key->bits = SW_ADDRESS_BITS;
}

/*
 * The service that the segment in hand is for, into w: as it has said itself, or as its port's profile has it,
 * that of a server whose answers go another way always. False: it is not known, or refuses.
 */
static __always_inline bool sw_know_service(struct sw_work *w, const struct sw_port *port)
{
	const struct sw_service *service = NULL;
	struct sw_port_key key;

	w->protects = port->protects;
	if (port->protects == PROTECT_PROXY) {
		sw_service_key(&key, w->packet.to, sw_local_port(w));
		service = bpf_map_lookup_elem(&sw_services, &key);
	}
	w->service = service ? *service : sw_service_by_profile(&port->profile, w->packet.ipv4);
	return w->service.mss;
}

/* --- How many are half-open ------------------------------------------------------------------- */

/* CPUs race to take off what has leaked: one does. What the others add meanwhile stays. */
static __always_inline __u32 sw_half_open_now(struct sw_port *port, __u64 now)
{
	__u64 since = port->leaked_ns;
	__u32 count = port->half_open;

	if (now < since + SW_NS_PER_S ||
	    __sync_val_compare_and_swap(&port->leaked_ns, since, now) != since)
		return count;
	__sync_fetch_and_sub(&port->half_open, count - sw_half_open_left(count, now - since));
	return port->half_open;
}

/* A SYN has passed, and been tracked; one that was sent again is counted already. */
static __always_inline void sw_note_passed(const struct sw_work *w)
{
	struct sw_port *port = w->reason ? NULL : sw_protected_port(false);

	if (port)
		__sync_fetch_and_add(&port->half_open, 1);
}

/* Of two CPUs that take one off at the same time, one may not: it leaks away. */
static __always_inline void sw_take_off(struct sw_port *port)
{
	__u32 count = port->half_open;

	if (count)
		__sync_val_compare_and_swap(&port->half_open, count, count - 1);
}

/* What was half-open is open now, or over. */
static __always_inline bool sw_handshake_ended(const struct sw_work *w)
{
	bool over = sw_over(w->after) && !sw_over(w->before);

	return w->halfopen && ((w->proved && !w->flow.midstream && !w->flow.cookie) || over);
}

/* After a segment has been tracked. A global function for the verifier's sake. */
SW_GUARD_FUNCTION int sw_note_handshake(int leaves)
{
	const struct sw_work *w = sw_work_in_hand();
	struct sw_port *port;

	if (!w || !sw_handshake_ended(w))
		return 0;
	port = sw_protected_port(leaves);
	if (port)
		sw_take_off(port);
	return 0;
}

/*
 * A service's, and this host is tracked on either side: where it leaves, it has the numbers that its client
 * knows, and is tracked; where it comes in, it may not have them yet.
 */
static __always_inline bool sw_is_from_inside(void)
{
	return sw_settings()->guard.both_sides && sw_protected_port(true);
}

/* --- Before a SYN ----------------------------------------------------------------------------- */

/*
 * It is to be asked anew, by this SYN: of CPUs that find so at the same time one lets it pass. A global
 * function for the verifier's sake.
 */
SW_GUARD_FUNCTION int sw_ask_service(void)
{
	const struct sw_work *w = sw_work_in_hand();
	struct sw_service *service;
	struct sw_port_key key;
	__u32 asked_s;

	if (!w || w->protects == PROTECT_STATELESS ||
	    !sw_service_is_due(w->service.asked_s, w->now))
		return false;
	sw_service_key(&key, w->packet.to, sw_local_port(w));
	service = bpf_map_lookup_elem(&sw_services, &key);
	asked_s = w->service.asked_s;
	return service && __sync_val_compare_and_swap(&service->asked_s, asked_s,
						      (__u32)(w->now / SW_NS_PER_S)) == asked_s;
}

/* As far as the flow tells, the service has a socket for it: it knows the numbers, and answers. */
static __always_inline bool sw_service_has_socket(const struct sw_work *w)
{
	__u8 halfopen, service = !(w->seg.sender & 1);
	const struct sw_flow *flow = sw_find(&w->seg.key, &halfopen);

	return flow && !halfopen && !sw_flow_gone(flow, w->now) &&
	       flow->ep[service & 1].state != CLOSED;
}

static __always_inline enum sw_counter sw_look_for_service(struct xdp_md *ctx, struct sw_work *w,
							   struct sw_port *port)
{
	bool known = sw_know_service(w, port);

	w->look = (struct sw_look){
		.found = FOUND_NOTHING,
		.listener = NOT_LISTENING,
		.half_open = sw_half_open_now(port, w->now),
		.backlog = ~0U,
		.room = ~0U,
		.manner = { .space = SW_WINDOW_MAX,
			    .hop_limit = sw_settings()->guard.hop_limit[!w->packet.ipv4] },
	};
	if (sw_service_has_socket(w)) {
		w->look.found = FOUND_SOCKET;
	} else if (known && !sw_ask_service()) {
		w->look.found = FOUND_LISTENER;
		w->look.listener = LISTENING;
		if (!sw_frame_is_ours(ctx) && !sw_frame_is_to(ctx, w->service.mac))
			return SW_SYN_OTHER_MAC;
	}
	return SW_NONE;
}

/* --- Where it answers ------------------------------------------------------------------------- */

/*
 * The SYN+ACK in hand leaves; `asked`: what is known to have been in the SYN. Two CPUs that learn at the same
 * time may leave something of either, and so may a cookie say that is made meanwhile: the next one sets it right.
 */
static __always_inline void sw_learn(struct __sk_buff *skb, struct sw_work *w,
				     const struct sw_offer *asked)
{
	struct sw_service service = {}, *known;
	struct sw_port_key key;

	sw_service_key(&key, w->packet.from, sw_remote_port(w));
	known = bpf_map_lookup_elem(&sw_services, &key);
	if (known)
		service = *known;
	sw_read_options(&w->seg);
	sw_service_learn(&service, &w->seg, asked);
	if (!known)
		service.asked_s = (__u32)(sw_coarse_now() / SW_NS_PER_S);
	if (bpf_skb_load_bytes(skb, 6, service.mac, sizeof(service.mac)))
		return;
	if (known)
		__builtin_memcpy(&known->mss, &service.mss,
				 sizeof(service) - offsetof(struct sw_service, mss));
	else
		bpf_map_update_elem(&sw_services, &key, &service, BPF_ANY);
}

/*
 * It has refused a SYN, or not answered: until it answers one, none is answered for it. That is noted of
 * one that is known by its profile alone, if there was a client; else SYNs to nobody would fill the map.
 */
static __always_inline void sw_unlearn(const struct sw_port_key *key, bool for_client)
{
	struct sw_service *known = bpf_map_lookup_elem(&sw_services, key);
	const struct sw_service silent = {};

	if (known)
		known->mss = 0;
	else if (for_client)
		bpf_map_update_elem(&sw_services, key, &silent, BPF_NOEXIST);
}

/* The one that sends the segment in hand. */
static __always_inline void sw_unlearn_sender(const struct sw_work *w, bool for_client)
{
	struct sw_port_key key;

	sw_service_key(&key, w->packet.from, sw_remote_port(w));
	sw_unlearn(&key, for_client);
}

#endif
