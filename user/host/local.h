/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Which addresses the kernel delivers to this namespace, read by rtnetlink, and written into the maps
 * sw_local and sw_local_bits. An address that is not known there is taken for another host's.
 */
#ifndef SYNWARD_USER_LOCAL_H
#define SYNWARD_USER_LOCAL_H

#include <stdbool.h>

#include "host/maps.h"

/* What was found, for IPv4 and IPv6. */
struct sw_local {
	bool ruled
		[2]; /* rules come before the local table: no address is known to be this host's */
	bool wide; /* whole networks are local: routes inside of them matter, too */
	bool metrics; /* routes say something of SYN+ACKs (sw_routes) */
};

/* Brings sw_local and sw_routes up to date. 0 or -errno, not reported. */
int sw_local_update(const struct sw_maps *maps, struct sw_local *local);

/* By family: are there rules before the local table? 0 or -errno. */
int sw_local_rules_read(bool ruled[2]);

/* Says which of the two families guard has to leave to the kernel, if it differs from `before`. */
void sw_local_say(const struct sw_local *before, const struct sw_local *local);

/*
 * Watching: a netlink socket that becomes readable when an address, a local route, a rule or an
 * interface changes. Its descriptor or -errno, not reported.
 */
int sw_local_watch(void);

/* Takes what it has to say. 1: addresses may have changed; 0: they haven't; -errno. */
int sw_local_changed(int watch_fd, const struct sw_local *local);

#endif
