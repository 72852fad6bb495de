// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Numbers and durations: what is taken, what is refused and how that is said, and how they are shown.
 */
#include <errno.h>

#include "check.h"
#include "said.h"
#include "text/values.h"
#include "unit.h"

#define UNTOUCHED 4711

static const struct sw_range any = { "--any", 0, ~0ULL };
static const struct sw_range port = { "--port", 1, 65535 };
static const struct sw_range minute = { "--minute", 500, 60000 };

/* --- Numbers ---------------------------------------------------------------------------------- */

static void number_in_its_range_is_taken(void **state)
{
	static const struct {
		const char *text;
		const struct sw_range *range;
		__u64 number;
	} cases[] = {
		{ "1", &port, 1 },
		{ "65535", &port, 65535 },
		{ "0080", &port, 80 },
		{ "0", &any, 0 },
		{ "18446744073709551615", &any, ~0ULL },
	};
	__u64 number;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(sw_parse_number(cases[i].text, cases[i].range, &number), 0);
		assert_true(number == cases[i].number);
	}
}

static void number_that_is_none_or_out_of_range_is_refused_and_echoed(void **state)
{
	static const char *const texts[] = {
		"",
		" 1",
		"1 ",
		"-1",
		"+1",
		"0x10",
		"1e3",
		"1.5",
		"x",
		"0",
		"65536",
		"18446744073709551616",
		"99999999999999999999999",
	};
	char expected[128];
	__u64 number;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		forget_said();
		assert_int_equal(sw_parse_number(texts[i], &port, &number), -EINVAL);
		snprintf(expected, sizeof(expected), "--port is 1 to 65535, not \"%s\"", texts[i]);
		assert_string_equal(said(), expected);
	}
}

/* --- Durations -------------------------------------------------------------------------------- */

static void duration_is_taken_in_every_unit(void **state)
{
	static const struct {
		const char *text;
		__u64 ms;
	} cases[] = {
		{ "500ms", 500 },
		{ "60s", 60000 },
		{ "60", 60000 },
		{ "2m", 120000 },
		{ "12h", 43200000 },
		{ "5d", 432000000 },
		{ "0", 0 },
		{ "0ms", 0 },
		{ "18446744073709551615ms", ~0ULL },
		{ "213503982334d", 213503982334ULL * 86400000 },
	};
	__u64 ms;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(sw_parse_duration(cases[i].text, &any, &ms), 0);
		assert_true(ms == cases[i].ms);
	}
}

static void duration_is_refused_with_its_range_and_value_untouched(void **state)
{
	static const char *const texts[] = {
		"",
		"s",
		"ms",
		"-1s",
		" 1s",
		"1 s",
		"1S",
		"1min",
		"1s1",
		"soon",
		"499ms",
		"0",
		"60001ms",
		"61s",
		"2m",
		"1h",
		"1d",
		"307445734561825861m",
		"213503982335d",
		"18446744073709551616ms",
	};
	char expected[160];

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		__u64 ms = UNTOUCHED;

		forget_said();
		assert_int_equal(sw_parse_duration(texts[i], &minute, &ms), -EINVAL);
		assert_true(ms == UNTOUCHED);
		snprintf(expected, sizeof(expected),
			 "--minute is a duration of 500ms to 1m (units ms s m h d, s if none), "
			 "not \"%s\"",
			 texts[i]);
		assert_string_equal(said(), expected);
	}
}

static void duration_shown_exactly_is_read_back_the_same(void **state)
{
	static const struct {
		__u64 ms;
		const char *text;
	} cases[] = {
		{ 0, "0" },          { 1, "1ms" },
		{ 999, "999ms" },    { 1000, "1s" },
		{ 1500, "1500ms" },  { 59000, "59s" },
		{ 60000, "1m" },     { 90000, "90s" },
		{ 3600000, "1h" },   { 43200000, "12h" },
		{ 86400000, "1d" },  { 432000000, "5d" },
		{ 90000000, "25h" }, { ~0ULL, "18446744073709551615ms" },
	};
	char text[SW_VALUE_TEXT];
	__u64 ms;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_string_equal(sw_duration_exact(cases[i].ms, text), cases[i].text);
		assert_int_equal(sw_parse_duration(text, &any, &ms), 0);
		assert_true(ms == cases[i].ms);
	}
}

/* --- Short ------------------------------------------------------------------------------------ */

static void duration_is_shown_in_five_characters(void **state)
{
	static const struct {
		__u64 ms;
		const char *text;
	} cases[] = {
		{ 1, "1ms" },          { 999, "999ms" },      { 1000, "1.0s" },
		{ 1049, "1.0s" },      { 1050, "1.1s" },      { 59100, "59.1s" },
		{ 99949, "99.9s" },    { 99950, "2m" },       { 149999, "2m" },
		{ 150000, "3m" },      { 5969999, "99m" },    { 5970000, "1h40" },
		{ 11100000, "3h05" },  { 86369999, "23h59" }, { 86370000, "1.0d" },
		{ 423360000, "4.9d" },
	};
	char text[SW_VALUE_TEXT];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_string_equal(sw_duration_short(cases[i].ms * 1000000 + 999999, text),
				    cases[i].text);
		assert_true(strlen(text) <= 5);
	}
	assert_string_equal(sw_duration_short(0, text), "0ms");
	assert_string_equal(sw_duration_short(1999, text), "1us");
	assert_string_equal(sw_duration_short(999999, text), "999us");
}

static void number_is_shown_in_five_characters(void **state)
{
	static const struct {
		__u64 number;
		const char *text;
	} cases[] = {
		{ 0, "0" },
		{ 12345, "12345" },
		{ 99999, "99999" },
		{ 100000, "100k" },
		{ 345678, "345k" },
		{ 999999, "999k" },
		{ 1000000, "1.0M" },
		{ 1250000, "1.2M" },
		{ 99999999, "99.9M" },
		{ 100000000, "100M" },
		{ 1000000000000, "1.0T" },
		{ ~0ULL, "18.4E" },
	};
	char text[SW_VALUE_TEXT];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_string_equal(sw_number_short(cases[i].number, text), cases[i].text);
		assert_true(strlen(text) <= 5);
	}
}

int test_values(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(number_in_its_range_is_taken),
		cmocka_unit_test(number_that_is_none_or_out_of_range_is_refused_and_echoed),
		cmocka_unit_test(duration_is_taken_in_every_unit),
		cmocka_unit_test(duration_is_refused_with_its_range_and_value_untouched),
		cmocka_unit_test(duration_shown_exactly_is_read_back_the_same),
		cmocka_unit_test(duration_is_shown_in_five_characters),
		cmocka_unit_test(number_is_shown_in_five_characters),
	};

	return cmocka_run_group_tests_name("values", tests, NULL, NULL);
}
