/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What a listener's own SYN+ACK would say, as Linux works it out (tcp_openreq_init_rwin(),
 * tcp_select_initial_window(), tcp_mss_clamp()): rules of numbers, which bpf/lookup.bpf.h reads from the
 * socket.
 */
#ifndef SYNWARD_LISTENER_H
#define SYNWARD_LISTENER_H

#include <synward/guard.h>
#include <synward/wire.h>

#define SW_WINDOW_MAX       0xffff /* of a SYN+ACK, whose window is not scaled (RFC 7323, 2.2) */
#define SW_TIMESTAMP_BYTES  12 /* of a segment, with two bytes that align them */
#define SW_DEFAULT_IN_SPACE 2 /* of so many bytes of buffer one is for data, before Linux 6.6 */

/* The shift count that a window of so many bytes takes. */
SW_INLINE __u8 sw_scale_for(__u32 bytes)
{
	__u8 scale = 0;

	SW_UNROLL
	for (int i = 0; i < SW_WSCALE_MAX; i++)
		scale += bytes >> scale > SW_WINDOW_MAX;
	return scale;
}

/*
 * host: the shift count for the largest buffer that the sysctls allow; space: what the listener's buffer
 * holds now; clamp: beyond which it does not grow (SO_RCVBUF, TCP_WINDOW_CLAMP), 0 for none.
 */
SW_INLINE __u8 sw_listener_wscale(__u8 host, __u32 space, __u32 clamp)
{
	__u8 now = sw_scale_for(space), most = sw_scale_for(clamp);
	__u8 scale = now > host ? now : host;

	return clamp && scale > most ? most : scale;
}

/* host: what the MTU leaves. */
SW_INLINE __u16 sw_listener_mss(const struct sw_manner *manner, __u16 host)
{
	return manner->most_mss && manner->most_mss < host ? manner->most_mss : host;
}

/* Are SYN+ACKs by this route other than guard's are? A larger MSS than the MTU's is not announced. */
SW_INLINE bool sw_route_matters(const struct sw_route *route, const struct sw_guard *guard,
				int family)
{
	return (route->mss && route->mss < guard->mss[family & 1]) ||
	       (route->hop_limit && route->hop_limit != guard->hop_limit[family & 1]) ||
	       route->window;
}

/* A listener's ways to who is answered by this route. host: the MSS that the MTU leaves. */
SW_INLINE void sw_listener_by_route(struct sw_manner *manner, const struct sw_route *route,
				    __u16 host, bool tstamp_ok)
{
	__u32 segment, most;

	if (route->mss)
		manner->most_mss = sw_listener_mss(manner, route->mss);
	if (route->hop_limit && !manner->own_hop_limit)
		manner->hop_limit = route->hop_limit;
	segment = sw_listener_mss(manner, host) - (tstamp_ok ? SW_TIMESTAMP_BYTES : 0);
	most = route->window * segment;
	if (most && most < manner->space)
		manner->space = most;
}

/* The window of whole segments, of this MSS less timestamps if there are any. */
SW_INLINE __u16 sw_listener_window(const struct sw_manner *manner, __u16 mss, bool tstamp_ok)
{
	__u32 space = manner->space, segment = tstamp_ok ? mss - SW_TIMESTAMP_BYTES : mss;

	if (segment && space > segment)
		space -= space % segment;
	return space < SW_WINDOW_MAX ? (__u16)space : SW_WINDOW_MAX;
}

#endif
