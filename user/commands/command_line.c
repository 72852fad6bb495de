// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * getopt_long() over the command's option table and the options that every command has. Whatever is
 * refused is echoed with what was expected.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "commands/command_line.h"
#include "text/json.h"
#include "text/report.h"

static int take_json(const char *value, void *args)
{
	(void)value;
	(void)args;
	sw_json = true;
	return 0;
}

static int take_verbose(const char *value, void *args)
{
	(void)value;
	(void)args;
	sw_report_verbose(true);
	return 0;
}

static const struct sw_option common[] = {
	{ "json", NULL, "print JSON; errors are then {\"error\":...,\"hint\":...} on stderr",
	  take_json },
	{ "verbose", NULL, "show what libbpf and libxdp say", take_verbose },
	{ "help", NULL, "this help", NULL },
};

#define COMMON      (sizeof(common) / sizeof(common[0]))
#define OPTIONS_MAX 24

/*
 * The options of the command, then the common ones that it has. The table ends with an empty name.
 */
static void list_options(const struct sw_command *command, const struct sw_option *list[])
{
	size_t count = 0;

	for (const struct sw_option *own = command->options; own && own->name; own++)
		list[count++] = own;
	for (size_t i = 0; i < COMMON; i++)
		if (command->json || common[i].take != take_json)
			list[count++] = &common[i];
	list[count] = NULL;
}

bool sw_command_line_wants_json(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "--json"))
			return true;
	return false;
}

static int check_operands(const struct sw_command *command, int count, char *const *operands)
{
	if (count < command->min_operands)
		return sw_misuse("`synward %s` wants %s; see `synward help %s`", command->name,
				 command->operands, command->name);
	if (command->max_operands >= 0 && count > command->max_operands)
		return sw_misuse("\"%s\" is too much; see `synward help %s`",
				 operands[command->max_operands], command->name);
	return 0;
}

static int refuse(const struct sw_command *command, int why, char **argv)
{
	/* getopt has gone past the word, save where it stands in a row of letters */
	const char *word = argv[optind - 1];
	char letter[3] = { '-', (char)optopt, '\0' };

	if (why == ':')
		return sw_misuse("%s wants a value; see `synward help %s`", word, command->name);
	if (optopt && strncmp(word, "--", 2))
		word = letter;
	return sw_misuse("\"%s\" is no option of `synward %s`; see `synward help %s`", word,
			 command->name, command->name);
}

/* "[FLOW]": it may be left out, or follow after "=". */
static int value_kind(const struct sw_option *option)
{
	if (!option->value)
		return no_argument;
	return *option->value == '[' ? optional_argument : required_argument;
}

int sw_command_line_parse(const struct sw_command *command, int argc, char **argv,
			  struct sw_command_line *line)
{
	const struct sw_option *list[OPTIONS_MAX + 1];
	struct option options[OPTIONS_MAX + 1] = {};
	int found, index, err = 0;

	list_options(command, list);
	for (int i = 0; list[i]; i++)
		options[i] = (struct option){ list[i]->name, value_kind(list[i]), NULL, 0 };
	line->help = false;
	opterr = 0;
	while (!err && (found = getopt_long(argc, argv, ":h", options, &index)) != -1) {
		if (found == 'h' || (found == 0 && !list[index]->take))
			line->help = true;
		else if (found == 0)
			err = list[index]->take(optarg, command->args);
		else
			err = refuse(command, found, argv);
	}
	line->operands = argv + optind;
	if (err || line->help)
		return err;
	return check_operands(command, argc - optind, line->operands);
}

/* --- Usage ---------------------------------------------------------------------------------- */

void sw_print_usage(void)
{
	printf("synward tracks every TCP connection of an interface at its driver hook.\n\n"
	       "usage: synward COMMAND ...\n\n");
	for (const struct sw_command *command = sw_commands; command->name; command++)
		printf("  %-8s %-15s %s\n", command->name, command->operands, command->help);
	printf("\n`synward help COMMAND` has the options. Exit: 0 done, 1 failed, 2 misuse.\n");
}

void sw_print_help(const struct sw_command *command)
{
	const struct sw_option *list[OPTIONS_MAX + 1];

	printf("usage: synward %s %s%s[OPTION...]\n\n%s\n\n", command->name, command->operands,
	       *command->operands ? " " : "", command->help);
	list_options(command, list);
	for (int i = 0; list[i]; i++) {
		char left[64];

		snprintf(left, sizeof(left), "--%s %s", list[i]->name, list[i]->value ?: "");
		printf("  %-26s %s\n", left, list[i]->help);
	}
	if (command->more)
		printf("\n%s", command->more);
}
