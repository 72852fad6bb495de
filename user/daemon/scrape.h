/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the metrics are: all of them, of one tracker, at one moment. The time it takes does not grow with
 * the flows.
 */
#ifndef SYNWARD_USER_SCRAPE_H
#define SYNWARD_USER_SCRAPE_H

#include "daemon/expiry.h"
#include "host/tracker.h"

struct sw_scrape {
	const struct sw_tracker *tracker;
	const struct sw_sweeper *sweeper;
	__u64 started_s; /* since 1970 */
};

/* The text, to be freed, and its length; NULL if maps can't be read, or for want of memory. */
char *sw_scrape_text(const struct sw_scrape *scrape, bool openmetrics, size_t *length);

#endif
