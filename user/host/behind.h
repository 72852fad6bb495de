/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Which programs and filters run before synward's at a hook: each of them can keep frames from it.
 */
#ifndef SYNWARD_USER_BEHIND_H
#define SYNWARD_USER_BEHIND_H

#include <bpf/libbpf.h>

#include "host/iface.h"

#define SW_BEHIND_MAX 8

struct sw_behind {
	__u32 count; /* all of them */
	char name[SW_BEHIND_MAX][40]; /* the first of them, in their order */
};

/* Of synward_ingress, which is there. */
void sw_behind_xdp(const struct sw_iface_state *iface, struct sw_behind *behind);

/* Of synward_admit or synward_egress, which is there. */
void sw_behind_tc(const struct sw_iface_state *iface, enum bpf_tc_attach_point point,
		  struct sw_behind *behind);

#endif
