// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The two formats differ in the names of counters and infos, in units and in their end. What is written
 * goes into memory: nothing can fail before all of it is there.
 */
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "text/exposition.h"

#define OPENMETRICS "application/openmetrics-text"

const char *sw_exposition_content_type(bool openmetrics)
{
	return openmetrics ? OPENMETRICS "; version=1.0.0; charset=utf-8"
			   : "text/plain; version=0.0.4; charset=utf-8";
}

bool sw_exposition_wants_openmetrics(const char *accept)
{
	return accept && strcasestr(accept, OPENMETRICS);
}

static const char *suffix(enum sw_metric_type type)
{
	return type == SW_METRIC_COUNTER ? "_total" : type == SW_METRIC_INFO ? "_info" : "";
}

static const char *type_name(const struct sw_exposition *exposition)
{
	static const char *const names[] = {
		[SW_METRIC_COUNTER] = "counter",
		[SW_METRIC_GAUGE] = "gauge",
		[SW_METRIC_HISTOGRAM] = "histogram",
		[SW_METRIC_INFO] = "info",
	};

	if (exposition->type == SW_METRIC_INFO && !exposition->openmetrics)
		return "gauge";
	return names[exposition->type];
}

/* Backslashes, quotes and line breaks of it are escaped; the names of interfaces may have them. */
static void print_help(const struct sw_exposition *exposition, const char *help)
{
	for (; *help; help++) {
		if (*help == '\\' || (*help == '"' && exposition->openmetrics))
			putc('\\', exposition->out);
		putc(*help, exposition->out);
	}
	putc('\n', exposition->out);
}

void sw_family(struct sw_exposition *exposition, const char *name, enum sw_metric_type type,
	       const char *unit, const char *help)
{
	const char *end = exposition->openmetrics ? "" : suffix(type);
	FILE *out = exposition->out;

	exposition->name = name;
	exposition->type = type;
	fprintf(out, "# TYPE %s%s %s\n", name, end, type_name(exposition));
	if (unit && exposition->openmetrics)
		fprintf(out, "# UNIT %s %s\n", name, unit);
	fprintf(out, "# HELP %s%s ", name, end);
	print_help(exposition, help);
}

void sw_sample(const struct sw_exposition *exposition, __u64 value, const char *labels, ...)
{
	FILE *out = exposition->out;
	va_list args;

	fprintf(out, "%s%s", exposition->name, suffix(exposition->type));
	if (labels) {
		putc('{', out);
		va_start(args, labels);
		vfprintf(out, labels, args);
		va_end(args);
		putc('}', out);
	}
	fprintf(out, " %llu\n", value);
}

void sw_histogram(const struct sw_exposition *exposition, const __u32 *bounds_ms,
		  const __u64 *counts, int buckets, __u64 sum_ns)
{
	const char *name = exposition->name;
	FILE *out = exposition->out;
	__u64 sum = 0;

	for (int i = 0; i < buckets; i++) {
		sum += counts[i];
		if (i + 1 < buckets)
			fprintf(out, "%s_bucket{le=\"%u.%03u\"} %llu\n", name, bounds_ms[i] / 1000,
				bounds_ms[i] % 1000, sum);
		else
			fprintf(out, "%s_bucket{le=\"+Inf\"} %llu\n", name, sum);
	}
	fprintf(out, "%s_sum %llu.%09llu\n%s_count %llu\n", name, sum_ns / 1000000000,
		sum_ns % 1000000000, name, sum);
}

const char *sw_label(const char *value, char text[SW_LABEL_TEXT])
{
	size_t length = 0;

	for (; *value && length + 3 < SW_LABEL_TEXT; value++) {
		if (*value == '\\' || *value == '"' || *value == '\n')
			text[length++] = '\\';
		text[length++] = *value == '\n' ? 'n' : *value;
	}
	text[length] = '\0';
	return text;
}

void sw_exposition_end(const struct sw_exposition *exposition)
{
	if (exposition->openmetrics)
		fputs("# EOF\n", exposition->out);
}
