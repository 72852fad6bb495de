/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Proxy at tc ingress: what XDP has let pass of a client's.
 *
 *   a cookie, and no such connection yet ─► it begins; the ACK becomes the SYN ──────► pass
 *   the service has not answered yet ─► what it bears is kept, the frame is dropped;
 *     or becomes the SYN again; or, given up, the RST that the client gets
 *   else ─► the service's numbers ─────────────────────────────────────────────────► pass
 *
 * A SYN is none of its business: the kernel has been asked about it. Should the service take it for a new
 * connection, its SYN+ACK tells, see proxy_out.bpf.h.
 */
#ifndef SYNWARD_PROXY_IN_BPF_H
#define SYNWARD_PROXY_IN_BPF_H

#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#include "admit.bpf.h"
#include "clock.bpf.h"
#include "cookie.bpf.h"
#include "count.bpf.h"
#include "hint.bpf.h"
#include "lookup.bpf.h"
#include "maps.bpf.h"
#include "proxy.bpf.h"
#include "rewrite.bpf.h"
#include "service.bpf.h"
#include "settings.bpf.h"
#include "track.bpf.h"
#include "work.bpf.h"

/* --- It begins -------------------------------------------------------------------------------- */

/* The frame that brought it, so that the daemon can make another one like it. */
static __always_inline void sw_note_frame(struct __sk_buff *skb, struct sw_proxied *proxied)
{
	proxied->ifindex = skb->ifindex;
	if (skb->vlan_present) {
		proxied->vlan_tag = (__u16)skb->vlan_tci;
		proxied->vlan_type = (__u16)skb->vlan_proto;
	}
	bpf_skb_load_bytes_relative(skb, 0, proxied->mac, sizeof(proxied->mac), BPF_HDR_START_MAC);
}

/* The record, for the segment in hand, whose cookie is good; NULL: there is no room. */
static __always_inline struct sw_proxied *sw_proxy_insert(struct __sk_buff *skb,
							  const struct sw_work *w,
							  struct sw_proxy_work *p)
{
	sw_proxy_begin(&p->proxied, &w->seg, &w->offer, w->now);
	sw_note_frame(skb, &p->proxied);
	bpf_map_delete_elem(&sw_kept, &w->seg.key);
	if (bpf_map_update_elem(&sw_proxied, &w->seg.key, &p->proxied, BPF_ANY)) {
		sw_count(SW_PROXY_FULL);
		return NULL;
	}
	return bpf_map_lookup_elem(&sw_proxied, &w->seg.key);
}

/* --- The service has not answered yet --------------------------------------------------------- */

/* Data that goes on where what is kept ends, or begins it anew. Nobody keeps where urgent data ends. */
static __always_inline bool sw_keep_data(struct __sk_buff *skb, const struct sw_work *w,
					 struct sw_proxy_work *p, __u32 at, __u32 room)
{
	struct sw_kept *kept = bpf_map_lookup_elem(&sw_kept, &w->seg.key);

	if (at + w->seg.length > room || (w->seg.flags & SW_TCP_URG))
		return false;
	if (kept && at && at == kept->length)
		return skb_keep(skb, w, kept, at);
	if (at)
		return false;
	p->kept.piece = room / SW_KEPT_PIECES;
	return skb_keep(skb, w, &p->kept, 0) &&
	       !bpf_map_update_elem(&sw_kept, &w->seg.key, &p->kept, BPF_ANY);
}

/* As its SYN+ACK, whose cookie is back, has said. */
static __always_inline __u32 sw_room_announced(struct sw_work *w)
{
	const struct sw_port *port = sw_port_of(w);

	if (port && port->protects && sw_know_service(w, port))
		return sw_kept_room(w->service.mss);
	return sw_kept_room(sw_settings()->guard.mss[!w->packet.ipv4]);
}

static __always_inline void sw_keep(struct __sk_buff *skb, struct sw_work *w,
				    struct sw_proxy_work *p, struct sw_proxied *proxied)
{
	__u32 room = sw_room_announced(w);
	__u32 at = w->seg.seq - (proxied->client_isn + 1);
	const struct sw_kept *kept;

	if (w->seg.length && !sw_keep_data(skb, w, p, at, room)) {
		sw_count(SW_PROXY_NOT_KEPT);
		return;
	}
	if (w->seg.length)
		sw_count(SW_PROXY_KEPT);
	if (!(w->seg.flags & SW_TCP_FIN))
		return;
	kept = bpf_map_lookup_elem(&sw_kept, &w->seg.key);
	if (at + w->seg.length == (kept ? kept->length : 0))
		proxied->fin_kept = 1;
}

/* The frame becomes the client's SYN. Its data is in p->kept. */
static __always_inline int sw_send_syn(struct __sk_buff *skb, const struct sw_work *w,
				       struct sw_proxy_work *p, struct sw_proxied *proxied)
{
	__u32 words;

	if (!skb_load_header(skb, w, p->before) ||
	    (w->seg.length && !skb_keep(skb, w, &p->kept, 0)))
		return sw_proxy_failed();
	__builtin_memset(p->after, 0, sizeof(p->after));
	p->after[0] = p->before[0];
	words = sw_proxy_syn(proxied, p->after);
	proxied->syn_ns = w->now;
	proxied->again = 0;
	if (!skb_become(skb, words, NULL))
		return sw_proxy_failed();
	sw_count(SW_PROXY_SYNS);
	return TC_ACT_UNSPEC;
}

/* The next ones are not told that there is one. */
static __always_inline void sw_note_silence(const struct sw_work *w)
{
	const struct sw_port *port = sw_port_of(w);
	struct sw_port_key key;

	if (!port || !port->protects)
		return;
	sw_service_key(&key, w->packet.to, sw_local_port(w));
	sw_unlearn(&key, true);
}

/* The client is told that there is no connection. Where the Ethernet header is missing it can't be. */
static __always_inline int sw_send_reset(struct __sk_buff *skb, const struct sw_work *w,
					 struct sw_proxy_work *p)
{
	__u32 words;

	sw_proxy_forget(w);
	sw_note_silence(w);
	if (!w->packet.ip || !skb_load_header(skb, w, p->before) ||
	    (w->seg.length && !skb_keep(skb, w, &p->kept, 0)))
		return sw_proxy_failed();
	__builtin_memset(p->after, 0, sizeof(p->after));
	words = sw_proxy_reset(p->after, p->before[0], w->seg.ack);
	if (!skb_become(skb, words, NULL) || !skb_turn(skb))
		return sw_proxy_failed();
	sw_count(SW_PROXY_UNANSWERED);
	return (int)bpf_redirect(skb->ifindex, 0);
}

/*
 * The service may answer on another CPU meanwhile. It first says that it has, and then takes what is kept;
 * here it is kept first, and then looked whether it has. So one of the two sends it on, or both do.
 */
static __always_inline int sw_await_service(struct __sk_buff *skb, struct sw_work *w,
					    struct sw_proxy_work *p, struct sw_proxied *proxied,
					    bool begun)
{
	if (w->seg.flags & SW_TCP_RST)
		return sw_proxy_forget(w);
	sw_keep(skb, w, p, proxied);
	__sync_fetch_and_or(&proxied->ifindex, 0); /* a barrier: no load before the stores above */
	if (SW_READ_ONCE(proxied->stage) == PROXY_OPEN)
		return -1;
	if (begun || proxied->again || w->now >= proxied->syn_ns + SW_NS_PER_S)
		return sw_send_syn(skb, w, p, proxied);
	return TC_ACT_SHOT;
}

/* --- A segment of the client's ---------------------------------------------------------------- */

/* Whatever the kernel makes of a FIN or RST: the model has seen it, at XDP. */
static __always_inline void sw_proxy_note_end(const struct sw_work *w, struct sw_proxied *proxied)
{
	enum sw_state states[2];
	const struct sw_flow *flow;
	__u8 halfopen;

	if (!(w->seg.flags & (SW_TCP_FIN | SW_TCP_RST)))
		return;
	flow = sw_find(&w->seg.key, &halfopen);
	if (!flow)
		return;
	sw_note_states(states, flow);
	proxied->over = sw_over(states);
}

static __always_inline int sw_proxy_pass_in(struct __sk_buff *skb, struct sw_work *w,
					    struct sw_proxied *proxied, bool begun)
{
	struct sw_proxy_work *p = sw_proxy_in_hand();
	int verdict;

	if (!p)
		return TC_ACT_UNSPEC;
	if (SW_READ_ONCE(proxied->stage) == PROXY_GIVEN_UP)
		return sw_send_reset(skb, w, p);
	if (SW_READ_ONCE(proxied->stage) == PROXY_OPENING) {
		verdict = sw_await_service(skb, w, p, proxied, begun);
		if (verdict != -1)
			return verdict;
	}
	sw_proxy_seen(proxied, w->now);
	sw_proxy_note_end(w, proxied);
	if (!skb_translate(skb, proxied, SW_INWARD))
		return sw_proxy_failed();
	return TC_ACT_UNSPEC;
}

/* Its cookie is good. */
static __always_inline int sw_proxy_open(struct __sk_buff *skb, struct sw_work *w)
{
	struct sw_proxy_work *p = sw_proxy_in_hand();
	struct sw_proxied *proxied = p ? sw_proxy_insert(skb, w, p) : NULL;

	return proxied ? sw_proxy_pass_in(skb, w, proxied, true) : TC_ACT_SHOT;
}

static __always_inline bool sw_proxy_cookie_good(struct __sk_buff *skb, struct sw_work *w)
{
	const struct sw_guard *guard = &sw_settings()->guard;
	__u32 zero = 0;
	const struct sw_keys *keys = bpf_map_lookup_elem(&sw_keys, &zero);

	if (!keys || skb_options(skb, w))
		return false;
	sw_read_options(&w->seg);
	return !sw_check_cookie(w, guard, keys, sw_own_wscale(w, guard, ADMISSION_PROXY));
}

/* Of a connection that this record, if there is one, is not of. */
static __always_inline bool sw_proxy_is_new(struct __sk_buff *skb, const struct sw_work *w,
					    const struct sw_proxied *proxied)
{
	if (!sw_to_admit(skb) || (!sw_hinted(skb) && !sw_flow_that_awaits(w)))
		return false;
	return !proxied || proxied->isn + 1 != w->seg.ack;
}

/* A service behind this host, or a listener that this host's own cookies don't reach; as XDP has it (stray.bpf.h). */
static __always_inline bool sw_goes_by_proxy(struct sw_work *w)
{
	const struct sw_port *port = sw_port_of(w);

	if (!port || port->protects == PROTECT_STATELESS)
		return false;
	if (port->protects) {
		sw_know_service(w, port);
		return true;
	}
	sw_find_ways(port->listener);
	return sw_own_admission(sw_stand_of(w, port), &w->ways) == ADMISSION_PROXY;
}

static __always_inline int sw_proxy_in(struct __sk_buff *skb, struct sw_work *w)
{
	struct sw_proxied *proxied = bpf_map_lookup_elem(&sw_proxied, &w->seg.key);

	if ((w->seg.flags & SW_TCP_SYN) || (proxied && proxied->client != w->seg.sender))
		return TC_ACT_UNSPEC;
	w->now = sw_coarse_now();
	if (sw_proxy_is_new(skb, w, proxied)) {
		if (!sw_goes_by_proxy(w))
			return sw_admit(skb, w);
		if (sw_proxy_cookie_good(skb, w))
			return sw_proxy_open(skb, w);
	}
	return proxied ? sw_proxy_pass_in(skb, w, proxied, false) : TC_ACT_UNSPEC;
}

#endif
