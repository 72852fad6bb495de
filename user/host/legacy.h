/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * iptables-legacy's tables in this network namespace, by family. They come into being when they are first asked
 * for, and NAT's then has hooks: so what is not there yet is not asked for.
 */
#ifndef SYNWARD_USER_LEGACY_H
#define SYNWARD_USER_LEGACY_H

#include <linux/types.h>
#include <stdbool.h>

bool sw_legacy_has(const char *table, int family);

/* Whether a rule sets the MSS of SYNs (TCPMSS). 1, 0 or -errno. */
int sw_legacy_sets_mss(int family);

#endif
