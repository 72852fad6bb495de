/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What in this network namespace keeps cookies from their listeners: NAT, whoever made it, and rules
 * that want every new connection to begin with a SYN.
 */
#ifndef SYNWARD_USER_HINDRANCE_H
#define SYNWARD_USER_HINDRANCE_H

#include <linux/types.h>

#include "host/iface.h"

/* For these interfaces, by family, IPv4 and IPv6: enum sw_hindrance. 0 or -errno. */
int sw_hindrance_read(const struct sw_iface_state *iface, size_t count, __u8 hindrance[2]);

#endif
