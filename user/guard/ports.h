/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Which ports are guarded: written into the maps sw_ports and sw_port_masks.
 */
#ifndef SYNWARD_USER_PORTS_H
#define SYNWARD_USER_PORTS_H

#include "guard/settings.h"
#include "model/map_fds.h"

/*
 * The ports that are asked for get their mode. Those guarded before and not asked for any more get no
 * more cookies, and go once none can come back. *count: so many the map has then. 0 or -errno, reported.
 */
int sw_ports_write(const struct sw_map_fds *maps, const struct sw_guard_options *options,
		   __u32 *count);

#endif
