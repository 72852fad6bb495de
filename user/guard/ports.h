/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Which ports are guarded: written into the map sw_ports.
 */
#ifndef SYNWARD_USER_PORTS_H
#define SYNWARD_USER_PORTS_H

#include "guard/settings.h"

/*
 * The ports that are asked for get their mode. Those guarded before and not asked for any more get no
 * more cookies, and go once none can come back. *count: so many the map has then. 0 or -errno, reported.
 */
int sw_ports_write(int ports_fd, const struct sw_guard_options *options, __u32 *count);

#endif
