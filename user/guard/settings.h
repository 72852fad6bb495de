/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Guard from user space: what the command line asks for, and what this namespace and kernel allow.
 */
#ifndef SYNWARD_USER_GUARD_H
#define SYNWARD_USER_GUARD_H

#include "guard/client_list.h"
#include "guard/port_list.h"

#include "host/tracker.h"

struct sw_guard_options {
	struct sw_port_list ports; /* of this host, and of services behind it */
	struct sw_port_terms terms; /* of ports that have none of their own */
	struct sw_client_list clients;
	enum sw_admission admission; /* ADMISSION_NONE: the best there is */
	const char *key_file; /* NULL: keys of this host's own */
	bool stateless; /* what is protected has guards of its own */
	bool dry_run;
	__u32 reply_budget;
};

/*
 * Fills *guard, all but `ports`, from options, kernel and sysctls of this namespace, and the interfaces
 * that are guarded together. Without ports it is all zero. 0 or -errno, reported:
 * what is missing and how to get it.
 */
int sw_guard_prepare(const struct sw_guard_options *options, const struct sw_tracker *tracker,
		     struct sw_guard *guard);

/* Fills what is in *guard of this namespace's sysctls and of the interfaces' MTU; they may change while it runs. */
void sw_guard_read_host(const struct sw_tracker *tracker, struct sw_guard *guard);

/*
 * What is offered in the name of servers of whom a gateway without state hears nothing: the key file says so,
 * or they are as this host, whose *guard is. A server is told if its fleet's gateways offer what it does not.
 * 0 or -errno, reported.
 */
int sw_guard_profile(const struct sw_guard_options *options, const struct sw_guard *guard,
		     struct sw_profile *profile);

/* What listeners of this network namespace offer at an interface of that MTU. */
struct sw_profile sw_guard_offers(__u32 mtu);

#endif
