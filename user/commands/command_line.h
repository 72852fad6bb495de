/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A command's line taken apart by the rows of its options; options and operands come in any order.
 */
#ifndef SYNWARD_USER_COMMAND_LINE_H
#define SYNWARD_USER_COMMAND_LINE_H

#include "commands/cmd.h"

#define SW_OPTIONS_MAX 64 /* of one command, with those of every command */

struct sw_command_line {
	char *const *operands; /* ends with NULL */
	bool json, verbose, help; /* the options of every command */
	int argc;
	char **argv; /* as it was given, save for its order */
	bool given[SW_OPTIONS_MAX]; /* the line has this row of the command's */
	const char *file; /* what else was read; NULL: nothing */
	unsigned int
		said[SW_OPTIONS_MAX]; /* the last line of the file that has this row; 0: none */
};

/* The options of every command, which fill a struct sw_command_line. */
extern const struct sw_option sw_options_common[];

/* --json stands somewhere on the line: so errors are JSON even before the line is understood. */
bool sw_command_line_wants_json(int argc, char **argv);

/*
 * argv[0] is the command's name. Defaults, then what its file says, then what the line says, go into
 * the command's arguments. 0 or -errno, reported.
 */
int sw_command_line_parse(const struct sw_command *command, int argc, char **argv,
			  struct sw_command_line *line);

#endif
