/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Guard at XDP: answers SYNs to listeners on guarded ports with cookies, and takes the ACKs that
 * bring them back for new flows. A segment of a flow that is known costs nothing here.
 *
 *   from who is denied? ─► dropped
 *   SYN  ─► syn.bpf.h: a SYN+ACK with a cookie, or it passes
 *   else ─► taken by its flow? ─► pass
 *             no ─► stray.bpf.h: a socket of its own, a valid cookie, or dropped
 */
#ifndef SYNWARD_GUARD_BPF_H
#define SYNWARD_GUARD_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "clients.bpf.h"
#include "count.bpf.h"
#include "hint.bpf.h"
#include "lookup.bpf.h"
#include "retreat.bpf.h"
#include "service.bpf.h"
#include "settings.bpf.h"
#include "sockets.bpf.h"
#include "stray.bpf.h"
#include "syn.bpf.h"
#include "track.bpf.h"
#include "work.bpf.h"

/* Taken by a flow whose both ends have proved live, and which is not over. */
static __always_inline bool sw_taken(const struct sw_work *w, int applied)
{
	return applied == SW_APPLIED && !w->reason && !w->halfopen && !sw_over(w->after);
}

static __always_inline int sw_guard_known(struct xdp_md *ctx, struct sw_work *w)
{
	struct sw_flow *flow = sw_find(&w->seg.key, &w->halfopen);
	int applied = SW_ABSENT, ruling = RULING_NONE;

	if (sw_predicted(w, flow))
		return XDP_PASS;
	sw_begin_work(w);
	if (flow &&
	    !sw_flow_gone(flow,
			  w->now)) /* else a record that nobody has swept yet: it takes nothing */
		applied = sw_apply(flow, sw_settings());
	if (!sw_taken(w, applied))
		ruling = sw_guard_stray(ctx, applied == SW_APPLIED);
	if (ruling == RULING_DROP && !sw_settings()->guard.dry_run)
		return XDP_DROP;
	if (ruling == RULING_DROP)
		sw_count(SW_DRY_RUN_DROPS);
	if (ruling == RULING_OPENED || (ruling == RULING_NONE && applied != SW_APPLIED))
		sw_track_wholly(sw_find(&w->seg.key, &w->halfopen));
	else if (ruling == RULING_NONE)
		sw_conclude(w);
	sw_note_handshake(false);
	if (w->awaits_admission &&
	    (w->protects || sw_admits_own(sw_family_admission(&sw_settings()->guard, w))))
		sw_hint(ctx, w);
	return XDP_PASS;
}

/* Whatever it is, of a connection that stands too. */
static __always_inline bool sw_drop_denied(struct xdp_md *ctx, struct sw_work *w)
{
	if (!sw_settings()->guard.rules || !sw_is_denied(ctx))
		return false;
	if (sw_settings()->guard.dry_run) {
		sw_count(SW_DRY_RUN_DROPS);
		return false;
	}
	w->reason = SW_DENIED;
	return true;
}

/* All that guard mode does with the segment in hand; the verdict. */
static __always_inline int sw_guard(struct xdp_md *ctx, struct sw_work *w)
{
	int verdict = XDP_PASS;
	struct sw_port *port;

	if (sw_is_from_inside())
		return XDP_PASS;
	if (sw_drop_denied(ctx, w)) {
		verdict = XDP_DROP;
	} else if ((w->seg.flags & (SW_TCP_SYN | SW_TCP_ACK | SW_TCP_RST | SW_TCP_FIN)) !=
		   SW_TCP_SYN) {
		verdict = sw_guard_known(ctx, w);
	} else {
		port = sw_port_of(w);
		if (port) {
			sw_find_stand(ctx, w, port);
			verdict = sw_guard_syn(ctx, port);
		}
		if (verdict == XDP_PASS) {
			if (w->expects_socket)
				sw_expect_socket(&w->seg.key);
			sw_track_wholly(sw_find(&w->seg.key, &w->halfopen));
			sw_note_passed(w);
		}
	}
	if (verdict == XDP_DROP)
		sw_count(w->reason);
	return verdict;
}

#endif
