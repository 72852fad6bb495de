// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * synward help, synward version.
 */
#include <stdio.h>

#include "commands/cmd.h"
#include "text/report.h"

enum sw_exit sw_cmd_help(char *const *operands, void *args)
{
	const struct sw_command *command;

	(void)args;
	if (!operands[0]) {
		sw_print_usage();
		return SW_EXIT_DONE;
	}
	command = sw_command_find(operands[0]);
	if (!command) {
		sw_misuse("\"%s\" is no command; `synward help` lists them", operands[0]);
		return SW_EXIT_MISUSE;
	}
	sw_print_help(command);
	return SW_EXIT_DONE;
}

enum sw_exit sw_cmd_version(char *const *operands, void *args)
{
	(void)operands;
	(void)args;
	printf("synward %s\n", SYNWARD_VERSION);
	return SW_EXIT_DONE;
}
