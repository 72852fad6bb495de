/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The other end of a veth, in whatever network namespace it is.
 */
#ifndef SYNWARD_USER_VETH_H
#define SYNWARD_USER_VETH_H

#include <linux/types.h>
#include <stdbool.h>

/*
 * A veth that loses what XDP sends out of it in native mode (XDP_TX): its other end has no native XDP
 * program, or none that could be seen. False for all that is no veth.
 */
bool sw_veth_loses_replies(__u32 ifindex);

#endif
