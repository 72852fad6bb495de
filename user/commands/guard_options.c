// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The options of run and attach that are guard's. *args is a struct sw_tracker_options.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/guard_options.h"
#include "guard/start.h"
#include "text/names.h"
#include "text/report.h"
#include "text/values.h"

static struct sw_guard_options *guard_of(void *args)
{
	return &((struct sw_tracker_options *)args)->guard;
}

static int take_port(const char *text, struct sw_guard_options *guard)
{
	const struct sw_range range = { "--guard", 1, 65535 };
	__u64 number;
	int err = sw_parse_number(text, &range, &number);

	if (err)
		return err;
	for (__u32 i = 0; i < guard->count; i++)
		if (guard->ports[i] == number)
			return 0;
	if (guard->count == SW_PORTS_MAX)
		return sw_misuse("--guard takes at most %d ports", SW_PORTS_MAX);
	guard->ports[guard->count++] = (__u16)number;
	return 0;
}

/* "80,443" */
int sw_take_guard(const char *value, void *args)
{
	char *list = strdup(value), *rest = list, *port;
	int err = list ? 0 : sw_fail(-ENOMEM, NULL, "read the ports");

	while (!err && (port = strsep(&rest, ",")))
		err = take_port(port, guard_of(args));
	free(list);
	return err;
}

int sw_take_cookies(const char *value, void *args)
{
	struct sw_guard_options *guard = guard_of(args);

	for (int mode = COOKIES_AUTO; mode <= COOKIES_NEVER; mode++) {
		guard->mode = (enum sw_cookie_mode)mode;
		if (!strcmp(value, sw_cookie_mode_name(guard->mode)))
			return 0;
	}
	return sw_misuse("--cookies is auto, always or never, not \"%s\"", value);
}

int sw_take_admission(const char *value, void *args)
{
	struct sw_guard_options *guard = guard_of(args);

	for (int way = ADMISSION_BPF; way <= ADMISSION_KERNEL; way++) {
		guard->admission = (enum sw_admission)way;
		if (!strcmp(value, sw_admission_name(guard->admission)))
			return 0;
	}
	return sw_misuse("--admission is bpf or kernel, not \"%s\"", value);
}

int sw_take_key_file(const char *value, void *args)
{
	guard_of(args)->key_file = value;
	return 0;
}

int sw_take_dry_run(const char *value, void *args)
{
	(void)value;
	guard_of(args)->dry_run = true;
	return 0;
}

static int take_u32(const char *option, const char *value, __u64 min, __u32 *number)
{
	const struct sw_range range = { option, min, 1000000000 };
	__u64 parsed;
	int err = sw_parse_number(value, &range, &parsed);

	if (!err)
		*number = (__u32)parsed;
	return err;
}

int sw_take_reply_budget(const char *value, void *args)
{
	return take_u32("--reply-budget", value, 0, &guard_of(args)->reply_budget);
}

int sw_take_high_mark(const char *value, void *args)
{
	return take_u32("--high-mark", value, 1, &guard_of(args)->high);
}

int sw_take_low_mark(const char *value, void *args)
{
	return take_u32("--low-mark", value, 0, &guard_of(args)->low);
}

int sw_take_quiet(const char *value, void *args)
{
	const struct sw_range range = { "--quiet-time", 100, 86400000 };
	__u64 ms;
	int err = sw_parse_duration(value, &range, &ms);

	if (!err)
		guard_of(args)->quiet_ms = (__u32)ms;
	return err;
}
