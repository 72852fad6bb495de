/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What every program of synward does around a command: taking its options, refusing what can't be
 * understood, seeing to it that who runs it may, and that what it says is written.
 */
#ifndef SYNWARD_USER_PROGRAM_H
#define SYNWARD_USER_PROGRAM_H

#include "commands/cmd.h"

/* First of all: the standard descriptors are there, and it is known how errors are to be said. 0 or -errno, reported. */
int sw_program_open(int argc, char **argv);

/* Runs the command, whose name stands in argv[0]; one that another program does becomes that. */
enum sw_exit sw_program_run(const struct sw_command *command, int argc, char **argv);

#endif
