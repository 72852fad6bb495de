/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The options of run and attach, and the arguments that they fill.
 */
#ifndef SYNWARD_USER_RUN_OPTIONS_H
#define SYNWARD_USER_RUN_OPTIONS_H

#include "commands/option.h"
#include "guard/start.h"

extern const struct sw_option sw_options_run[];
extern const char sw_options_run_more[];
extern struct sw_tracker_options sw_run_args;

/* The rows of a struct sw_timeouts inside the arguments; replay has them, too. */
/* clang-format off */
#define SW_OPTIONS_TIMEOUT(type, member)                                                    \
	{ .name = "timeout", .kind = SW_OPTION_TIMEOUT, SW_INTO(type, member),              \
	  .min = SW_TIMEOUT_MIN_MS, .max = SW_TIMEOUT_MAX_MS,                               \
	  .help = "how long a flow stays in a state" },                                     \
	{ .name = "msl", .kind = SW_OPTION_DURATION, SW_INTO(type, member.time_wait),       \
	  .initial = "30s", .min = SW_TIMEOUT_MIN_MS, .max = SW_TIMEOUT_MAX_MS / 2,         \
	  .times = 2, .help = "maximum segment lifetime: TIME_WAIT lasts twice that" }
/* clang-format on */

/* Below a millisecond there is no time-out; above 49 days milliseconds don't fit 32 bits. */
#define SW_TIMEOUT_MIN_MS 1
#define SW_TIMEOUT_MAX_MS (49 * 86400000ULL)

#endif
