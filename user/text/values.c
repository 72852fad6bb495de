// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Numbers and durations: text to value with a range, value to text. No settings, no output but
 * errors.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/report.h"
#include "text/values.h"

#define MS_PER_S 1000ULL
#define MS_PER_M (60 * MS_PER_S)
#define MS_PER_H (60 * MS_PER_M)
#define MS_PER_D (24 * MS_PER_H)

static const struct {
	const char *name;
	__u64 ms;
} units[] = {
	{ "d", MS_PER_D }, { "h", MS_PER_H }, { "m", MS_PER_M }, { "s", MS_PER_S }, { "ms", 1 },
};

#define UNITS (sizeof(units) / sizeof(units[0]))

/*
 * Digits only: strtoull() alone takes "-1" and " 1". Returns what follows them, NULL if none are
 * there.
 */
static const char *parse_digits(const char *text, __u64 *number)
{
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return NULL;
	errno = 0;
	*number = strtoull(text, &end, 10);
	return errno ? NULL : end;
}

int sw_parse_number(const char *text, const struct sw_range *range, __u64 *number)
{
	const char *end = parse_digits(text, number);

	if (end && !*end && *number >= range->min && *number <= range->max)
		return 0;
	return sw_misuse("%s is %llu to %llu, not \"%s\"", range->option, range->min, range->max,
			 text);
}

/* Milliseconds in the unit called so, 0 if there is none. */
static __u64 unit_ms(const char *name)
{
	if (!*name)
		return MS_PER_S;
	for (size_t i = 0; i < UNITS; i++)
		if (!strcmp(name, units[i].name))
			return units[i].ms;
	return 0;
}

int sw_parse_duration(const char *text, const struct sw_range *range, __u64 *ms)
{
	char min[SW_VALUE_TEXT], max[SW_VALUE_TEXT];
	__u64 number, unit;
	const char *end = parse_digits(text, &number);

	unit = end ? unit_ms(end) : 0;
	if (unit && number <= range->max / unit && number * unit >= range->min) {
		*ms = number * unit;
		return 0;
	}
	return sw_misuse("%s is a duration of %s to %s (units ms s m h d, s if none), not \"%s\"",
			 range->option, sw_duration_exact(range->min, min),
			 sw_duration_exact(range->max, max), text);
}

const char *sw_duration_exact(__u64 ms, char text[SW_VALUE_TEXT])
{
	size_t unit = 0;

	if (ms == 0)
		return strcpy(text, "0");
	while (ms % units[unit].ms)
		unit++;
	snprintf(text, SW_VALUE_TEXT, "%llu%s", ms / units[unit].ms, units[unit].name);
	return text;
}

/* Tenths of a unit, rounded. */
static __u64 tenths(__u64 ms, __u64 unit)
{
	return (ms * 10 + unit / 2) / unit;
}

char *sw_decimal(__u64 number, char *text)
{
	char digits[SW_VALUE_TEXT];
	int count = 0;

	do {
		digits[count++] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	while (count)
		*text++ = digits[--count];
	*text = '\0';
	return text;
}

/* "12.3": a number in tenths. */
static char *decimal_tenths(__u64 number, char *text)
{
	text = sw_decimal(number / 10, text);
	*text++ = '.';
	return sw_decimal(number % 10, text);
}

const char *sw_duration_short(__u64 ns, char text[SW_VALUE_TEXT])
{
	__u64 us = ns / 1000, ms = us / 1000, minutes = (ms + MS_PER_M / 2) / MS_PER_M;

	if (us && !ms) {
		strcpy(sw_decimal(us, text), "us");
	} else if (ms < MS_PER_S) {
		strcpy(sw_decimal(ms, text), "ms");
	} else if (tenths(ms, MS_PER_S) < 1000) {
		strcpy(decimal_tenths(tenths(ms, MS_PER_S), text), "s");
	} else if (minutes < 100) {
		strcpy(sw_decimal(minutes, text), "m");
	} else if (minutes < 24 * 60) {
		strcpy(sw_decimal(minutes / 60, text), minutes % 60 < 10 ? "h0" : "h");
		sw_decimal(minutes % 60, text + strlen(text));
	} else {
		strcpy(decimal_tenths(tenths(ms, MS_PER_D), text), "d");
	}
	return text;
}

const char *sw_number_short(__u64 number, char text[SW_VALUE_TEXT])
{
	static const char scale[] = "kMGTPE";
	__u64 unit = 1000;
	int step = 0;

	if (number < 100000) {
		sw_decimal(number, text);
		return text;
	}
	while (number / unit >= 1000) {
		unit *= 1000;
		step++;
	}
	if (number / unit >= 100)
		snprintf(text, SW_VALUE_TEXT, "%llu%c", number / unit, scale[step]);
	else
		snprintf(text, SW_VALUE_TEXT, "%llu.%llu%c", number / unit,
			 number % unit * 10 / unit, scale[step]);
	return text;
}
