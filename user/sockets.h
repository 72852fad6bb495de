/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Renews what the data path knows of the namespace's sockets (bpf/sockets.h): every few seconds, from
 * the kernel's own list, as long as guard is in use.
 */
#ifndef SYNWARD_USER_SOCKETS_H
#define SYNWARD_USER_SOCKETS_H

#include "maps.h"

struct synward;
struct sw_sockets;

/* For the maps of this loaded object. Where the kernel has no such list, nothing is ever ready. */
int sw_sockets_open(struct sw_sockets **sockets, const struct synward *object,
		    const struct sw_maps *maps);
void sw_sockets_close(struct sw_sockets *sockets);

/* In the caller's loop: what is due. 0 or -errno, not reported; it is tried again. */
int sw_sockets_work(struct sw_sockets *sockets);

/* When it wants to work next; CLOCK_MONOTONIC. */
__u64 sw_sockets_next_ns(const struct sw_sockets *sockets);

#endif
