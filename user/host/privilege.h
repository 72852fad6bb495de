/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the process may do.
 */
#ifndef SYNWARD_USER_PRIVILEGE_H
#define SYNWARD_USER_PRIVILEGE_H

#include <stdbool.h>

/* CAP_SYS_ADMIN and CAP_NET_ADMIN are in force. */
bool sw_has_privilege(void);

/* 0 if they are, else -EPERM, reported. */
int sw_need_privilege(void);

#endif
