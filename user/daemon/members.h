/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Members of a group read without being root: each who connects gets a process of its own, which does for it
 * what it asks for. Whatever that is, this one goes on.
 */
#ifndef SYNWARD_USER_MEMBERS_H
#define SYNWARD_USER_MEMBERS_H

#include "daemon/loop.h"

struct sw_members;

/*
 * `answer` runs in the process of its own, and what it returns is that one's exit status. *members is NULL where
 * there is no group. 0 or -errno, reported.
 */
int sw_members_open(struct sw_members **members, const sigset_t *signals,
		    int (*answer)(int connection));
void sw_members_close(struct sw_members *members);

struct sw_duty sw_members_duty(struct sw_members *members);

#endif
