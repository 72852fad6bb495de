// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * From a command's line to its function, or to the program beside this one that does it.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "commands/ask.h"
#include "commands/command_line.h"
#include "commands/program.h"
#include "host/privilege.h"
#include "text/json.h"
#include "text/output.h"
#include "text/report.h"

int sw_program_open(int argc, char **argv)
{
	int err = sw_output_open();

	sw_json = sw_command_line_wants_json(argc, argv);
	return err ? sw_fail(err, NULL, "open /dev/null in place of a closed descriptor") : 0;
}

/* Comes back only if it couldn't. */
static enum sw_exit become(const char *program, char **argv)
{
	char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *name;

	path[length > 0 ? length : 0] = '\0';
	name = strrchr(path, '/');
	if (!name || snprintf(name + 1, path + sizeof(path) - name - 1, "%s", program) < 0)
		return sw_exit_of(sw_fail(-ENOENT, NULL, "find where synward lies"));
	argv[0] = name + 1;
	execv(path, argv);
	return sw_exit_of(sw_fail(-errno, "It is a package of its own", "run %s", path));
}

static enum sw_exit run(const struct sw_command *command, int argc, char **argv)
{
	struct sw_command_line line;

	if (command->program)
		return become(command->program, argv);
	if (sw_command_line_parse(command, argc, argv, &line))
		return SW_EXIT_MISUSE;
	sw_json = line.json;
	if (line.help) {
		sw_print_help(command);
		return SW_EXIT_DONE;
	}
	if (!sw_has_privilege() && sw_may_ask(command, &line))
		return sw_ask(argv);
	if (command->privileged && sw_need_privilege())
		return SW_EXIT_FAILED;
	if (command->acts)
		signal(SIGPIPE, SIG_IGN);
	sw_report_libraries(line.verbose);
	return command->run(line.operands, command->args);
}

/* What could not be written is not done. A reader who has gone, as `head` does, need not hear that. */
static enum sw_exit flush(enum sw_exit status)
{
	int err = sw_output_flush();

	if (!err)
		return status;
	if (err != -EPIPE)
		sw_fail(err, NULL, "write the output");
	return SW_EXIT_FAILED;
}

enum sw_exit sw_program_run(const struct sw_command *command, int argc, char **argv)
{
	return flush(run(command, argc, argv));
}
