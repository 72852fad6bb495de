/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Listeners whose server does not keep up: connections wait for accept() as many as may, and the kernel
 * drops what else would come.
 */
#ifndef SYNWARD_USER_BACKLOG_H
#define SYNWARD_USER_BACKLOG_H

#include <linux/types.h>

struct sw_full_listeners {
	unsigned int count;
	__u16 port; /* of one of them */
	__u32 waiting, backlog;
};

/* In this network namespace, of both families. 0 or -errno. */
int sw_full_listeners_read(struct sw_full_listeners *full);

#endif
