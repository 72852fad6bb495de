// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Errors as user/text/report.c words them.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text/place.h"
#include "text/report.h"
#include "said.h"

static char last[8192];

const char *said(void)
{
	return last;
}

void forget_said(void)
{
	last[0] = '\0';
}

int sw_misuse(const char *why, ...)
{
	char place[SW_PLACE_TEXT];
	size_t length = (size_t)snprintf(last, sizeof(last), "%s", sw_place(place));
	va_list args;

	va_start(args, why);
	vsnprintf(last + length, sizeof(last) - length, why, args);
	va_end(args);
	return -EINVAL;
}

void sw_say(const char *what, ...)
{
	va_list args;

	va_start(args, what);
	vsnprintf(last, sizeof(last), what, args);
	va_end(args);
}

int sw_fail(int err, const char *hint, const char *what, ...)
{
	int length = snprintf(last, sizeof(last), "Couldn't ");
	va_list args;

	va_start(args, what);
	length += vsnprintf(last + length, sizeof(last) - length, what, args);
	va_end(args);
	if (err)
		length += snprintf(last + length, sizeof(last) - length, ": %s", strerror(-err));
	if (hint)
		snprintf(last + length, sizeof(last) - length, ". %s", hint);
	return err ?: -EINVAL;
}
