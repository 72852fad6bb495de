// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * synward-replay, which is `synward replay`: a program of its own, so that what reads captures, which is
 * libpcap and all that it brings, is not in the one that serves.
 */
#include "commands/cmd.h"
#include "commands/program.h"
#include "commands/replay_options.h"

const struct sw_command sw_commands[] = { { SW_COMMAND_REPLAY, .run = sw_cmd_replay }, {} };

int main(int argc, char **argv)
{
	if (sw_program_open(argc, argv))
		return SW_EXIT_FAILED;
	return sw_program_run(sw_commands, argc, argv);
}
