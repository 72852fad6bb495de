/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Removing the clsact qdisc without taking other people's filters with it.
 */
#ifndef SYNWARD_USER_CLSACT_H
#define SYNWARD_USER_CLSACT_H

#include <linux/types.h>

/*
 * Removes clsact if neither its ingress nor its egress holds a filter. 0, also if it stays, or
 * -errno.
 */
int sw_clsact_remove_unused(__u32 ifindex);

#endif
