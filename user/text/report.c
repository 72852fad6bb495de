// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Talk and errors: one line each, on stderr, as text or as JSON. The libraries are silent unless
 * --verbose is given; their last warning is kept, since it often is the only one who knows the
 * reason.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xdp/libxdp.h>

#include "text/json.h"
#include "text/place.h"
#include "text/report.h"

static bool verbose;
static char *into; /* where errors and talk go, if not to stderr */
static size_t into_size;
static char last_warning[512];

/* As it is; with --json an object a line, as all that is said. */
static void pass_on(const char *format, va_list args)
{
	char *text, *rest, *line;

	if (!sw_json) {
		vfprintf(stderr, format, args);
		return;
	}
	if (vasprintf(&text, format, args) < 0)
		return;
	for (rest = text; (line = strsep(&rest, "\n"));)
		if (*line)
			sw_say("%s", line);
	free(text);
}

/*
 * A warning is kept up to its first line break. Debugging output of libbpf is of no use to our
 * users.
 */
static int hear(bool warning, bool debug, const char *format, va_list args)
{
	va_list again;

	va_copy(again, args);
	if (warning)
		vsnprintf(last_warning, sizeof(last_warning), format, args);
	if (verbose && !debug)
		pass_on(format, again);
	va_end(again);
	last_warning[strcspn(last_warning, "\n")] = '\0';
	return 0;
}

static int hear_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	return hear(level == LIBBPF_WARN, level == LIBBPF_DEBUG, format, args);
}

static int hear_libxdp(enum libxdp_print_level level, const char *format, va_list args)
{
	return hear(level == LIBXDP_WARN, level == LIBXDP_DEBUG, format, args);
}

void sw_report_libraries(bool aloud)
{
	verbose = aloud;
	libbpf_set_print(hear_libbpf);
	libxdp_set_print(hear_libxdp);
}

const char *sw_library_said(void)
{
	return last_warning[0] ? last_warning : NULL;
}

void sw_library_forget(void)
{
	last_warning[0] = '\0';
}

/* What is echoed of the command line must not steer the terminal; jansson wants UTF-8. */
static void disarm(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || (unsigned char)*text >= 0x7f)
			*text = '?';
}

static void say_json(json_t *object)
{
	json_dumpf(object, stderr, JSON_COMPACT);
	fputc('\n', stderr);
	json_decref(object);
}

void sw_report_into(char *text, size_t size)
{
	into = text;
	into_size = size;
}

static void say_error(const char *error, const char *hint)
{
	char place[SW_PLACE_TEXT], text[SW_PLACE_TEXT + 640];

	snprintf(text, sizeof(text), "%s%s", sw_place(place), error);
	disarm(text);
	if (into)
		snprintf(into, into_size, "%s%s%s", text, hint ? ". " : "", hint ?: "");
	else if (sw_json)
		say_json(json_pack("{s:s, s:s*}", "error", text, "hint", hint));
	else
		fprintf(stderr, "synward: %s%s%s\n", text, hint ? ". " : "", hint ?: "");
}

int sw_fail(int err, const char *hint, const char *what, ...)
{
	char text[512], error[640];
	va_list args;

	va_start(args, what);
	vsnprintf(text, sizeof(text), what, args);
	va_end(args);
	if (err)
		snprintf(error, sizeof(error), "Couldn't %s: %s", text, strerror(-err));
	else
		snprintf(error, sizeof(error), "Couldn't %s", text);
	say_error(error, hint);
	return err ?: -EINVAL;
}

int sw_misuse(const char *why, ...)
{
	char error[640];
	va_list args;

	va_start(args, why);
	vsnprintf(error, sizeof(error), why, args);
	va_end(args);
	say_error(error, NULL);
	return -EINVAL;
}

void sw_say(const char *what, ...)
{
	char *text;
	va_list args;
	int length;

	va_start(args, what);
	length = vasprintf(&text, what, args);
	va_end(args);
	if (length < 0)
		return;
	disarm(text);
	if (into)
		snprintf(into, into_size, "%s", text);
	else if (sw_json)
		say_json(json_pack("{s:s}", "message", text));
	else
		fprintf(stderr, "synward: %s\n", text);
	free(text);
}
