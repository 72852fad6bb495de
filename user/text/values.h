/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Values as people write and read them: numbers and durations from the command line, checked
 * against their range, and the same made short for tables. A rejected value is echoed with the
 * range it should be in.
 */
#ifndef SYNWARD_VALUES_H
#define SYNWARD_VALUES_H

#include <linux/types.h>
#include <stddef.h>

/* What a number or a duration of this option may be. */
struct sw_range {
	const char *option; /* for the error: "--port" */
	__u64 min, max; /* durations: in milliseconds */
};

/* 0 or -EINVAL, reported. */
int sw_parse_number(const char *text, const struct sw_range *range, __u64 *number);

/* "500ms" "60s" "2m" "12h" "5d", "60" is 60 seconds. In milliseconds. 0 or -EINVAL, reported. */
int sw_parse_duration(const char *text, const struct sw_range *range, __u64 *ms);

#define SW_VALUE_TEXT 24

/* "60s", "12h", "1500ms": exact, and as sw_parse_duration() takes it. */
const char *sw_duration_exact(__u64 ms, char text[SW_VALUE_TEXT]);

/* The digits of the number; returns where they end. */
char *sw_decimal(__u64 number, char *text);

/* At most five characters: "35us", "59.1s", "12m", "3h05", "4.9d". */
const char *sw_duration_short(__u64 ns, char text[SW_VALUE_TEXT]);

/* At most five characters: "12345", "1.2M", "345k". */
const char *sw_number_short(__u64 number, char text[SW_VALUE_TEXT]);

#endif
