// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * synward help, synward version. All that is said of commands and options comes from their rows, to
 * people as text, to programs as JSON.
 */
#include <stdio.h>
#include <string.h>

#include "commands/cmd.h"
#include "commands/command_line.h"
#include "text/json.h"
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

	const char letter[] = { ',', ' ', '-', option->letter, '\0' };

	snprintf(left, sizeof(left), "--%s%s %s", option->name, option->letter ? letter : "",
		 sw_option_value(option, value));
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

/* --- JSON ----------------------------------------------------------------------------------- */

static json_t *choices_json(const struct sw_option *option)
{
	json_t *list = json_array();

	for (__u64 i = option->min; i <= option->max; i++)
		json_array_append_new(list, json_string(option->choice((unsigned int)i)));
	return list;
}

static json_t *needs_json(const struct sw_option *option)
{
	json_t *list = json_array();

	for (int i = 0; option->needs[i]; i++)
		json_array_append_new(list, json_string(option->needs[i]));
	return list;
}

static void set_text(json_t *object, const char *key, const char *text)
{
	if (*text)
		json_object_set_new(object, key, json_string(text));
}

/* Default and range are as one would write them; "needs" is a list of which one suffices. */
static json_t *option_json(const struct sw_option *option)
{
	char text[SW_OPTION_TEXT_MAX], bound[SW_VALUE_TEXT];
	const char letter[] = { option->letter, '\0' };
	json_t *object = json_pack("{s:s, s:s, s:s}", "name", option->name, "kind",
				   sw_option_kind_name(option->kind), "help", option->help);

	set_text(object, "letter", letter);
	set_text(object, "value", sw_option_value(option, text));
	set_text(object, "default", sw_option_initial(option, text));
	if (option->needs[0])
		json_object_set_new(object, "needs", needs_json(option));
	if (option->kind == SW_OPTION_CHOICE)
		json_object_set_new(object, "choices", choices_json(option));
	if (sw_option_has_range(option)) {
		set_text(object, "min", sw_option_bound(option, option->min, bound));
		set_text(object, "max", sw_option_bound(option, option->max, bound));
	}
	return object;
}

static void append_options(json_t *list, const struct sw_option *options)
{
	for (; options && options->name; options++)
		json_array_append_new(list, option_json(options));
}

static json_t *command_json(const struct sw_command *command)
{
	json_t *options = json_array();

	append_options(options, command->options);
	append_options(options, sw_options_common);
	return json_pack("{s:s, s:s, s:s, s:o, s:s?}", "name", command->name, "operands",
			 command->operands, "help", command->help, "options", options, "more",
			 command->more);
}

static json_t *commands_json(void)
{
	json_t *list = json_array();

	for (const struct sw_command *command = sw_commands; command->name; command++)
		json_array_append_new(list, command_json(command));
	return json_pack("{s:o}", "commands", list);
}

/* --- The commands --------------------------------------------------------------------------- */

void sw_print_help(const struct sw_command *command)
{
	if (sw_json)
		sw_json_print(command ? command_json(command) : commands_json());
	else if (command)
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
	if (sw_json)
		sw_json_print(json_pack("{s:s}", "version", SYNWARD_VERSION));
	else
		printf("synward %s\n", SYNWARD_VERSION);
	return SW_EXIT_DONE;
}
