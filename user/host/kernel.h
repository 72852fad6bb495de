/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What guard needs of the running kernel, asked once.
 */
#ifndef SYNWARD_USER_KERNEL_H
#define SYNWARD_USER_KERNEL_H

#include <stdbool.h>

#include <synward/guard.h>

/* bpf_sk_assign_tcp_reqsk() (Linux 6.9): our own cookies can be admitted. */
bool sw_kernel_assigns_requests(void);

/* iter/tcp (Linux 5.9): the sockets of a namespace can be listed by a program. */
bool sw_kernel_lists_sockets(void);

/* The number in a file below /proc/sys, -1 if there is none. */
int sw_sysctl_read(const char *name);

enum sw_syncookies sw_syncookies_read(void);

#endif
