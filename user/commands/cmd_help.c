// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * synward help, synward version. All that is said of commands and options comes from their rows.
 */
#include <stdio.h>
#include <string.h>

#include "commands/cmd.h"
#include "commands/command_line.h"
#include "text/report.h"

#define COLUMNS     100
#define TEXT_COLUMN 31 /* where the help of an option begins */
#define NOTE_TEXT   (3 * SW_OPTION_TEXT_MAX)

/* --- Text ----------------------------------------------------------------------------------- */

/* Adds what there is to a list that "; " parts. */
static void append(char text[NOTE_TEXT], const char *before, const char *what)
{
	size_t length = strlen(text);

	if (*what)
		snprintf(text + length, NOTE_TEXT - length, "%s%s%s", length ? "; " : "", before,
			 what);
}

/* "10s; 100ms to 1d; with --guard": default, range, and what it does nothing without. */
static const char *note(const struct sw_option *option, char text[NOTE_TEXT])
{
	char initial[SW_OPTION_TEXT_MAX], needs[SW_OPTION_TEXT_MAX];
	char min[SW_VALUE_TEXT], max[SW_VALUE_TEXT], range[2 * SW_VALUE_TEXT + 8] = "";

	if (sw_option_has_range(option))
		snprintf(range, sizeof(range), "%s to %s",
			 sw_option_bound(option, option->min, min),
			 sw_option_bound(option, option->max, max));
	text[0] = '\0';
	append(text, "", sw_option_initial(option, initial));
	append(text, "", range);
	append(text, "with ", sw_option_needs(option, needs));
	return text;
}

/* Word by word; the next line begins below the first. */
static void print_wrapped(const char *text)
{
	int column = TEXT_COLUMN;

	while (*text) {
		int length = (int)strcspn(text, " ");

		if (column > TEXT_COLUMN && column + 1 + length > COLUMNS) {
			printf("\n%*s", TEXT_COLUMN, "");
			column = TEXT_COLUMN;
		}
		column += printf("%s%.*s", column > TEXT_COLUMN ? " " : "", length, text);
		text += length + (text[length] == ' ');
	}
	putchar('\n');
}

static void print_option(const struct sw_option *option)
{
	char value[SW_OPTION_TEXT_MAX], left[2 * SW_OPTION_TEXT_MAX];
	char notes[NOTE_TEXT], text[2 * NOTE_TEXT];

	snprintf(left, sizeof(left), "--%s %s", option->name, sw_option_value(option, value));
	note(option, notes);
	snprintf(text, sizeof(text), *notes ? "%s (%s)" : "%s", option->help, notes);
	printf("  %-*s ", TEXT_COLUMN - 3, left);
	print_wrapped(text);
}

static void print_options(const struct sw_option *options)
{
	for (; options && options->name; options++)
		print_option(options);
}

static void print_command(const struct sw_command *command)
{
	printf("usage: synward %s %s%s[OPTION...]\n\n%s\n\n", command->name, command->operands,
	       *command->operands ? " " : "", command->help);
	print_options(command->options);
	print_options(sw_options_common);
	if (command->more)
		printf("\n%s", command->more);
}

static void print_commands(void)
{
	printf("synward tracks every TCP connection of an interface at its driver hook.\n\n"
	       "usage: synward COMMAND ...\n\n");
	for (const struct sw_command *command = sw_commands; command->name; command++)
		printf("  %-8s %-15s %s\n", command->name, command->operands, command->help);
	printf("\n`synward help COMMAND` has the options. Exit: 0 done, 1 failed, 2 misuse.\n");
}

/* --- The commands --------------------------------------------------------------------------- */

void sw_print_help(const struct sw_command *command)
{
	if (command)
		print_command(command);
	else
		print_commands();
}

enum sw_exit sw_cmd_help(char *const *operands, void *args)
{
	const struct sw_command *command = NULL;

	(void)args;
	if (operands[0]) {
		command = sw_command_find(operands[0]);
		if (!command) {
			sw_misuse("\"%s\" is no command; `synward help` lists them", operands[0]);
			return SW_EXIT_MISUSE;
		}
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
