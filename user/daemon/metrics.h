/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The metrics over HTTP, by libmicrohttpd: GET /metrics, in the format that the client takes. Clients
 * that are slow, many or malformed are the library's to bear, in a share of the daemon's time.
 */
#ifndef SYNWARD_USER_METRICS_H
#define SYNWARD_USER_METRICS_H

#include <sys/socket.h>

#include "daemon/loop.h"
#include "daemon/scrape.h"

struct sw_metrics;

/* Listens there. 0 or -errno, reported. */
int sw_metrics_open(struct sw_metrics **metrics, const struct sockaddr_storage *address,
		    const struct sw_scrape *scrape);
void sw_metrics_close(struct sw_metrics *metrics);

struct sw_duty sw_metrics_duty(struct sw_metrics *metrics);

#endif
