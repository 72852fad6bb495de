// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * getopt_long() over the rows of the command's options and of those that every command has. Whatever
 * is refused is echoed with what was expected.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/command_line.h"
#include "text/place.h"
#include "text/report.h"

/* Rows of a table. clang-format would make columns of them. */
/* clang-format off */
#define INTO(member) SW_INTO(struct sw_command_line, member)

const struct sw_option sw_options_common[] = {
	{ .name = "json", .kind = SW_OPTION_FLAG, INTO(json),
	  .help = "print JSON, on stderr too: {\"error\":...,\"hint\":...}, {\"message\":...}" },
	{ .name = "verbose", .kind = SW_OPTION_FLAG, INTO(verbose),
	  .help = "show what libbpf and libxdp say" },
	{ .name = "help", .kind = SW_OPTION_FLAG, INTO(help), .help = "this help" },
	{},
};
/* clang-format on */

/* A line being taken apart. The rows are the command's own, then the common ones. */
struct parser {
	const struct sw_command *command;
	struct sw_command_line *line;
	size_t own, rows;
	struct option *long_options; /* one a row, then an empty one */
	char *letters; /* as getopt() wants them: ":hs:d:" */
};

const struct sw_command *sw_command_find(const char *name)
{
	for (const struct sw_command *command = sw_commands; command->name; command++)
		if (!strcmp(command->name, name))
			return command;
	return NULL;
}

bool sw_command_line_wants_json(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (strlen(argv[i]) > 2 && !strncmp(argv[i], "--json", strlen(argv[i])))
			return true; /* getopt takes "--js", too */
	return false;
}

static size_t count(const struct sw_option *options)
{
	size_t rows = 0;

	while (options && options[rows].name)
		rows++;
	return rows;
}

static const struct sw_option *row(const struct parser *parser, size_t index)
{
	if (index < parser->own)
		return &parser->command->options[index];
	return &sw_options_common[index - parser->own];
}

static int value_kind(const struct sw_option *option)
{
	if (option->kind == SW_OPTION_FLAG)
		return no_argument;
	return option->value_optional ? optional_argument : required_argument;
}

static void add_letter(struct parser *parser, const struct sw_option *option)
{
	static const char *const kinds[] = { "", ":", "::" };

	if (option->letter)
		sprintf(parser->letters + strlen(parser->letters), "%c%s", option->letter,
			kinds[value_kind(option)]);
}

static int open_parser(struct parser *parser, const struct sw_command *command, int argc,
		       char **argv, struct sw_command_line *line)
{
	*line = (struct sw_command_line){ .argc = argc, .argv = argv };
	*parser = (struct parser){ .command = command, .line = line };
	parser->own = count(command->options);
	parser->rows = parser->own + count(sw_options_common);
	parser->long_options = calloc(parser->rows + 1, sizeof(*parser->long_options));
	parser->letters = calloc(parser->rows + 1, sizeof(":h::"));
	if (!parser->long_options || !parser->letters)
		return sw_fail(-ENOMEM, NULL, "read the command line");
	if (parser->rows > SW_OPTIONS_MAX)
		return sw_fail(-E2BIG, NULL, "read the command line");
	strcpy(parser->letters, ":h");
	for (size_t i = 0; i < parser->rows; i++) {
		parser->long_options[i] = (struct option){ .name = row(parser, i)->name,
							   .has_arg = value_kind(row(parser, i)) };
		add_letter(parser, row(parser, i));
	}
	return 0;
}

static void close_parser(struct parser *parser)
{
	free(parser->long_options);
	free(parser->letters);
}

static int take(struct parser *parser, size_t index, const char *value)
{
	void *args = index < parser->own ? parser->command->args : parser->line;

	parser->line->given[index] = true;
	return sw_option_take(row(parser, index), value, args);
}

/* The number of the row that has this letter; all letters of parser->letters are a row's. */
static size_t row_of(const struct parser *parser, int letter)
{
	size_t index = 0;

	while (row(parser, index)->letter != letter)
		index++;
	return index;
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

static int take_options(struct parser *parser, int argc, char **argv)
{
	int found, index, err = 0;

	opterr = 0;
	optind = 0; /* starts anew */
	while (!err && (found = getopt_long(argc, argv, parser->letters, parser->long_options,
					    &index)) != -1) {
		if (found == 'h')
			parser->line->help = true;
		else if (found == 0)
			err = take(parser, (size_t)index, optarg);
		else if (found != ':' && found != '?')
			err = take(parser, row_of(parser, found), optarg);
		else
			err = refuse(parser->command, found, argv);
	}
	if (argv[optind] || !parser->line->operands)
		parser->line->operands = argv + optind;
	return err;
}

static int check_operands(const struct sw_command *command, char *const *operands)
{
	int there = 0;

	while (operands[there])
		there++;
	if (there < command->min_operands)
		return sw_misuse("`synward %s` wants %s; see `synward help %s`", command->name,
				 command->operands, command->name);
	if (command->max_operands >= 0 && there > command->max_operands)
		return sw_misuse("\"%s\" is too much; see `synward help %s`",
				 operands[command->max_operands], command->name);
	return 0;
}

static bool is_there(const struct parser *parser, size_t index)
{
	return parser->line->given[index] || parser->line->said[index];
}

/* What the option does nothing without is there, or it needs nothing. */
static bool has_what_it_needs(const struct parser *parser, const struct sw_option *option)
{
	for (int i = 0; option->needs[i]; i++)
		for (size_t other = 0; other < parser->own; other++)
			if (is_there(parser, other) &&
			    !strcmp(row(parser, other)->name, option->needs[i]))
				return true;
	return !option->needs[0];
}

static int check_needs(const struct parser *parser)
{
	char needs[SW_OPTION_TEXT_MAX];
	int err = 0;

	for (size_t i = 0; !err && i < parser->own; i++) {
		const struct sw_option *option = row(parser, i);

		if (!is_there(parser, i) || has_what_it_needs(parser, option))
			continue;
		if (!parser->line->given[i])
			sw_place_set(parser->line->file, parser->line->said[i]);
		err = sw_misuse("%s%s does nothing without %s; see `synward help %s`",
				sw_place_dashes(), option->name, sw_option_needs(option, needs),
				parser->command->name);
		sw_place_set(NULL, 0);
	}
	return err;
}

/* What the line says holds, whatever a file says. */
static int take_all(struct parser *parser, int argc, char **argv)
{
	const struct sw_command *command = parser->command;
	int err = take_options(parser, argc, argv), read = 0;

	if (!err && command->read_file && !parser->line->help)
		read = command->read_file(command, parser->line);
	if (err || read <= 0)
		return err ?: read;
	return take_options(parser, argc, argv);
}

int sw_command_line_parse(const struct sw_command *command, int argc, char **argv,
			  struct sw_command_line *line)
{
	struct parser parser;
	int err = open_parser(&parser, command, argc, argv, line);

	if (!err) {
		sw_options_default(command->options, command->args);
		err = take_all(&parser, argc, argv);
	}
	if (!err && !line->help)
		err = check_needs(&parser) ?: check_operands(command, line->operands);
	close_parser(&parser);
	return err;
}
