/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Metrics as Prometheus reads them: its text format 0.0.4, or OpenMetrics 1.0.
 */
#ifndef SYNWARD_EXPOSITION_H
#define SYNWARD_EXPOSITION_H

#include <linux/types.h>
#include <stdbool.h>
#include <stdio.h>

enum sw_metric_type {
	SW_METRIC_COUNTER, /* its samples end in _total */
	SW_METRIC_GAUGE,
	SW_METRIC_HISTOGRAM,
	SW_METRIC_INFO, /* its sample ends in _info, and is 1 */
};

struct sw_exposition {
	FILE *out;
	bool openmetrics;
	const char *name; /* of the family in hand */
	enum sw_metric_type type;
};

/* The value of the header Content-Type. */
const char *sw_exposition_content_type(bool openmetrics);

/* The client of this header Accept (NULL: none) takes OpenMetrics. */
bool sw_exposition_wants_openmetrics(const char *accept);

/* Begins a family; name without the suffix of its samples; unit "seconds", "bytes" or NULL. */
void sw_family(struct sw_exposition *exposition, const char *name, enum sw_metric_type type,
	       const char *unit, const char *help);

/* A sample of it; labels as they stand between the braces, or NULL. */
void sw_sample(const struct sw_exposition *exposition, __u64 value, const char *labels, ...)
	__attribute__((format(printf, 3, 4)));

/* The histogram in hand: counts of each bucket, the last beyond all bounds (ms); the sum in ns. */
void sw_histogram(const struct sw_exposition *exposition, const __u32 *bounds_ms,
		  const __u64 *counts, int buckets, __u64 sum_ns);

#define SW_LABEL_TEXT 64

/* A value of a label, so that it stands between quotes. */
const char *sw_label(const char *value, char text[SW_LABEL_TEXT]);

void sw_exposition_end(const struct sw_exposition *exposition);

#endif
