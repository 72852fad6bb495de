/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The clsact qdisc: whether there can be one, and removing it without taking other people's filters
 * with it.
 */
#ifndef SYNWARD_USER_CLSACT_H
#define SYNWARD_USER_CLSACT_H

#include <linux/types.h>
#include <stdbool.h>

/*
 * The interface has an `ingress` qdisc, which stands where clsact would and has no egress: a filter for
 * egress put there runs at ingress.
 */
bool sw_clsact_is_barred(__u32 ifindex);

/*
 * Removes clsact if neither its ingress nor its egress holds a filter. 0, also if it stays, or
 * -errno.
 */
int sw_clsact_remove_unused(__u32 ifindex);

#endif
