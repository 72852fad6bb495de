/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Renews what the data path knows of the namespace's sockets (bpf/sockets.bpf.h): every few seconds, from
 * the kernel's own list, as long as guard is in use.
 */
#ifndef SYNWARD_USER_SOCKETS_H
#define SYNWARD_USER_SOCKETS_H

#include "host/maps.h"

struct synward;
struct sw_sockets;

/*
 * For the maps of this loaded object. Where the kernel has no such list, nothing is ever ready. 0 or
 * -errno, reported.
 */
int sw_sockets_open(struct sw_sockets **sockets, const struct synward *object,
		    const struct sw_maps *maps);
void sw_sockets_close(struct sw_sockets *sockets);

/* In the caller's loop: what is due. 0 or -errno, not reported; it is tried again. */
int sw_sockets_work(struct sw_sockets *sockets);

/* In how many milliseconds it wants to work next. */
int sw_sockets_wait_ms(const struct sw_sockets *sockets);

#endif
