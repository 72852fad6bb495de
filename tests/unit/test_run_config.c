// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The configuration file: what it may say, what holds of it beside the command line, and how what it may
 * not say is named.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "commands/run_config.h"
#include "said.h"
#include "unit.h"

static struct sw_run_args args;
static const struct sw_command command = {
	.name = "run",
	.operands = "IFACE...",
	.min_operands = 1,
	.max_operands = -1,
	.options = sw_options_run,
	.args = &args,
	.read_file = sw_run_config_read,
};
static char path[] = "/tmp/sw-config-XXXXXX";

static int setup(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state)
{
	(void)state;
	sw_run_args_free(&args);
	return unlink(path);
}

static void write_file(const char *text, size_t size)
{
	FILE *file = fopen(path, "w");

	must(file && fwrite(text, 1, size, file) == size && !fclose(file), "%s", path);
}

/* Reads this file, below these words of the command line. */
static int read_below(const char *text, const char *words, struct sw_command_line *line)
{
	static char copy[200], *argv[20];
	int argc = 3;

	write_file(text, strlen(text));
	snprintf(copy, sizeof(copy), "%s", words);
	argv[0] = "run";
	argv[1] = "--config";
	argv[2] = path;
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	sw_run_args_free(&args);
	sw_run_args_init(&args);
	forget_said();
	return sw_command_line_parse(&command, argc, argv, line) ?: sw_run_args_settle(&args);
}

static void taken(const char *text, const char *words)
{
	struct sw_command_line line;

	must(!read_below(text, words, &line), "%s: %s", text, said());
}

static const struct sw_port_terms *terms_of(__u16 port)
{
	struct sw_port_key key = { .port = port };
	const struct sw_port_wish *wish = sw_port_list_find(&args.tracker.guard.ports, &key);

	must(wish, "port %u is not guarded", port);
	return &wish->terms;
}

static void names_are_those_of_the_options(void **state)
{
	struct sw_command_line line;

	(void)state;
	must(!read_below("# a comment\n"
			 "interface = veth0\n"
			 "interface=veth1   ; and another one\n"
			 "\n"
			 "flows = 1000\n"
			 "timeout = time-wait=7s\n"
			 "timeout = established=1d\n"
			 "guard = 80,443\n"
			 "dry-run = yes\n"
			 "key-file = /nowhere/the key\n",
			 "", &line),
	     "%s", said());
	assert_string_equal(line.operands[0], "veth0");
	assert_string_equal(line.operands[1], "veth1");
	assert_null(line.operands[2]);
	assert_int_equal(args.tracker.sizes.flows, 1000);
	assert_int_equal(args.tracker.config.timeout.time_wait, 7000);
	assert_int_equal(args.tracker.config.timeout.established, 86400000);
	assert_int_equal(args.tracker.config.timeout.syn_sent, 60000);
	assert_int_equal(args.tracker.guard.ports.count, 2);
	assert_true(args.tracker.guard.dry_run);
	assert_string_equal(args.tracker.guard.key_file, "/nowhere/the key");
	assert_int_equal(args.tracker.guard.reply_budget, 10000);
}

static void ports_of_a_section_have_terms_of_their_own(void **state)
{
	(void)state;
	taken("interface = veth\n"
	      "guard = 80\n"
	      "high-mark = 100\n"
	      "quiet-time = 3s\n"
	      "[ports]\n"
	      "guard = 22\n"
	      "cookies = always\n"
	      "high-mark = 7\n"
	      "[ports]\n"
	      "cookies = never\n"
	      "guard = 25\n"
	      "guard = 26\n",
	      "");
	assert_int_equal(terms_of(80)->mode, COOKIES_AUTO);
	assert_int_equal(terms_of(80)->marks.high, 100);
	assert_int_equal(terms_of(22)->mode, COOKIES_ALWAYS);
	assert_int_equal(terms_of(22)->marks.high, 7);
	assert_int_equal(terms_of(22)->marks.quiet_ms, 3000);
	assert_int_equal(terms_of(25)->mode, COOKIES_NEVER);
	assert_int_equal(terms_of(26)->marks.high, 100);
}

static void command_line_holds_over_the_file(void **state)
{
	static const char text[] = "interface = veth\n"
				   "guard = 80\n"
				   "msl = 7s\n"
				   "reply-budget = 5\n"
				   "deny = 10.0.0.0/8\n"
				   "[ports]\n"
				   "guard = 22\n"
				   "cookies = always\n"
				   "high-mark = 9\n";
	struct sw_command_line line;

	(void)state;
	taken(text, "--cookies never --reply-budget 6 --timeout time-wait=3s");
	assert_int_equal(terms_of(80)->mode, COOKIES_NEVER);
	assert_int_equal(terms_of(22)->mode, COOKIES_NEVER);
	assert_int_equal(terms_of(22)->marks.high, 9);
	assert_int_equal(args.tracker.guard.reply_budget, 6);
	assert_int_equal(args.tracker.config.timeout.time_wait, 3000);
	assert_int_equal(args.tracker.guard.clients.count, 1);
	must(!read_below(text, "--guard 8080 eth9", &line), "%s", said());
	assert_int_equal(args.tracker.guard.ports.count, 1);
	assert_int_equal(terms_of(8080)->mode, COOKIES_AUTO);
	assert_string_equal(line.operands[0], "eth9");
	assert_null(line.operands[1]);
}

static void files_of_other_systems_are_read_too(void **state)
{
	(void)state;
	taken("\xef\xbb\xbfinterface = veth\r\nguard = 80\r\n\r\n[ports]\r\n\tguard = 22\r\n"
	      "\t  cookies = always",
	      "");
	assert_int_equal(terms_of(22)->mode, COOKIES_ALWAYS);
	assert_int_equal(terms_of(80)->mode, COOKIES_AUTO);
}

static void what_is_not_taken_is_named_by_its_line(void **state)
{
	static const struct {
		const char *text, *said; /* behind the file's name */
	} cases[] = {
		{ "interface = veth\nflowz = 3\n",
		  ":2: there is no setting \"flowz\": they are interface and the options of "
		  "`synward help run`, without dashes" },
		{ "config = other\n",
		  ":1: there is no setting \"config\": they are interface and the options of "
		  "`synward help run`, without dashes" },
		{ "\n\nflows = many", ":3: flows is 1 to 134217728, not \"many\"" },
		{ "flows = 3\nflows = 4\n", ":2: flows is said in line 1, too" },
		{ "guard = 80\ncookies = ever\n",
		  ":2: cookies is auto, always or never, not \"ever\"" },
		{ "dry-run = 1\nguard = 80\n", ":1: dry-run is yes or no, not \"1\"" },
		{ "guard = 80,\n", ":1: guard is 1 to 65535, not \"\"" },
		{ "deny = 10.0.0.1/8\nguard = 80\n",
		  ":1: deny: \"10.0.0.1/8\" has bits beyond its prefix" },
		{ "interface = veth\nguard\n",
		  ":2: a line is NAME = VALUE, [ports] or a comment (#)" },
		{ "interface = veth, eth0\n",
		  ":1: interface is the name of one, such as eth0, not \"veth, eth0\"" },
		{ "[port]\nguard = 80\n", ":1: the only section is [ports], not \"[port]\"" },
		{ "guard = 80\n[ports]\nguard = 22\nflows = 3\n",
		  ":4: flows stands above all sections: one of [ports] has guard, protect, "
		  "profile, cookies and marks" },
		{ "guard = 80\n[ports]\nguard = 79-81\n",
		  ":3: guard: 80 stands in another section, too" },
		{ "interface = veth\n[ports]\nlow-mark = 3\n",
		  ":2: a section [ports] names its ports by `guard` or `protect`" },
		{ "interface = veth\nhigh-mark = 3\n",
		  ":2: high-mark does nothing without guard or protect; see `synward help run`" },
		{ "guard = 80\n", " names no interface, nor does the command line" },
		{ "", " names no interface, nor does the command line" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sw_command_line line;
		char expected[300];

		must(read_below(cases[i].text, "", &line) == -EINVAL, "%s is taken", cases[i].text);
		snprintf(expected, sizeof(expected), "%s%s", path, cases[i].said);
		must(!strcmp(said(), expected), "%s: %s", cases[i].text, said());
	}
}

static void what_is_no_text_is_refused(void **state)
{
	char line[400], expected[100];

	(void)state;
	snprintf(expected, sizeof(expected),
		 "%s:1: that is no line of text of at most 198 characters", path);
	snprintf(line, sizeof(line), "interface = veth%*s\nflows = 5\n", 200, "");
	assert_int_equal(read_below(line, "eth0", &(struct sw_command_line){}), -EINVAL);
	assert_string_equal(said(), expected);
	assert_int_equal(args.tracker.sizes.flows, 5); /* the rest is read all the same */
}

static void command_line_is_checked_where_it_hides_the_file(void **state)
{
	(void)state;
	assert_int_equal(read_below("flows = x\n", "veth --flows 7", &(struct sw_command_line){}),
			 -EINVAL);
}

static void what_takes_a_new_start_stays_and_is_named(void **state)
{
	static struct sw_run_args now;

	(void)state;
	taken("interface = veth\nflows = 100\nmsl = 1s\n", "");
	sw_run_args_init(&now);
	now.tracker.sizes.flows = 99;
	sw_run_config_keep_fixed(&args, &now);
	assert_string_equal(said(), "flows changes with a new start only: it stays as it is");
	assert_int_equal(args.tracker.sizes.flows, 99);
	assert_int_equal(args.tracker.config.timeout.time_wait, 2000);
}

static void same_line_is_taken_again_with_what_the_file_says_now(void **state)
{
	static const char text[] = "interface = veth7\nmsl = 9s\n";
	static struct sw_run_args fresh;
	char *const *operands;

	(void)state;
	taken("interface = veth\nmsl = 1s\n", "--flows 5");
	write_file(text, strlen(text));
	assert_int_equal(sw_run_config_again(&fresh, &operands), 0);
	assert_string_equal(operands[0], "veth7");
	assert_int_equal(fresh.tracker.config.timeout.time_wait, 18000);
	assert_int_equal(fresh.tracker.sizes.flows, 5);
	assert_int_equal(args.tracker.config.timeout.time_wait, 2000);
	sw_run_args_free(&fresh);
}

int test_run_config(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_those_of_the_options),
		cmocka_unit_test(ports_of_a_section_have_terms_of_their_own),
		cmocka_unit_test(command_line_holds_over_the_file),
		cmocka_unit_test(files_of_other_systems_are_read_too),
		cmocka_unit_test(what_is_not_taken_is_named_by_its_line),
		cmocka_unit_test(what_is_no_text_is_refused),
		cmocka_unit_test(command_line_is_checked_where_it_hides_the_file),
		cmocka_unit_test(what_takes_a_new_start_stays_and_is_named),
		cmocka_unit_test(same_line_is_taken_again_with_what_the_file_says_now),
	};

	return cmocka_run_group_tests_name("run config", tests, setup, teardown);
}
