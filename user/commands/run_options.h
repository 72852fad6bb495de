/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The options of run and attach, and the arguments that they fill.
 */
#ifndef SYNWARD_USER_RUN_OPTIONS_H
#define SYNWARD_USER_RUN_OPTIONS_H

#include <sys/socket.h>

#include "commands/option.h"
#include "guard/start.h"

struct sw_run_args {
	struct sw_tracker_options tracker;
	const char *config_file; /* NULL: none is named */
	struct sockaddr_storage metrics; /* ss_family 0: nobody asks for them */
	char *iface[SW_IFACES_MAX + 1]; /* those that a file names; ends with NULL */
	size_t ifaces;
	char **text; /* what the file says, where something points into it */
	size_t texts;
};

extern const struct sw_option sw_options_run[];
extern const char sw_options_run_more[];
extern struct sw_run_args sw_run_args;

/* As they are before anything is taken: all of the defaults. What they hold is not freed. */
void sw_run_args_init(struct sw_run_args *args);
void sw_run_args_free(struct sw_run_args *args);

/* When all has been taken: what one of them says of another. 0 or -errno, reported. */
int sw_run_args_settle(struct sw_run_args *args);

/* The rows of a struct sw_timeouts inside the arguments; replay has them, too. */
/* clang-format off */
#define SW_OPTIONS_TIMEOUT(type, member)                                                    \
	{ .name = "timeout", .kind = SW_OPTION_TIMEOUT, SW_INTO(type, member),              \
	  .min = SW_TIMEOUT_MIN_MS, .max = SW_TIMEOUT_MAX_MS, .repeats = true,              \
	  .help = "how long a flow stays in a state" },                                     \
	{ .name = "msl", .kind = SW_OPTION_DURATION, SW_INTO(type, member.time_wait),       \
	  .initial = "30s", .min = SW_TIMEOUT_MIN_MS, .max = SW_TIMEOUT_MAX_MS / 2,         \
	  .times = 2, .help = "maximum segment lifetime: TIME_WAIT lasts twice that" }
/* clang-format on */

/* Below a millisecond there is no time-out; above 49 days milliseconds don't fit 32 bits. */
#define SW_TIMEOUT_MIN_MS 1
#define SW_TIMEOUT_MAX_MS (49 * 86400000ULL)

#endif
