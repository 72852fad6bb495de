// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A line of words taken apart by the rows of a command, and the help that is printed from them.
 */
#include <errno.h>
#include <jansson.h>

#include "check.h"
#include "commands/command_line.h"
#include "commands/run_options.h"
#include "said.h"
#include "text/json.h"
#include "unit.h"

struct args {
	bool guard, twin, dry;
	__u32 mark;
	const char *file;
};

static struct args args;

/* clang-format off */
#define INTO(member) SW_INTO(struct args, member)

static const struct sw_option rows[] = {
	{ .name = "guard", .kind = SW_OPTION_FLAG, INTO(guard), .help = "stands guard" },
	{ .name = "twin", .kind = SW_OPTION_FLAG, INTO(twin), .help = "stands beside" },
	{ .name = "dry-run", .kind = SW_OPTION_FLAG, INTO(dry), .needs = { "guard" },
	  .help = "does nothing by itself" },
	{ .name = "mark", .letter = 'm', .kind = SW_OPTION_NUMBER, INTO(mark),
	  .needs = { "guard", "twin" }, .initial = "23", .min = 1, .max = 1000, .help = "is a number" },
	{ .name = "file", .kind = SW_OPTION_FILE, INTO(file), .help = "is a file" },
	{},
};

const struct sw_command sw_commands[] = {
	{ .name = "one", .operands = "NAME [NAME]", .min_operands = 1, .max_operands = 2,
	  .help = "takes one or two names", .options = rows, .args = &args, .more = "And more.\n" },
	{ .name = "bare", .operands = "", .help = "takes nothing" },
	{ .name = "run", .operands = "IFACE...", .max_operands = -1, .help = "runs",
	  .options = sw_options_run, .args = &sw_run_args, .more = sw_options_run_more },
	{},
};
/* clang-format on */

/* A line as main() has it, in one text. */
static int parse(const char *text, struct sw_command_line *line)
{
	static char words[256], *argv[32];
	int argc = 0;

	assert_true(strlen(text) < sizeof(words));
	strcpy(words, text);
	for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	forget_said();
	args = (struct args){};
	return sw_command_line_parse(sw_command_find(argv[0]), argc, argv, line);
}

static void taken(const char *text)
{
	struct sw_command_line line;

	must(parse(text, &line) == 0, "%s: %s", text, said());
}

static void refused(const char *text, const char *why)
{
	struct sw_command_line line;

	must(parse(text, &line) == -EINVAL, "taken: %s", text);
	assert_string_equal(said(), why);
}

static void options_and_operands_come_in_any_order(void **state)
{
	struct sw_command_line line;

	(void)state;
	assert_int_equal(parse("one a --mark 7 b --guard --file=x", &line), 0);
	assert_true(args.guard);
	assert_int_equal(args.mark, 7);
	assert_string_equal(args.file, "x");
	assert_string_equal(line.operands[0], "a");
	assert_string_equal(line.operands[1], "b");
	assert_null(line.operands[2]);
	assert_int_equal(parse("one -- --guard", &line), 0);
	assert_string_equal(line.operands[0], "--guard");
	assert_false(args.guard);
}

static void letter_stands_for_its_option(void **state)
{
	struct sw_command_line line;

	(void)state;
	assert_int_equal(parse("one a -m 7 b --guard", &line), 0);
	assert_int_equal(args.mark, 7);
	assert_string_equal(line.operands[1], "b");
	assert_int_equal(parse("one -m8 a --guard", &line), 0);
	assert_int_equal(args.mark, 8);
	refused("one a --guard -m", "-m wants a value; see `synward help one`");
	refused("bare -m 7", "\"-m\" is no option of `synward bare`; see `synward help bare`");
}

static void what_is_not_given_has_its_default(void **state)
{
	(void)state;
	taken("one a");
	assert_int_equal(args.mark, 23);
	assert_null(args.file);
}

static void every_command_takes_the_common_options(void **state)
{
	struct sw_command_line line;

	(void)state;
	for (const struct sw_command *command = sw_commands; command->name; command++) {
		char text[64];

		sprintf(text, "%s x --json --verbose --help", command->name);
		assert_int_equal(parse(text, &line), 0);
		assert_true(line.json && line.verbose && line.help);
	}
	assert_int_equal(parse("bare", &line), 0);
	assert_false(line.json || line.verbose || line.help);
	assert_int_equal(parse("bare -h", &line), 0);
	assert_true(line.help);
}

static void misuse_is_echoed_with_the_way_to_help(void **state)
{
	(void)state;
	refused("one", "`synward one` wants NAME [NAME]; see `synward help one`");
	refused("one a b c", "\"c\" is too much; see `synward help one`");
	refused("bare x", "\"x\" is too much; see `synward help bare`");
	refused("one a --frob", "\"--frob\" is no option of `synward one`; see `synward help one`");
	refused("one a -x", "\"-x\" is no option of `synward one`; see `synward help one`");
	refused("bare --guard",
		"\"--guard\" is no option of `synward bare`; see `synward help bare`");
	refused("one a --mark", "--mark wants a value; see `synward help one`");
	refused("one a --guard --mark 0", "--mark is 1 to 1000, not \"0\"");
	refused("one a --guard=yes", "\"--guard=yes\" is no option of `synward one`; "
				     "see `synward help one`");
	assert_null(sw_command_find("two"));
}

static void option_without_what_it_needs_is_refused_by_name(void **state)
{
	(void)state;
	refused("one a --dry-run",
		"--dry-run does nothing without --guard; see `synward help one`");
	refused("one --dry-run a --twin",
		"--dry-run does nothing without --guard; see `synward help one`");
	refused("one a --mark 7",
		"--mark does nothing without --guard or --twin; see `synward help one`");
	taken("one --dry-run a --guard");
	taken("one a --mark 7 --guard");
	taken("one a --mark 7 --twin");
	taken("one --dry-run --help");
}

static void command_may_have_as_many_options_as_a_line_keeps(void **state)
{
	static struct sw_option many[SW_OPTIONS_MAX];
	static char names[SW_OPTIONS_MAX][8];
	static bool given[SW_OPTIONS_MAX];
	struct sw_command command = { .name = "many", .options = many, .args = given };
	char *argv[] = { "many", "--o60", "--o7", "--json", NULL };
	struct sw_command_line line;

	(void)state;
	for (size_t i = 0; i + 3 < COUNT(many); i++) {
		sprintf(names[i], "o%zu", i);
		many[i] = (struct sw_option){ .name = names[i], .offset = i, .size = sizeof(bool) };
	}
	assert_int_equal(sw_command_line_parse(&command, 4, argv, &line), 0);
	assert_true(given[7] && given[60] && line.json);
	given[7] = given[60] = false;
	for (size_t i = 0; i < COUNT(given); i++)
		assert_false(given[i]);
	many[COUNT(many) - 3] = (struct sw_option){ .name = "more", .size = sizeof(bool) };
	many[COUNT(many) - 2] = (struct sw_option){ .name = "most", .size = sizeof(bool) };
	assert_int_equal(sw_command_line_parse(&command, 4, argv, &line), -E2BIG);
}

static void json_is_found_wherever_it_stands(void **state)
{
	(void)state;
	assert_true(sw_command_line_wants_json(3, (char *[]){ "synward", "trakc", "--json" }));
	assert_true(sw_command_line_wants_json(3, (char *[]){ "synward", "--json", "run" }));
	assert_true(sw_command_line_wants_json(4, (char *[]){ "synward", "x", "--frob", "--js" }));
	assert_false(sw_command_line_wants_json(3, (char *[]){ "synward", "x", "--jsonx" }));
	assert_false(sw_command_line_wants_json(4, (char *[]){ "synward", "x", "--", "--json" }));
	assert_false(sw_command_line_wants_json(2, (char *[]){ "--json", "--" }));
}

/* --- Help ----------------------------------------------------------------------------------- */

/* What was printed; valid until the next call. */
static const char *help_of(const char *name, bool json)
{
	static char *text;
	static size_t size;
	FILE *terminal = stdout;

	free(text);
	stdout = open_memstream(&text, &size);
	assert_non_null(stdout);
	sw_json = json;
	sw_print_help(name ? sw_command_find(name) : NULL);
	sw_json = false;
	fclose(stdout);
	stdout = terminal;
	return text;
}

static void help_has_every_option_and_fits_100_columns(void **state)
{
	(void)state;
	for (const struct sw_command *command = sw_commands; command->name; command++) {
		const char *text = help_of(command->name, false);

		for (const struct sw_option *row = command->options; row && row->name; row++) {
			char name[32];

			sprintf(name, "\n  --%s%s", row->name, row->letter ? "," : " ");
			must(strstr(text, name), "%s: no --%s", command->name, row->name);
		}
		for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
			must(strcspn(line, "\n") <= 100, "%s: %.*s", command->name,
			     (int)strcspn(line, "\n"), line);
	}
}

static void help_says_default_range_and_need_once(void **state)
{
	(void)state;
	assert_string_equal(
		help_of("one", false),
		"usage: synward one NAME [NAME] [OPTION...]\n\ntakes one or two names\n\n"
		"  --guard                      stands guard\n"
		"  --twin                       stands beside\n"
		"  --dry-run                    does nothing by itself (with --guard)\n"
		"  --mark, -m N                 is a number (23; 1 to 1000; with --guard or "
		"--twin)\n"
		"  --file FILE                  is a file\n"
		"  --json                       print JSON, on stderr too: "
		"{\"error\":...,\"hint\":...}, "
		"{\"message\":...}\n"
		"  --verbose                    show what libbpf and libxdp say\n"
		"  --help                       this help\n"
		"\nAnd more.\n");
}

static void help_is_json_where_that_is_asked_for(void **state)
{
	json_t *all, *one, *mark, *wanted;

	(void)state;
	all = json_loads(help_of(NULL, true), 0, NULL);
	assert_int_equal(json_array_size(json_object_get(all, "commands")), 3);
	one = json_loads(help_of("one", true), 0, NULL);
	assert_true(json_equal(one, json_array_get(json_object_get(all, "commands"), 0)));
	mark = json_array_get(json_object_get(one, "options"), 3);
	wanted = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:[s, s]}", "name", "mark",
			   "letter", "m", "kind", "number", "help", "is a number", "value", "N",
			   "default", "23", "min", "1", "max", "1000", "needs", "guard", "twin");
	assert_true(json_equal(mark, wanted));
	json_decref(wanted);
	json_decref(one);
	json_decref(all);
}

int test_command_line(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_and_operands_come_in_any_order),
		cmocka_unit_test(letter_stands_for_its_option),
		cmocka_unit_test(what_is_not_given_has_its_default),
		cmocka_unit_test(every_command_takes_the_common_options),
		cmocka_unit_test(misuse_is_echoed_with_the_way_to_help),
		cmocka_unit_test(option_without_what_it_needs_is_refused_by_name),
		cmocka_unit_test(command_may_have_as_many_options_as_a_line_keeps),
		cmocka_unit_test(json_is_found_wherever_it_stands),
		cmocka_unit_test(help_has_every_option_and_fits_100_columns),
		cmocka_unit_test(help_says_default_range_and_need_once),
		cmocka_unit_test(help_is_json_where_that_is_asked_for),
	};

	return cmocka_run_group_tests_name("command line", tests, NULL, NULL);
}
