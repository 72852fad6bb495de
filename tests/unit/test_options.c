// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Option rows: what each kind takes and refuses, and that the rows of run and attach hold together.
 */
#include <errno.h>

#include "check.h"
#include "commands/filter_options.h"
#include "commands/run_options.h"
#include "said.h"
#include "text/names.h"
#include "text/prefix.h"
#include "unit.h"

struct args {
	bool flag;
	__u8 mode;
	__u16 port;
	__u32 mark, ms, after;
	__u64 limit;
	__u32 state;
	const char *file;
	struct sw_timeouts timeouts;
};

static const char *word(unsigned int value)
{
	return ((const char *const[]){ "red", "green", "blue" })[value];
}

static int take_twice(const struct sw_option *option, const char *value, void *args)
{
	__u64 number;
	int err = sw_option_parse(option, value, &number);

	((struct args *)args)->limit = 2 * number;
	return err;
}

#define INTO(member) SW_INTO(struct args, member)

/* clang-format off */
static const struct sw_option rows[] = {
	{ .name = "flag", .kind = SW_OPTION_FLAG, INTO(flag), .help = "a" },
	{ .name = "color", .kind = SW_OPTION_CHOICE, INTO(mode),
	  .choice = word, .min = 1, .max = 2, .initial = "green", .help = "b" },
	{ .name = "port", .kind = SW_OPTION_NUMBER, INTO(port), .max = 65535, .help = "c" },
	{ .name = "mark", .kind = SW_OPTION_NUMBER, INTO(mark), .min = 1, .max = 1000,
	  .initial = "23", .help = "d" },
	{ .name = "limit", .kind = SW_OPTION_NUMBER, INTO(limit), .max = 1ULL << 40,
	  .initial = "5", .late = true, .help = "e" },
	{ .name = "time", .kind = SW_OPTION_DURATION, INTO(ms), .min = 100, .max = 60000,
	  .initial = "1500ms", .help = "f" },
	{ .name = "half", .kind = SW_OPTION_DURATION, INTO(ms), .max = 1000, .times = 2,
	  .help = "g" },
	{ .name = "state", .kind = SW_OPTION_STATE, INTO(state), .help = "h" },
	{ .name = "file", .kind = SW_OPTION_FILE, INTO(file), .help = "i" },
	{ .name = "timeout", .kind = SW_OPTION_TIMEOUT, INTO(timeouts), .min = 1, .max = 60000,
	  .help = "j" },
	{ .name = "own", .kind = SW_OPTION_TEXT, .take = take_twice, .value = "WORDS",
	  .value_optional = true, .max = 9, .needs = { "flag", "file" }, .help = "k" },
	{},
};
/* clang-format on */

static int take(struct args *args, const char *name, const char *value)
{
	forget_said();
	return sw_option_take(sw_option_find(rows, name), value, args);
}

static void refused(const char *name, const char *value, const char *why)
{
	struct args args, before;

	memset(&args, 0xa5, sizeof(args));
	before = args;
	assert_int_equal(take(&args, name, value), -EINVAL);
	assert_string_equal(said(), why);
	assert_memory_equal(&args, &before, sizeof(args));
}

static void every_kind_takes_its_value_into_its_place(void **state)
{
	struct args args = {};

	(void)state;
	assert_int_equal(take(&args, "flag", NULL), 0);
	assert_int_equal(take(&args, "color", "blue"), 0);
	assert_int_equal(take(&args, "port", "65535"), 0);
	assert_int_equal(take(&args, "mark", "1000"), 0);
	assert_int_equal(take(&args, "limit", "1099511627776"), 0);
	assert_int_equal(take(&args, "time", "1m"), 0);
	assert_int_equal(take(&args, "state", "time-wait"), 0);
	assert_int_equal(take(&args, "file", "/nowhere"), 0);
	assert_true(args.flag);
	assert_int_equal(args.mode, 2);
	assert_int_equal(args.port, 65535);
	assert_int_equal(args.mark, 1000);
	assert_int_equal(args.limit, 1ULL << 40);
	assert_int_equal(args.ms, 60000);
	assert_int_equal(args.after, 0);
	assert_int_equal(args.state, 1 << TIME_WAIT);
	assert_int_equal(take(&args, "state", "closed,Fin-Wait-1"), 0);
	assert_int_equal(args.state, 1 << TIME_WAIT | 1 << CLOSED | 1 << FIN_WAIT_1);
	assert_string_equal(args.file, "/nowhere");
}

static void value_may_be_stored_so_many_times(void **state)
{
	struct args args = {};

	(void)state;
	assert_int_equal(take(&args, "half", "7ms"), 0);
	assert_int_equal(args.ms, 14);
	assert_int_equal(take(&args, "own", "9"), 0);
	assert_int_equal(args.limit, 18);
}

static void each_state_has_a_time_out_of_its_own(void **state)
{
	struct args args = {};

	(void)state;
	assert_int_equal(take(&args, "timeout", "time-wait=2s"), 0);
	assert_int_equal(take(&args, "timeout", "LISTEN=7ms"), 0);
	assert_int_equal(take(&args, "timeout", "closed=0"), 0);
	assert_int_equal(args.timeouts.time_wait, 2000);
	assert_int_equal(args.timeouts.listen, 7);
	assert_int_equal(args.timeouts.established, 0);
}

static void what_is_refused_is_echoed_with_what_would_be_taken(void **state)
{
	(void)state;
	refused("port", "65536", "--port is 0 to 65535, not \"65536\"");
	refused("port", "-1", "--port is 0 to 65535, not \"-1\"");
	refused("port", "", "--port is 0 to 65535, not \"\"");
	refused("mark", "0", "--mark is 1 to 1000, not \"0\"");
	refused("mark", "99999999999999999999",
		"--mark is 1 to 1000, not \"99999999999999999999\"");
	refused("time", "99ms",
		"--time is a duration of 100ms to 1m (units ms s m h d, s if none), "
		"not \"99ms\"");
	refused("color", "red", "--color is green or blue, not \"red\"");
	refused("color", "", "--color is green or blue, not \"\"");
	refused("state", "nap", "--state is a state of RFC 9293 such as time-wait, not \"nap\"");
	refused("state", "closed,nap",
		"--state is a state of RFC 9293 such as time-wait, not \"nap\"");
	refused("state", "closed,", "--state is a state of RFC 9293 such as time-wait, not \"\"");
	refused("timeout", "listen=soon",
		"--timeout is a duration of 1ms to 1m (units ms s m h d, "
		"s if none), not \"soon\"");
	refused("timeout", "listen=0",
		"--timeout is a duration of 1ms to 1m (units ms s m h d, "
		"s if none), not \"0\"");
	refused("timeout", "listen",
		"--timeout is STATE=DURATION, not \"listen\"; states: CLOSED LISTEN SYN_SENT "
		"SYN_RCVD "
		"ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 CLOSE_WAIT CLOSING LAST_ACK TIME_WAIT");
}

static void prefix_is_an_address_and_how_much_of_it_counts(void **state)
{
	static const struct sw_option row = { .name = "src", .take = sw_take_prefix };
	static const char usage[] = "--src is an address or a prefix such as 192.0.2.1, "
				    "10.0.0.0/8 or 2001:db8::/32, not ";
	static const struct {
		const char *value, *why;
	} cases[] = {
		{ "192.0.2.1/33", "--src: the length of a prefix is 0 to 32, not \"33\"" },
		{ "2001:db8::/129", "--src: the length of a prefix is 0 to 128, not \"129\"" },
		{ "10.0.0.0/", "--src: the length of a prefix is 0 to 32, not \"\"" },
		{ "10.0.0.1/8", "--src: \"10.0.0.1/8\" has bits beyond its prefix" },
	};
	static const char *const others[] = { "", "10", "10.0.0", "localhost", "[::1]", "/8" };
	struct sw_end_filter filter = {};
	char why[256];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		forget_said();
		assert_int_equal(sw_option_take(&row, cases[i].value, &filter), -EINVAL);
		assert_string_equal(said(), cases[i].why);
	}
	for (size_t i = 0; i < COUNT(others); i++) {
		forget_said();
		assert_int_equal(sw_option_take(&row, others[i], &filter), -EINVAL);
		snprintf(why, sizeof(why), "%s\"%s\"", usage, others[i]);
		assert_string_equal(said(), why);
	}
	assert_int_equal(filter.mask[0], 0);
	assert_int_equal(sw_option_take(&row, "10.0.0.0/8", &filter), 0);
	assert_int_equal(filter.mask[2], 0xffffffff);
	assert_int_equal(filter.mask[3], sw_wire32(0xff000000));
	assert_int_equal(filter.address[3], sw_wire32(0x0a000000));
}

static void prefix_is_shown_as_it_is_written(void **state)
{
	static const char *const cases[] = { "192.0.2.1",   "10.0.0.0/8",    "0.0.0.0/0",
					     "2001:db8::1", "2001:db8::/32", "::/0" };
	char text[SW_PREFIX_TEXT];
	struct sw_prefix prefix;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(sw_prefix_parse(cases[i], "--src", &prefix), 0);
		assert_string_equal(sw_prefix_text(&prefix, text), cases[i]);
	}
}

static void defaults_are_stored_unless_they_are_late(void **state)
{
	struct args args = { .limit = 77, .port = 78 };

	(void)state;
	sw_options_default(rows, &args);
	assert_int_equal(args.mode, 1);
	assert_int_equal(args.mark, 23);
	assert_int_equal(args.ms, 1500);
	assert_int_equal(args.limit, 77);
	assert_int_equal(args.port, 78);
}

static void a_row_says_what_stands_in_help(void **state)
{
	char text[SW_OPTION_TEXT_MAX];

	(void)state;
	assert_string_equal(sw_option_value(sw_option_find(rows, "flag"), text), "");
	assert_string_equal(sw_option_value(sw_option_find(rows, "color"), text), "green|blue");
	assert_string_equal(sw_option_value(sw_option_find(rows, "own"), text), "[WORDS]");
	assert_string_equal(sw_option_needs(sw_option_find(rows, "own"), text), "--flag or --file");
	assert_string_equal(sw_option_needs(sw_option_find(rows, "flag"), text), "");
	assert_string_equal(sw_option_initial(sw_option_find(rows, "time"), text), "1500ms");
	assert_string_equal(sw_option_initial(sw_option_find(rows, "port"), text), "");
	assert_string_equal(sw_option_bound(&rows[5], rows[5].max, text), "1m");
	assert_string_equal(sw_option_bound(&rows[4], rows[4].max, text), "1099511627776");
	assert_true(sw_option_has_range(sw_option_find(rows, "own")));
	assert_false(sw_option_has_range(sw_option_find(rows, "file")));
	assert_null(sw_option_find(rows, "own "));
	assert_null(sw_option_find(NULL, "own"));
}

/* --- The rows of run and attach ------------------------------------------------------------- */

static struct sw_run_args defaults(void)
{
	struct sw_run_args options = sw_run_args;

	sw_options_default(sw_options_run, &options);
	return options;
}

static int run_take(struct sw_run_args *options, const char *name, const char *value)
{
	forget_said();
	return sw_option_take(sw_option_find(sw_options_run, name), value, options);
}

static void every_default_of_run_is_one_that_it_would_take(void **state)
{
	struct sw_run_args options = sw_run_args;

	(void)state;
	for (const struct sw_option *row = sw_options_run; row->name; row++) {
		if (row->initial)
			must(run_take(&options, row->name, row->initial) == 0, "--%s %s: %s",
			     row->name, row->initial, said());
		for (int i = 0; row->needs[i]; i++)
			must(sw_option_find(sw_options_run, row->needs[i]), "--%s needs --%s",
			     row->name, row->needs[i]);
		must(row->help && *row->help, "--%s has no help", row->name);
		must(row->size || row->take, "--%s goes nowhere", row->name);
	}
}

static void run_without_options_has_the_time_outs_of_the_model_and_guards_nothing(void **state)
{
	static const struct sw_config model = SW_CONFIG_DEFAULT;
	struct sw_run_args options = defaults();

	(void)state;
	assert_memory_equal(&options.tracker.config.timeout, &model.timeout, sizeof(model.timeout));
	assert_int_equal(options.tracker.guard.ports.count, 0);
	assert_int_equal(options.tracker.guard.terms.mode, COOKIES_AUTO);
	assert_int_equal(options.tracker.guard.admission, ADMISSION_NONE);
	assert_int_equal(options.tracker.guard.reply_budget, 10000);
	assert_int_equal(options.tracker.guard.terms.marks.high, 256);
	assert_int_equal(options.tracker.guard.terms.marks.low, 64);
	assert_int_equal(options.tracker.guard.terms.marks.quiet_ms, 10000);
	assert_int_equal(options.tracker.attach.mode, SW_MODE_ANY);
	assert_int_equal(options.tracker.sizes.flows, 0);
	assert_int_equal(options.tracker.sizes.halfopen, 0);
}

static void profile_is_what_a_service_offers_and_no_more(void **state)
{
	static const char *const wrong[] = {
		"",
		"mss",
		"mss=",
		"mss=535",
		"mss=65536",
		"mss=1460,",
		"mss=1460,mss=1460",
		"mss=1460,wscale=15",
		"mss=1460,wscale",
		"wscale=7",
		"sack",
		"mss=1460,sack=1",
		"mss=1460 sack",
		"mss=1460,SACK",
		"mss=-1460",
		"mss=1460,ecn,ecn",
		"mss=4294968756",
		"mss=1460,wscale=",
	};
	static const struct {
		const char *text;
		struct sw_profile profile;
	} right[] = {
		{ "mss=1460,wscale=7,sack,timestamps,ecn", { 1460, 7, 1, 1, 1, 1, 0 } },
		{ "ecn,timestamps,mss=536", { 536, 0, 0, 0, 1, 1, 0 } },
		{ "sack,mss=65535,wscale=0", { 65535, 0, 1, 1, 0, 0, 0 } },
		{ "mss=8960,wscale=14", { 8960, 14, 1, 0, 0, 0, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		struct sw_run_args options = defaults();

		must(run_take(&options, "profile", wrong[i]) == -EINVAL, "%s is taken", wrong[i]);
		must(strstr(said(), "--profile: a profile is mss=536-65535 and") != NULL, "%s",
		     said());
	}
	for (size_t i = 0; i < COUNT(right); i++) {
		struct sw_run_args options = defaults();

		must(!run_take(&options, "profile", right[i].text), "%s", said());
		assert_memory_equal(&options.tracker.guard.terms.profile, &right[i].profile,
				    sizeof(right[i].profile));
	}
}

static void time_wait_lasts_twice_the_segment_lifetime(void **state)
{
	struct sw_run_args options = defaults();

	(void)state;
	assert_int_equal(run_take(&options, "msl", "7s"), 0);
	assert_int_equal(options.tracker.config.timeout.time_wait, 14000);
	assert_int_equal(run_take(&options, "msl", "588h"), 0);
	assert_int_equal(options.tracker.config.timeout.time_wait, 49 * 86400000U);
	assert_int_equal(run_take(&options, "msl", "589h"), -EINVAL);
}

static void words_of_guard_become_its_settings(void **state)
{
	struct sw_run_args options = defaults();

	(void)state;
	assert_int_equal(run_take(&options, "cookies", "never"), 0);
	assert_int_equal(run_take(&options, "admission", "kernel"), 0);
	assert_int_equal(run_take(&options, "mode", "generic"), 0);
	assert_int_equal(run_take(&options, "dry-run", NULL), 0);
	assert_int_equal(options.tracker.guard.terms.mode, COOKIES_NEVER);
	assert_int_equal(options.tracker.guard.admission, ADMISSION_KERNEL);
	assert_int_equal(options.tracker.attach.mode, SW_MODE_GENERIC);
	assert_true(options.tracker.guard.dry_run);
	assert_int_equal(run_take(&options, "admission", "none"), -EINVAL);
	assert_string_equal(said(), "--admission is bpf, kernel or proxy, not \"none\"");
}

static void ports_are_a_list_without_doubles(void **state)
{
	struct sw_run_args options = defaults();

	(void)state;
	assert_int_equal(run_take(&options, "guard", "80,443,80"), 0);
	assert_int_equal(run_take(&options, "guard", "8080,443"), 0);
	assert_int_equal(options.tracker.guard.ports.count, 3);
	assert_int_equal(options.tracker.guard.ports.wish[0].key.port, 80);
	assert_int_equal(options.tracker.guard.ports.wish[1].key.port, 443);
	assert_int_equal(options.tracker.guard.ports.wish[2].key.port, 8080);
	for (size_t i = 0; i < 5; i++) {
		static const char *const wrong[] = { "", "80,", "0", "65536", "http" };

		must(run_take(&options, "guard", wrong[i]) == -EINVAL, "\"%s\"", wrong[i]);
	}
}

static void one_port_too_many_is_refused(void **state)
{
	struct sw_run_args options = defaults();
	char port[16];

	(void)state;
	for (int i = 1; i <= SW_PORTS_MAX; i++) {
		sprintf(port, "%d", i);
		assert_int_equal(run_take(&options, "guard", port), 0);
	}
	assert_int_equal(run_take(&options, "guard", "1"), 0);
	assert_int_equal(run_take(&options, "guard", "9999"), -EINVAL);
	assert_string_equal(said(), "--guard takes at most 256 ports");
	assert_int_equal(options.tracker.guard.ports.count, SW_PORTS_MAX);
}

int test_options(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_takes_its_value_into_its_place),
		cmocka_unit_test(value_may_be_stored_so_many_times),
		cmocka_unit_test(each_state_has_a_time_out_of_its_own),
		cmocka_unit_test(what_is_refused_is_echoed_with_what_would_be_taken),
		cmocka_unit_test(prefix_is_an_address_and_how_much_of_it_counts),
		cmocka_unit_test(prefix_is_shown_as_it_is_written),
		cmocka_unit_test(defaults_are_stored_unless_they_are_late),
		cmocka_unit_test(a_row_says_what_stands_in_help),
		cmocka_unit_test(every_default_of_run_is_one_that_it_would_take),
		cmocka_unit_test(
			run_without_options_has_the_time_outs_of_the_model_and_guards_nothing),
		cmocka_unit_test(profile_is_what_a_service_offers_and_no_more),
		cmocka_unit_test(time_wait_lasts_twice_the_segment_lifetime),
		cmocka_unit_test(words_of_guard_become_its_settings),
		cmocka_unit_test(ports_are_a_list_without_doubles),
		cmocka_unit_test(one_port_too_many_is_refused),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
