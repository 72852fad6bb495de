// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The programs. XDP at ingress and tc at egress see every segment of the host, each once. Tracking,
 * they never drop or alter one: whatever is not understood is counted and passed. With guard, XDP
 * answers SYNs to guarded ports, and tc at ingress gives the listener what has come of it. README.md
 * in this folder tells the way of a segment.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#include "admit.bpf.h"
#include "count.bpf.h"
#include "events.bpf.h"
#include "frame.bpf.h"
#include "guard.bpf.h"
#include "kernel.bpf.h"
#include "proxy_in.bpf.h"
#include "proxy_out.bpf.h"
#include "proxy_retry.bpf.h"
#include "quote.bpf.h"
#include "settings.bpf.h"
#include "shortcut.bpf.h"
#include "sockets.bpf.h"
#include "sweep.bpf.h"
#include "track.bpf.h"
#include "unread.bpf.h"
#include "work.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("xdp.frags")
int synward_ingress(struct xdp_md *ctx)
{
	int stop, verdict = sw_guarding() ? sw_try_shortcut(ctx) : SW_LONG_WAY;
	struct sw_work *w;

	if (verdict != SW_LONG_WAY)
		return verdict;
	verdict = XDP_PASS;
	w = sw_new_work();
	if (!w)
		return XDP_PASS;
	stop = xdp_parse(ctx, w);
	w->seg.place = offline ? SW_PLACE_UNKNOWN : sw_place_of_ingress(ctx->ingress_ifindex);
	if (sw_begin_frame(w, stop)) {
		if (sw_guarding())
			verdict = sw_guard(ctx, w);
		else
			sw_track(w);
	} else if (sw_may_hide_segment(stop) && sw_guarding()) {
		verdict = sw_guard_unread(ctx);
	}
	sw_end_frame(w, stop);
	return verdict;
}

/* What parsing said of a frame that leaves is `stop`. */
static __always_inline void sw_leave(struct __sk_buff *skb, struct sw_work *w, int stop)
{
	w->seg.place = offline ? SW_PLACE_UNKNOWN : SW_PLACE_EGRESS;
	if (sw_begin_frame(w, stop)) {
		if ((w->seg.flags & SW_TCP_SYN) && sw_guarding() && sw_find_port(true)) {
			sw_expect_socket(&w->seg.key);
			if (w->seg.flags & SW_TCP_ACK)
				sw_learn_way(skb, w->packet.from);
		}
		sw_track(w);
	}
	sw_end_frame(w, stop);
}

SEC("tc")
int synward_egress(struct __sk_buff *skb)
{
	struct sw_work *w;

	if (skb_tracked_at_ingress(skb)) {
		sw_count(SW_FORWARDED);
		return TC_ACT_UNSPEC;
	}
	w = sw_new_work();
	if (w)
		sw_leave(skb, w, skb_parse(skb, w));
	return TC_ACT_UNSPEC;
}

/* User space runs these. */

SEC("syscall")
int synward_sweep(struct sw_sweep *args)
{
	sw_sweep_all(args);
	return 0;
}

SEC("syscall")
int synward_tell(const struct sw_event *event)
{
	struct sw_event copy = *event; /* older kernels let no helper read a context */

	sw_tell_reader(&copy);
	return 0;
}

SEC("syscall")
int synward_expire(void *none)
{
	(void)none;
	sw_expire_all();
	return 0;
}

#ifdef SW_TRACK_ONLY

/* Names without content: the skeleton is that of the whole object, see load.c. They are never loaded. */
#define SW_ABSENT(program)                     \
	SEC("syscall") int program(void *none) \
	{                                      \
		(void)none;                    \
		return 0;                      \
	}
SW_ABSENT(synward_admit)
SW_ABSENT(synward_inward)
SW_ABSENT(synward_outward)
SW_ABSENT(synward_again)
SW_ABSENT(synward_sockets)
SW_ABSENT(synward_retry)

#else

/* Guard: hands a connection that a cookie opened to its listener. Loaded where the kernel can. */
SEC("tc")
int synward_admit(struct __sk_buff *skb)
{
	struct sw_work *w;

	if (!sw_to_admit(skb))
		return TC_ACT_UNSPEC;
	skb_pull_headers(skb);
	w = sw_new_work();
	if (w && (!skb_parse_linear(skb, w) || !skb_parse_bare(skb, w)))
		return sw_admit(skb, w);
	return TC_ACT_UNSPEC;
}

/* Proxy, in place of synward_admit: clients' segments become those that the service takes. */
SEC("tc")
int synward_inward(struct __sk_buff *skb)
{
	struct sw_work *w = sw_new_work();

	if (!w)
		return TC_ACT_UNSPEC;
	if (!skb_parse(skb, w) || !skb_parse_bare(skb, w))
		return sw_proxy_in(skb, w);
	skb_translate_quote(skb);
	return TC_ACT_UNSPEC;
}

/* Proxy, in place of synward_egress: a service's segments become those that the client takes. */
SEC("tc")
int synward_outward(struct __sk_buff *skb)
{
	struct sw_work *w = sw_new_work();
	int stop, verdict = TC_ACT_UNSPEC;

	if (!w)
		return TC_ACT_UNSPEC;
	stop = skb_parse(skb, w);
	if (!stop)
		verdict = sw_proxy_out(skb, w);
	if (verdict != TC_ACT_UNSPEC)
		return verdict;
	if (skb_tracked_at_ingress(skb) && (stop || !sw_is_from_inside())) {
		sw_count(SW_FORWARDED);
		return TC_ACT_UNSPEC;
	}
	sw_leave(skb, w, stop);
	if (!stop)
		sw_note_refusal(w);
	return TC_ACT_UNSPEC;
}

/* Proxy: a frame that the daemon sends in for a client. */
SEC("xdp")
int synward_again(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
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

/* Proxy: what is due of it, see proxy_retry.bpf.h. */
SEC("syscall")
int synward_retry(void *none)
{
	(void)none;
	sw_proxy_look_after_all();
	return 0;
}

#endif
