/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Guard, a frame at which the parser stopped before its segment: a fragment, more VLAN tags or more IPv6
 * extension headers than it reads. The kernel reads them all, so a SYN in one would be a way past the
 * cookies. Guard looks through it for the ports alone, and holds what goes to a listener to the budget of the
 * SYNs that no cookie answers, whatever it is.
 *
 * The first fragment bears the ports: it has eight bytes at least, and over IPv6 the whole TCP header (RFC
 * 8200, 4.5). Later ones come to nothing without it, and pass.
 */
#ifndef SYNWARD_UNREAD_BPF_H
#define SYNWARD_UNREAD_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <synward/guard.h>
#include <synward/parse.h>
#include <synward/wire.h>

#include "clients.bpf.h"
#include "clock.bpf.h"
#include "count.bpf.h"
#include "local.bpf.h"
#include "lookup.bpf.h"
#include "pressure.bpf.h"
#include "service.bpf.h"
#include "settings.bpf.h"
#include "sockets.bpf.h"
#include "verdict.bpf.h"
#include "work.bpf.h"

/* Tags or headers: as many as fill a jumbo frame. */
#define SW_WALK_MAX 1200

struct sw_walk {
	struct xdp_md *ctx;
	__u32 at; /* offset of what comes next */
	__u16 type; /* its ethertype, while that is known */
	__u8 proto; /* then its protocol */
};

static __always_inline bool sw_walk_load(const struct sw_walk *walk, void *to, __u32 bytes)
{
	return !bpf_xdp_load_bytes(walk->ctx, walk->at, to, bytes);
}

static long sw_walk_tag(__u32 turn, struct sw_walk *walk)
{
	__u16 tag[2];

	(void)turn;
	if (!sw_is_vlan_tag(walk->type) || !sw_walk_load(walk, tag, sizeof(tag)))
		return 1;
	walk->type = sw_wire16(tag[1]);
	walk->at += SW_VLAN_TAG;
	return 0;
}

static long sw_walk_header(__u32 turn, struct sw_walk *walk)
{
	__u8 header[4];

	(void)turn;
	if (!sw_is_ext_header(walk->proto) || !sw_walk_load(walk, header, sizeof(header)))
		return 1;
	walk->at += sw_ext_header_bytes(walk->proto, header[1]);
	if (walk->proto == SW_IP_FRAGMENT && sw_be16(header + 2) & SW_IPV6_FRAGMENT_OFFSET) {
		walk->proto = SW_IP_NO_NEXT;
		return 1;
	}
	walk->proto = header[0];
	return 0;
}

static __always_inline bool sw_walk_ipv4(struct sw_walk *walk, struct sw_packet *packet)
{
	__u32 word[SW_IPV4_HEADER / 4];

	if (!sw_walk_load(walk, word, sizeof(word)) || sw_wire32(word[1]) & SW_IPV4_FRAGMENT_OFFSET)
		return false;
	packet->from[2] = packet->to[2] = sw_wire32(0xffff);
	packet->from[3] = word[3];
	packet->to[3] = word[4];
	packet->ipv4 = true;
	walk->at += (sw_wire32(word[0]) >> 24 & 15) * 4;
	walk->proto = (__u8)(sw_wire32(word[2]) >> 16);
	return true;
}

static __always_inline bool sw_walk_ipv6(struct sw_walk *walk, struct sw_packet *packet)
{
	__u32 word[SW_IPV6_HEADER / 4];

	if (!sw_walk_load(walk, word, sizeof(word)))
		return false;
	__builtin_memcpy(packet->from, word + 2, 16);
	__builtin_memcpy(packet->to, word + 6, 16);
	walk->at += SW_IPV6_HEADER;
	walk->proto = (__u8)(sw_wire32(word[1]) >> 8);
	bpf_loop(SW_WALK_MAX, sw_walk_header, walk, 0);
	return true;
}

/* From the Ethernet header to TCP's ports: addresses and ports are in w then. False: it has none. */
static __always_inline bool sw_walk(struct xdp_md *ctx, struct sw_work *w)
{
	struct sw_walk walk = { .ctx = ctx, .at = SW_ETHERNET_HEADER - 2 };
	__u16 type, ports[2];

	if (!sw_walk_load(&walk, &type, sizeof(type)))
		return false;
	walk.at = SW_ETHERNET_HEADER;
	walk.type = sw_wire16(type);
	bpf_loop(SW_WALK_MAX, sw_walk_tag, &walk, 0);
	__builtin_memset(&w->packet, 0, sizeof(w->packet));
	if (walk.type == SW_ETH_IPV4 ? !sw_walk_ipv4(&walk, &w->packet)
				     : walk.type != SW_ETH_IPV6 || !sw_walk_ipv6(&walk, &w->packet))
		return false;
	if (walk.proto != SW_IP_TCP || !sw_walk_load(&walk, ports, sizeof(ports)))
		return false;
	w->seg.key.port[0] = sw_wire16(ports[0]);
	w->seg.key.port[1] = sw_wire16(ports[1]);
	sw_fill_key(&w->seg, &w->packet);
	return true;
}

/* Where the parser may have stopped before a segment that the kernel reads. */
static __always_inline bool sw_may_hide_segment(int stop)
{
	return stop == SW_FRAGMENT || stop == SW_EXT_HEADER || stop == SW_VLAN_DEEP;
}

/* The verdict of such a frame: XDP_PASS, or XDP_DROP. */
SW_GUARD_FUNCTION int sw_guard_unread(struct xdp_md *ctx)
{
	const struct sw_guard *guard = &sw_settings()->guard;
	struct sw_work *w = sw_work_in_hand();
	struct sw_port *port;

	if (!w || !sw_walk(ctx, w))
		return XDP_PASS;
	port = sw_port_of(w);
	if (!port || (!port->protects && sw_elsewhere(ctx, w)))
		return XDP_PASS;
	if (sw_client_is(w, CLIENT_DENY)) {
		sw_count(guard->dry_run ? SW_DRY_RUN_DROPS : SW_DENIED);
		return guard->dry_run ? XDP_PASS : XDP_DROP;
	}
	if (port->mode == COOKIES_NEVER || sw_client_is(w, CLIENT_ALLOW))
		return XDP_PASS;
	w->now = sw_coarse_now();
	w->stand = sw_stand_of(w, port);
	if (port->protects)
		sw_look_for_service(ctx, w, port);
	else
		sw_look_up(ctx);
	if (w->look.found != FOUND_LISTENER)
		return XDP_PASS;
	sw_find_ways(w->look.listener);
	if (!sw_admission_for(w) || !sw_unfit_too_many(ctx, w, port, sw_is_sending(w, port))) {
		if (!w->protects)
			sw_expect_socket(&w->seg.key);
		return XDP_PASS;
	}
	sw_note_busy(w, port);
	sw_count(guard->dry_run ? SW_DRY_RUN_DROPS : SW_UNREAD_DROPPED);
	return guard->dry_run ? XDP_PASS : XDP_DROP;
}

#endif
