/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Commands that read, for who may not use BPF but is of the group: a daemon runs them for it. The request is one
 * message: how many settings there are, a byte; these, such as "TERM=screen"; the words of the line; each ends with
 * zero. With it come descriptors for stdout and stderr, and for stdin where that is a terminal: pipes and terminals
 * alone, for to write to some files as root does more than to write. The answer is a byte, the exit status.
 */
#ifndef SYNWARD_USER_ASK_H
#define SYNWARD_USER_ASK_H

#include "commands/command_line.h"

#define SW_REQUEST_MAX   8192
#define SW_REQUEST_FDS   3
#define SW_REQUEST_WORDS 256

/* What of the environment goes along. Ends with NULL. */
extern const char *const sw_request_settings[];

/* The line reads, and changes nothing. */
bool sw_may_ask(const struct sw_command *command, const struct sw_command_line *line);

/* Has it done by a daemon. */
enum sw_exit sw_ask(char **argv);

/* Does what is asked for on this connection, in a process that is for nothing else. */
int sw_answer(int connection);

#endif
