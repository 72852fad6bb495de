/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Which ports are guarded: written into the maps sw_ports and sw_port_masks, with no retreats yet. What can't
 * be is found out before anything is written.
 */
#ifndef SYNWARD_USER_PORTS_H
#define SYNWARD_USER_PORTS_H

#include "guard/settings.h"
#include "model/map_fds.h"
#include "model/status.h"

struct sw_ports_plan {
	__u32 count; /* so many the map has then */
	struct sw_planned {
		struct sw_guarded guarded;
		bool changed;
	} entry[SW_PORTS_MAX];
	__u32 gone;
	struct sw_port_key go[SW_PORTS_MAX];
	struct sw_port_masks masks;
};

/*
 * The ports that are asked for get their terms. Those guarded before and not asked for any more get no
 * more cookies, and go once none can come back. 0 or -errno, reported: they are too many.
 */
int sw_ports_plan(struct sw_ports_plan *plan, const struct sw_map_fds *maps,
		  const struct sw_port_list *wanted);

/* How those are protected that are of services: enum sw_protection, bits. */
__u8 sw_ports_protect(const struct sw_ports_plan *plan);

/* 0 or -errno, reported. */
int sw_ports_write(const struct sw_ports_plan *plan, const struct sw_map_fds *maps);

#endif
