/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Metrics of routes, as far as the kernel's own SYN+ACKs say them: sw_routes. Those of the table main; what
 * rules (`ip rule`) send to other tables is not followed.
 */
#ifndef SYNWARD_HOST_ROUTE_H
#define SYNWARD_HOST_ROUTE_H

#include <libmnl/libmnl.h>
#include <stdbool.h>

#include "host/maps.h"

/* Brings sw_routes up to date. *any: there are such metrics. 0 or -errno, not reported. */
int sw_routes_update(const struct sw_maps *maps, bool *any);

/* A message about a route. */
bool sw_route_has_metrics(const struct nlmsghdr *message);

#endif
