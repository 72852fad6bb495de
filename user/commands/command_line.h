/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A command's line taken apart by its option table; options and operands come in any order.
 */
#ifndef SYNWARD_USER_COMMAND_LINE_H
#define SYNWARD_USER_COMMAND_LINE_H

#include "commands/cmd.h"

struct sw_command_line {
	char *const *operands; /* ends with NULL */
	bool help;
};

/* --json stands somewhere on the line: so errors are JSON even before the line is understood. */
bool sw_command_line_wants_json(int argc, char **argv);

/* argv[0] is the command's name. Calls the options' functions. 0 or -EINVAL, reported. */
int sw_command_line_parse(const struct sw_command *command, int argc, char **argv,
			  struct sw_command_line *line);

#endif
