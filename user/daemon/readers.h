/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Members of a group read without being root: each who connects gets a process of its own, which does for it
 * what it asks for. Whatever that is, this one goes on.
 */
#ifndef SYNWARD_USER_READERS_H
#define SYNWARD_USER_READERS_H

#include "daemon/loop.h"

struct sw_readers;

/*
 * `answer` runs in the process of its own, and what it returns is that one's exit status. *readers is NULL where
 * there is no group. 0 or -errno, reported.
 */
int sw_readers_open(struct sw_readers **readers, const sigset_t *signals,
		    int (*answer)(int connection));
void sw_readers_close(struct sw_readers *readers);

struct sw_duty sw_readers_duty(struct sw_readers *readers);

#endif
