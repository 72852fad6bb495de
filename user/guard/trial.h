/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Guard tried once, in network namespaces of its own: a client, a listener, and a cookie between them.
 * What this kernel can is proved by it; what else is on this host has no part in it.
 */
#ifndef SYNWARD_USER_TRIAL_H
#define SYNWARD_USER_TRIAL_H

#include <linux/types.h>
#include <stdbool.h>

struct sw_trial {
	const char *failed; /* what could not be done, or NULL: the client was served */
	int err; /* why, -errno, or 0 */
	bool own; /* cookies are guard's, not the kernel's */
};

/* With a listener on this port. Nothing is left of it. Only what it means to start guard is reported. */
void sw_trial_run(__u16 port, struct sw_trial *trial);

#endif
