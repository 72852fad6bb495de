/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Renews what the data path knows of the namespace's sockets (bpf/sockets.bpf.h): every few seconds, from
 * the kernel's own list, as long as guard is in use.
 */
#ifndef SYNWARD_USER_SOCKETS_H
#define SYNWARD_USER_SOCKETS_H

#include "daemon/loop.h"
#include "host/tracker.h"

struct sw_sockets;

/* For a loaded tracker. Where the kernel has no such list, nothing is ever ready. 0 or -errno, reported. */
int sw_sockets_open(struct sw_sockets **sockets, const struct sw_tracker *tracker);
void sw_sockets_close(struct sw_sockets *sockets);

struct sw_duty sw_sockets_duty(struct sw_sockets *sockets);

#endif
