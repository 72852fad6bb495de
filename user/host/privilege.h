/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the process may do.
 */
#ifndef SYNWARD_USER_PRIVILEGE_H
#define SYNWARD_USER_PRIVILEGE_H

/* 0 if it has CAP_SYS_ADMIN and CAP_NET_ADMIN in force, else -EPERM, reported. */
int sw_need_privilege(void);

#endif
