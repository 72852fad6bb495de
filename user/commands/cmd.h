/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What a command is: its line in the table of main.c, its options, its function. Usage is printed
 * from these.
 */
#ifndef SYNWARD_USER_CMD_H
#define SYNWARD_USER_CMD_H

#include <stdbool.h>
#include <stddef.h>

#include "commands/option.h"

enum sw_exit {
	SW_EXIT_DONE = 0,
	SW_EXIT_FAILED = 1,
	SW_EXIT_MISUSE = 2,
};

struct sw_command_line;

struct sw_command {
	const char *name;
	const char *operands; /* as in usage: "IFACE..." */
	const char *help; /* one line */
	const struct sw_option *options; /* besides those of every command; NULL: none */
	const char *more; /* further help, or NULL */
	int min_operands, max_operands; /* max -1: any number */
	bool acts; /* it is not to stop half-way because nobody reads any more what it says */
	bool privileged; /* can't do anything without CAP_SYS_ADMIN and CAP_NET_ADMIN */
	bool reads; /* who is of the group may have it done by a daemon */
	const char *program; /* that does it, and lies beside this one; NULL: `run` does */
	/*
	 * Puts what a file says into *args anew, options that the line has left out. 1: it has, and the
	 * line goes over it; 0: there is no file; or -errno, reported. NULL: it never does.
	 */
	int (*read_file)(const struct sw_command *command, struct sw_command_line *line);
	/* Options have been taken into *args; operands is an argv that ends with NULL. */
	enum sw_exit (*run)(char *const *operands, void *args);
	void *args;
};

/* The table of main.c. Ends with a NULL name. */
extern const struct sw_command sw_commands[];

const struct sw_command *sw_command_find(const char *name);

/* What there is to know of a command, or of all (NULL), on stdout. */
void sw_print_help(const struct sw_command *command);

/* What commands have options for, besides run and attach (run_options.h) and replay (replay_options.h). */
extern const struct sw_option sw_options_flows[], sw_options_key[], sw_options_stats[];
extern const struct sw_option sw_options_events[], sw_options_check[], sw_options_top[];
extern const char sw_options_flows_more[], sw_options_key_more[], sw_options_events_more[];
extern const char sw_options_check_more[];
extern struct sw_flows_args sw_flows_args;
extern struct sw_stats_args sw_stats_args;
extern struct sw_event_wish sw_events_args;
extern struct sw_top_args sw_top_args;
extern struct sw_key_args sw_key_args;
extern struct sw_check_args sw_check_args;

enum sw_exit sw_cmd_run(char *const *operands, void *args);
enum sw_exit sw_cmd_attach(char *const *operands, void *args);
enum sw_exit sw_cmd_detach(char *const *operands, void *args);
enum sw_exit sw_cmd_status(char *const *operands, void *args);
enum sw_exit sw_cmd_flows(char *const *operands, void *args);
enum sw_exit sw_cmd_stats(char *const *operands, void *args);
enum sw_exit sw_cmd_top(char *const *operands, void *args);
enum sw_exit sw_cmd_events(char *const *operands, void *args);
enum sw_exit sw_cmd_replay(char *const *operands, void *args);
enum sw_exit sw_cmd_check(char *const *operands, void *args);
enum sw_exit sw_cmd_key(char *const *operands, void *args);
enum sw_exit sw_cmd_help(char *const *operands, void *args);
enum sw_exit sw_cmd_version(char *const *operands, void *args);

static inline enum sw_exit sw_exit_of(int err)
{
	return err ? SW_EXIT_FAILED : SW_EXIT_DONE;
}

#endif
