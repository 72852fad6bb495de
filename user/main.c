// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The table of commands, and finding the one that is asked for.
 */
#include <string.h>

#include "commands/cmd.h"
#include "commands/program.h"
#include "commands/replay_options.h"
#include "commands/run_config.h"
#include "text/report.h"

/* Rows of a table. clang-format would make columns of them. */
/* clang-format off */
const struct sw_command sw_commands[] = {
	{ .name = "run", .operands = "IFACE...", .min_operands = 1, .max_operands = -1,
	  .help = "track the interfaces until interrupted",
	  .options = sw_options_run, .args = &sw_run_args, .more = sw_options_run_more,
	  .run = sw_cmd_run, .read_file = sw_run_config_read, .privileged = true, .acts = true },
	{ .name = "attach", .operands = "IFACE...", .min_operands = 1, .max_operands = -1,
	  .help = "put the programs on the interfaces and return: tracking without a daemon",
	  .options = sw_options_run, .args = &sw_run_args, .more = sw_options_run_more,
	  .run = sw_cmd_attach, .read_file = sw_run_config_read, .privileged = true, .acts = true },
	{ .name = "detach", .operands = "IFACE...", .min_operands = 1, .max_operands = -1,
	  .help = "take the programs off the interfaces",
	  .run = sw_cmd_detach, .privileged = true, .acts = true },
	{ .name = "status", .operands = "[IFACE...]", .max_operands = -1,
	  .help = "what is attached where, who serves it, table sizes, time-outs",
	  .run = sw_cmd_status, .privileged = true, .reads = true },
	{ .name = "flows", .operands = "[IFACE...]", .max_operands = -1,
	  .help = "the connections, each with the state of both ends",
	  .options = sw_options_flows, .args = &sw_flows_args, .more = sw_options_flows_more,
	  .run = sw_cmd_flows, .privileged = true, .reads = true },
	{ .name = "stats", .operands = "[IFACE...]", .max_operands = -1,
	  .help = "every counter and what it counts",
	  .options = sw_options_stats, .args = &sw_stats_args,
	  .run = sw_cmd_stats, .privileged = true, .reads = true },
	{ .name = "top", .operands = "[IFACE]", .max_operands = 1,
	  .help = "rates, states, guarded ports, sources and flows on one page",
	  .options = sw_options_top, .args = &sw_top_args,
	  .run = sw_cmd_top, .privileged = true, .reads = true, .acts = true },
	{ .name = "events", .operands = "[IFACE]", .max_operands = 1,
	  .help = "one line a transition, until interrupted",
	  .options = sw_options_events, .args = &sw_events_args, .more = sw_options_events_more,
	  .run = sw_cmd_events, .privileged = true, .reads = true, .acts = true },
	{ SW_COMMAND_REPLAY, .program = "synward-replay" },
	{ .name = "check", .operands = "[IFACE]", .max_operands = 1,
	  .help = "what this kernel, driver and sysctls allow, and what to change",
	  .options = sw_options_check, .args = &sw_check_args, .more = sw_options_check_more,
	  .run = sw_cmd_check, .privileged = true },
	{ .name = "key", .operands = "new|show [FILE]", .min_operands = 1, .max_operands = 2,
	  .help = "key files for a fleet; never prints a secret",
	  .options = sw_options_key, .args = &sw_key_args, .more = sw_options_key_more,
	  .run = sw_cmd_key },
	{ .name = "help", .operands = "[COMMAND]", .max_operands = 1,
	  .help = "this, or the help of one command", .run = sw_cmd_help },
	{ .name = "version", .operands = "", .help = "the version", .run = sw_cmd_version },
	{},
};
/* clang-format on */

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;
	const struct sw_command *command;

	if (sw_program_open(argc, argv))
		return SW_EXIT_FAILED;
	if (!name) {
		sw_misuse("which command? `synward help` lists them");
		return SW_EXIT_MISUSE;
	}
	if (!strcmp(name, "--help") || !strcmp(name, "-h"))
		name = "help";
	if (!strcmp(name, "--version") || !strcmp(name, "-V"))
		name = "version";
	command = sw_command_find(name);
	if (!command) {
		sw_misuse("\"%s\" is no command; `synward help` lists them", name);
		return SW_EXIT_MISUSE;
	}
	return sw_program_run(command, argc - 1, argv + 1);
}
