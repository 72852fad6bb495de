/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Proxy's slow path: sends again the SYNs that no service has answered, tells the clients of those that are
 * given up, and has the connections removed that are over.
 */
#ifndef SYNWARD_USER_PROXY_H
#define SYNWARD_USER_PROXY_H

#include "daemon/loop.h"
#include "host/tracker.h"

struct sw_proxy_care {
	const struct sw_tracker *tracker;
};

struct sw_duty sw_proxy_duty(struct sw_proxy_care *care);

/* How many connections there are that are not over. */
__u64 sw_proxy_live(const struct sw_proxy_care *care);

#endif
