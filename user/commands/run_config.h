/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The configuration file of run and attach: the names of their options, each with its value, one a line.
 *
 *   interface = eth0
 *   guard = 80,443
 *   cookies = auto
 *
 *   [ports]
 *   guard = 192.0.2.1:22
 *   cookies = always
 *
 * What a section doesn't say is as it is above all sections. Whatever can't be taken is named by file and
 * line, all of it in one reading.
 */
#ifndef SYNWARD_USER_RUN_CONFIG_H
#define SYNWARD_USER_RUN_CONFIG_H

#include "commands/command_line.h"
#include "commands/run_options.h"

/* For sw_command.read_file, of commands whose arguments are a struct sw_run_args. */
int sw_run_config_read(const struct sw_command *command, struct sw_command_line *line);

/*
 * Takes the same command line and its file anew, into *args, which are empty. *operands: the interfaces.
 * 0 or -errno, reported.
 */
int sw_run_config_again(struct sw_run_args *args, char *const **operands);

/*
 * What is in force stays where a new start is needed to change it: *args gets that of *now, and what
 * would have been another one is named.
 */
void sw_run_config_keep_fixed(struct sw_run_args *args, const struct sw_run_args *now);

#endif
