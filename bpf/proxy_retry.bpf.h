/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Proxy's slow path, which the daemon runs: what has to be sent again is marked, and handed to it; what is
 * over is removed. A connection is over with its flow: when that is gone, or when it is not there at all,
 * and nothing has passed for as long as an established one may be idle (the table was full, say).
 */
#ifndef SYNWARD_PROXY_RETRY_BPF_H
#define SYNWARD_PROXY_RETRY_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <synward/state.h>
#include <synward/translate.h>

#include "clock.bpf.h"
#include "proxy.bpf.h"
#include "settings.bpf.h"
#include "track.bpf.h"

struct sw_proxy_retry proxy_retry = {};

static __always_inline void sw_hand_to_daemon(const struct sw_flow_key *key,
					      struct sw_proxied *proxied, __u64 now)
{
	__u32 place = proxy_retry.count;

	if (place >= SW_PROXY_RETRIES)
		return; /* in the next round */
	if (proxied->tries < SW_PROXY_TRIES)
		proxied->again = 1;
	else
		*(volatile enum sw_proxy_stage *)&proxied->stage = PROXY_GIVEN_UP;
	proxied->tries++;
	proxied->syn_ns = now;
	proxy_retry.due[place].key = *key;
	proxy_retry.due[place].proxied = *proxied;
	proxy_retry.count = place + 1;
}

/* True: it is to be removed. */
static __always_inline bool sw_proxy_is_over(const struct sw_flow_key *key,
					     struct sw_proxied *proxied, __u64 now)
{
	__u64 idle_ns = sw_settings()->timeout.established * SW_NS_PER_MS;
	enum sw_state states[2];
	const struct sw_flow *flow;
	__u8 halfopen;

	flow = sw_find(key, &halfopen);
	if (!flow || sw_flow_gone(flow, now))
		return proxied->over || now > proxied->seen_ns + idle_ns;
	sw_note_states(states, flow);
	proxied->over = sw_over(states);
	return false;
}

static long sw_look_after(void *map, struct sw_flow_key *key, struct sw_proxied *proxied,
			  __u64 *now)
{
	if (SW_READ_ONCE(proxied->stage) == PROXY_OPEN) {
		if (sw_proxy_is_over(key, proxied, *now))
			bpf_map_delete_elem(map, key);
	} else if (sw_proxy_is_overdue(proxied, *now)) {
		if (proxied->tries > SW_PROXY_TRIES) /* told, or nobody could be told */
			bpf_map_delete_elem(map, key);
		else
			sw_hand_to_daemon(key, proxied, *now);
	}
	if (!proxied->over)
		proxy_retry.live++;
	return 0;
}

static __always_inline void sw_proxy_look_after_all(void)
{
	__u64 now = sw_now();

	proxy_retry.live = proxy_retry.count = 0;
	bpf_for_each_map_elem(&sw_proxied, sw_look_after, &now, 0);
}

#endif
