/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The row and the options of replay: synward shows them in its help, synward-replay does what they say.
 */
#ifndef SYNWARD_USER_REPLAY_OPTIONS_H
#define SYNWARD_USER_REPLAY_OPTIONS_H

#include "commands/option.h"
#include "replay/engine.h"

struct sw_replay_args {
	struct sw_replay_options replay;
	bool segments, ladder, ascii, window;
	const char *svg; /* file to write, or NULL */
	__u64 flow; /* to draw; 0: not said */
};

extern const struct sw_option sw_options_replay[];
extern const char sw_options_replay_more[];
extern struct sw_replay_args sw_replay_args;

/* clang-format off */
#define SW_COMMAND_REPLAY                                                                           \
	.name = "replay", .operands = "FILE", .min_operands = 1, .max_operands = 2,                 \
	.help = "a capture through the same programs, offline: what every segment did",             \
	.options = sw_options_replay, .args = &sw_replay_args, .more = sw_options_replay_more,      \
	.privileged = true
/* clang-format on */

#endif
