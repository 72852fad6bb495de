/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What in this network namespace keeps cookies from their listeners: NAT, whoever made it.
 */
#ifndef SYNWARD_USER_HINDRANCE_H
#define SYNWARD_USER_HINDRANCE_H

#include <linux/types.h>

/* By family, IPv4 and IPv6: enum sw_hindrance. 0 or -errno. */
int sw_hindrance_read(__u8 hindrance[2]);

#endif
