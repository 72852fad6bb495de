/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Netfilter on bridges (br_netfilter): what arrives at a port goes through the hooks of IPv4 and IPv6
 * while it is still the bridge's.
 */
#ifndef SYNWARD_USER_BRIDGE_H
#define SYNWARD_USER_BRIDGE_H

#include <linux/types.h>
#include <stddef.h>

#include "host/iface.h"

/* Adds to hindrance[], by family, if one of the interfaces is such a port. 0 or -errno. */
int sw_bridge_read(const struct sw_iface_state *iface, size_t count, __u8 hindrance[2]);

#endif
