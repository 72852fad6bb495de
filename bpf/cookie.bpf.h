/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The cookie of <synward/cookie.h>, for the segment in hand.
 */
#ifndef SYNWARD_COOKIE_BPF_H
#define SYNWARD_COOKIE_BPF_H

#include <linux/bpf.h>

#include <synward/cookie.h>
#include <synward/guard.h>

#include "work.bpf.h"

static __always_inline __u64 sw_epoch_now(const struct sw_work *w, const struct sw_guard *guard)
{
	return sw_cookie_epoch(w->now + guard->wall_offset_ns);
}

/* own_wscale: what this host would offer now. The offer in w->offer is complete only if SW_NONE is returned. */
static __always_inline enum sw_counter sw_check_cookie(struct sw_work *w,
						       const struct sw_guard *guard,
						       const struct sw_keys *keys, __u8 own_wscale)
{
	w->offer = (struct sw_offer){ .own_wscale = own_wscale, .tstamp_ok = w->seg.has_tsval };
	return sw_cookie_check(keys, &w->packet, sw_local_port(w), sw_remote_port(w), w->seg.seq,
			       w->seg.ack, w->seg.tsecr, sw_epoch_now(w, guard), &w->offer);
}

#endif
