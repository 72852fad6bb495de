/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What a command is: its line in the table of main.c, its options, its function. Usage is printed
 * from these.
 */
#ifndef SYNWARD_USER_CMD_H
#define SYNWARD_USER_CMD_H

#include <stdbool.h>
#include <stddef.h>

enum sw_exit {
	SW_EXIT_DONE = 0,
	SW_EXIT_FAILED = 1,
	SW_EXIT_MISUSE = 2,
};

/*
 * Takes the option's value (NULL if it has none) into the command's arguments; 0 or -errno,
 * reported.
 */
typedef int (*sw_option_fn)(const char *value, void *args);

struct sw_option {
	const char *name; /* without the dashes; NULL ends the table */
	const char *value; /* what stands for it in usage; NULL: it takes none */
	const char *help;
	sw_option_fn take;
};

struct sw_command {
	const char *name;
	const char *operands; /* as in usage: "IFACE..." */
	const char *help; /* one line */
	const struct sw_option *options; /* besides --verbose and --help; NULL: none */
	const char *more; /* further help, or NULL */
	int min_operands, max_operands; /* max -1: any number */
	bool json; /* takes --json */
	bool privileged; /* can't do anything without CAP_SYS_ADMIN and CAP_NET_ADMIN */
	/* Options have been taken into *args; operands is an argv that ends with NULL. */
	enum sw_exit (*run)(char *const *operands, void *args);
	void *args;
};

/* The table of main.c. Ends with a NULL name. */
extern const struct sw_command sw_commands[];

const struct sw_command *sw_command_find(const char *name);

/* Usage on stdout: of all commands, or of one. */
void sw_print_usage(void);
void sw_print_help(const struct sw_command *command);

/* The common options of run and attach. */
extern const struct sw_option sw_attach_options[];
extern const char sw_attach_more[];
struct sw_tracker_options;
extern struct sw_tracker_options sw_attach_args;

/* --timeout and --msl: *args begins with a struct sw_config. */
int sw_take_timeout(const char *value, void *args);
int sw_take_msl(const char *value, void *args);

extern const struct sw_option sw_replay_options[];
extern const char sw_replay_more[];
struct sw_replay_args;
extern struct sw_replay_args sw_replay_args;

extern const struct sw_option sw_flows_options[];
struct sw_flow_filter;
extern struct sw_flow_filter sw_flows_args;
extern const char sw_flows_more[];

extern const struct sw_option sw_key_options[];
extern const char sw_key_more[];
struct sw_key_args;
extern struct sw_key_args sw_key_args;

enum sw_exit sw_cmd_run(char *const *operands, void *args);
enum sw_exit sw_cmd_attach(char *const *operands, void *args);
enum sw_exit sw_cmd_detach(char *const *operands, void *args);
enum sw_exit sw_cmd_status(char *const *operands, void *args);
enum sw_exit sw_cmd_flows(char *const *operands, void *args);
enum sw_exit sw_cmd_stats(char *const *operands, void *args);
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
