/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What else is on the host, and what that means for guard.
 */
#ifndef SYNWARD_USER_CHECK_HOST_H
#define SYNWARD_USER_CHECK_HOST_H

#include "commands/findings.h"
#include "host/iface.h"

/* Of the network namespace. */
void sw_check_host(struct sw_findings *findings);

/* Of one interface. */
void sw_check_place(struct sw_findings *findings, const struct sw_iface_state *iface);

#endif
