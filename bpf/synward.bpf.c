// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The programs. XDP at ingress and tc at egress see every segment of the host, each once. Tracking,
 * they never drop or alter one: whatever is not understood is counted and passed. With guard, XDP
 * answers SYNs to guarded ports, and tc at ingress gives the listener what has come of it.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#define SW_FETCH(frame, at, to, bytes) bpf_xdp_load_bytes(frame, at, to, bytes)

#include "admit.bpf.h"
#include "guard.bpf.h"
#include "maps.bpf.h"
#include "sockets.bpf.h"
#include "sweep.bpf.h"
#include "track.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* A frame has been parsed; `stop` is what parsing said. True: it is a segment, to be gone on with. */
static __always_inline bool begin(struct sw_work *w, int stop)
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

static __always_inline void finish(const struct sw_work *w, int stop)
{
	if (!offline)
		return;
	offline_result.reason = w->reason;
	if (!stop)
		offline_result.segment = w->seg;
}

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
	stop = sw_parse_network(&cursor, &w->packet);
	return stop ? stop : sw_parse_transport(&cursor, &w->packet, &w->seg);
}

static __always_inline int xdp_parse(struct xdp_md *ctx, struct sw_work *w)
{
	struct sw_cursor cursor = xdp_cursor(ctx);
	int stop;

	cursor.wire_length = xdp_wire_length(ctx);
	stop = sw_parse_network(&cursor, &w->packet);
	if (!stop)
		stop = sw_parse_transport(&cursor, &w->packet, &w->seg);
	if (stop == SW_TRUNCATED && cursor.wire_length > ctx->data_end - ctx->data)
		stop = xdp_parse_copied(ctx, w);
	return stop;
}

SEC("xdp.frags")
int synward_ingress(struct xdp_md *ctx)
{
	struct sw_work *w = sw_new_work();
	int stop, verdict = XDP_PASS;

	if (!w)
		return XDP_PASS;
	stop = xdp_parse(ctx, w);
	if (begin(w, stop)) {
		if (sw_settings()->guard.ports)
			verdict = sw_guard(ctx, w);
		else
			sw_track(w);
	}
	finish(w, stop);
	return verdict;
}

/* A forwarded frame that came in through an interface of ours has been tracked there. */
static __always_inline bool tracked_at_ingress(struct __sk_buff *skb)
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

/*
 * A global function, as the other parsers: the verifier checks it once, and not once for every way
 * that leads to it.
 */
__noinline int skb_parse(struct __sk_buff *skb, struct sw_work *w)
{
	struct sw_cursor cursor = skb_cursor(skb);
	enum sw_counter stop;

	if (!w)
		return SW_TRUNCATED;
	stop = sw_parse_network(&cursor, &w->packet);
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

SEC("tc")
int synward_egress(struct __sk_buff *skb)
{
	__u32 headers = skb->len < SW_PARSE_MAX ? skb->len : SW_PARSE_MAX;
	struct sw_work *w = sw_new_work();
	int stop;

	if (!w)
		return TC_ACT_UNSPEC;
	if (tracked_at_ingress(skb)) {
		sw_count(SW_FORWARDED);
		return TC_ACT_UNSPEC;
	}
	stop = skb_parse(skb, w);
	if (stop == SW_TRUNCATED && !bpf_skb_pull_data(skb, headers))
		stop = skb_parse(skb, w);
	if (begin(w, stop)) {
		if ((w->seg.flags & SW_TCP_SYN) && sw_settings()->guard.ports)
			sw_expect_socket(&w->seg.key);
		sw_track(w);
	}
	finish(w, stop);
	return TC_ACT_UNSPEC;
}

/* Guard: hands a connection that a cookie opened to its listener. Loaded where the kernel can. */
SEC("tc")
int synward_admit(struct __sk_buff *skb)
{
	struct sw_work *w;

	if (!sw_to_admit(skb))
		return TC_ACT_UNSPEC;
	/* The headers may lie beyond the linear part. */
	bpf_skb_pull_data(skb, skb->len < SW_PARSE_MAX ? skb->len : SW_PARSE_MAX);
	w = sw_new_work();
	if (w && (!skb_parse(skb, w) || !skb_parse_bare(skb, w)))
		sw_admit(skb, w);
	return TC_ACT_UNSPEC;
}

/* Guard: user space reads it through, and thereby the list of the namespace's sockets. */
SEC("iter/tcp")
int synward_sockets(struct bpf_iter__tcp *ctx)
{
	struct sock_common *common = ctx->sk_common;

	if (common)
		sw_list_socket(common);
	return 0;
}

/* User space runs these two. */

SEC("syscall")
int synward_sweep(struct sw_sweep *args)
{
	sw_sweep_all(args);
	return 0;
}

SEC("syscall")
int synward_expire(void *none)
{
	(void)none;
	sw_expire_all();
	return 0;
}
