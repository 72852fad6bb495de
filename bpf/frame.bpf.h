/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * From a frame at XDP or tc to the segment in hand (<synward/parse.h>), counted. Headers may lie
 * beyond the linear part of a frame: at XDP they are then copied, at tc pulled into it.
 *
 * Parsers are global functions where more than one way leads to them: the verifier checks such a
 * function once, and not once for every way.
 */
#ifndef SYNWARD_FRAME_BPF_H
#define SYNWARD_FRAME_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <synward/config.h>
#include <synward/stats.h>

/* Before parse.h: how it copies headers that do not lie in the linear part. */
#define SW_FETCH(frame, at, to, bytes) bpf_xdp_load_bytes(frame, at, to, bytes)
#ifdef SYNWARD_PARSE_H
#error "parse.h has been included without SW_FETCH"
#endif
#include <synward/parse.h>

#include "clock.bpf.h"
#include "count.bpf.h"
#include "maps.bpf.h"
#include "work.bpf.h"

/* The interface has no Ethernet (tun, WireGuard, PPP): set for its programs before they are loaded. */
const volatile bool bare_ip = false;

static __always_inline enum sw_counter sw_parse_headers(struct sw_cursor *cursor,
							struct sw_packet *packet)
{
	return bare_ip ? sw_parse_bare(cursor, packet) : sw_parse_network(cursor, packet);
}

/* A frame has been parsed; `stop` is what parsing said. True: it is a segment, to be gone on with. */
static __always_inline bool sw_begin_frame(struct sw_work *w, int stop)
{
	__u64 *counters = sw_counters();
	enum sw_counter kind = stop ? (enum sw_counter)stop : SW_SEGMENTS;

	if (counters && kind < SW_COUNTER_MAX) {
		counters[SW_FRAMES]++;
		counters[kind]++;
	}
	if (offline)
		__builtin_memset(&offline_result, 0, sizeof(offline_result));
	w->reason = stop;
	return !stop;
}

static __always_inline void sw_end_frame(const struct sw_work *w, int stop)
{
	if (!offline)
		return;
	offline_result.reason = w->reason;
	if (!stop)
		offline_result.segment = w->seg;
}

/* The options kept of the segment, decoded. */
__noinline int sw_read_options(struct sw_segment *seg)
{
	if (seg)
		sw_decode_options(seg);
	return 0;
}

/* --- XDP -------------------------------------------------------------------------------------- */

static __always_inline __u32 xdp_wire_length(struct xdp_md *ctx)
{
	if (offline && offline_wire_length)
		return offline_wire_length;
	return (__u32)bpf_xdp_get_buff_len(ctx);
}

static __always_inline struct sw_cursor xdp_cursor(struct xdp_md *ctx)
{
	return (struct sw_cursor){
		.base = (const __u8 *)(long)ctx->data,
		.end = (const __u8 *)(long)ctx->data_end,
	};
}

/* The headers lie beyond the linear part: a NIC that splits them off, a frame of many buffers. */
__noinline int xdp_parse_copied(struct xdp_md *ctx, struct sw_work *w)
{
	__u8 copy[SW_PEEK_MAX] __attribute__((aligned(4)));
	struct sw_cursor cursor = {
		.frame = ctx,
		.copy = copy,
		.wire_length = xdp_wire_length(ctx),
	};
	enum sw_counter stop;

	if (!w)
		return SW_TRUNCATED;
	stop = sw_parse_headers(&cursor, &w->packet);
	return stop ? stop : sw_parse_transport(&cursor, &w->packet, &w->seg);
}

static __always_inline int xdp_parse(struct xdp_md *ctx, struct sw_work *w)
{
	struct sw_cursor cursor = xdp_cursor(ctx);
	int stop;

	cursor.wire_length = xdp_wire_length(ctx);
	stop = sw_merged(sw_parse_headers(&cursor, &w->packet), w->packet.at);
	if (!stop)
		stop = sw_merged(sw_parse_transport(&cursor, &w->packet, &w->seg), w->packet.at);
	if (stop == SW_TRUNCATED && cursor.wire_length > ctx->data_end - ctx->data)
		stop = xdp_parse_copied(ctx, w);
	return stop;
}

/* The options of a segment that has no SYN and no FIN: parsing left them where they are. */
__noinline int xdp_options(struct xdp_md *ctx, struct sw_work *w)
{
	__u8 copy[SW_PEEK_MAX] __attribute__((aligned(4)));
	struct sw_cursor cursor = { .frame = ctx, .copy = copy };

	return w ? sw_parse_options(&cursor, &w->packet, &w->seg) : SW_TRUNCATED;
}

/* --- tc --------------------------------------------------------------------------------------- */

/* A forwarded frame that came in through an interface of ours has been tracked there. */
static __always_inline bool skb_tracked_at_ingress(struct __sk_buff *skb)
{
	__u32 from = skb->ingress_ifindex;
	struct sw_iface *iface;

	if (from == 0)
		return false;
	iface = bpf_map_lookup_elem(&sw_ifaces, &from);
	return iface && iface->ingress;
}

static __always_inline struct sw_cursor skb_cursor(struct __sk_buff *skb)
{
	return (struct sw_cursor){
		.base = (const __u8 *)(long)skb->data,
		.end = (const __u8 *)(long)skb->data_end,
		.wire_length = skb->len,
	};
}

__noinline int skb_parse_linear(struct __sk_buff *skb, struct sw_work *w)
{
	struct sw_cursor cursor = skb_cursor(skb);
	enum sw_counter stop;

	if (!w)
		return SW_TRUNCATED;
	stop = sw_parse_headers(&cursor, &w->packet);
	return stop ? stop : sw_parse_transport(&cursor, &w->packet, &w->seg);
}

/*
 * Behind XDP in generic mode, Linux 6.18 hands tc the packet without its Ethernet header where it had
 * to copy the frame (skb_pp_cow_data() forgets mac_len), which it does for most drivers.
 */
__noinline int skb_parse_bare(struct __sk_buff *skb, struct sw_work *w)
{
	struct sw_cursor cursor = skb_cursor(skb);
	enum sw_counter stop;

	if (!w)
		return SW_TRUNCATED;
	stop = sw_parse_ip(&cursor, sw_wire16((__u16)skb->protocol), &w->packet);
	return stop ? stop : sw_parse_transport(&cursor, &w->packet, &w->seg);
}

/* 0: the headers, as far as they may reach, lie in the linear part now. */
static __always_inline long skb_pull_headers(struct __sk_buff *skb)
{
	return bpf_skb_pull_data(skb, skb->len < SW_PARSE_MAX ? skb->len : SW_PARSE_MAX);
}

static __always_inline int skb_parse(struct __sk_buff *skb, struct sw_work *w)
{
	int stop = skb_parse_linear(skb, w);

	if (stop == SW_TRUNCATED && !skb_pull_headers(skb))
		stop = skb_parse_linear(skb, w);
	return stop;
}

__noinline int skb_options(struct __sk_buff *skb, struct sw_work *w)
{
	struct sw_cursor cursor = {
		.base = (const __u8 *)(long)skb->data,
		.end = (const __u8 *)(long)skb->data_end,
	};

	return w ? sw_parse_options(&cursor, &w->packet, &w->seg) : SW_TRUNCATED;
}

#endif
