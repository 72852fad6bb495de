// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Names of states, counters, control bits and what guard does: they are a contract of `--json`, so
 * those of the states are written out once more.
 */
#include <ctype.h>
#include <errno.h>

#include "check.h"
#include "text/names.h"
#include "unit.h"

static const char *const states[SW_STATES] = {
	"CLOSED",     "LISTEN",     "SYN_SENT", "SYN_RCVD", "ESTABLISHED", "FIN_WAIT_1",
	"FIN_WAIT_2", "CLOSE_WAIT", "CLOSING",  "LAST_ACK", "TIME_WAIT",
};

static void state_is_shown_by_its_name_and_read_back(void **state)
{
	(void)state;
	for (int i = 0; i < SW_STATES; i++) {
		assert_string_equal(sw_state_name((unsigned int)i), states[i]);
		assert_int_equal(sw_state_parse(states[i]), i);
	}
}

static void state_is_read_in_small_letters_and_with_dashes(void **state)
{
	(void)state;
	assert_int_equal(sw_state_parse("time-wait"), TIME_WAIT);
	assert_int_equal(sw_state_parse("Fin_Wait-1"), FIN_WAIT_1);
	assert_int_equal(sw_state_parse("established"), ESTABLISHED);
}

static void word_that_is_no_state_is_refused(void **state)
{
	static const char *const words[] = {
		"", "TIME", "TIME_WAIT_", "TIME WAIT", "TIME__WAIT", "NAPPING", "0", "CLOSED ",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(words); i++)
		assert_int_equal(sw_state_parse(words[i]), -EINVAL);
	assert_string_equal(sw_state_name(SW_STATES), "?");
	assert_string_equal(sw_state_name(~0U), "?");
}

/* Scripts take them for keys: small letters, digits and '_'; no two alike; and each is explained. */
static void every_counter_has_a_name_of_its_own_and_a_help(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < SW_COUNTER_MAX; i++) {
		const char *name = sw_counter_name((enum sw_counter)i);

		if (i == SW_NONE)
			continue;
		assert_true(name && *name);
		assert_true(*sw_counter_help((enum sw_counter)i));
		for (const char *at = name; *at; at++)
			assert_true(islower((unsigned char)*at) || isdigit((unsigned char)*at) ||
				    *at == '_');
		for (unsigned int j = 0; j < i; j++)
			assert_string_not_equal(name, sw_counter_name((enum sw_counter)j));
	}
}

/* RFC 9293, 3.1, from the lowest bit up. */
static void control_bits_are_shown_from_the_lowest_up(void **state)
{
	char text[SW_FLAGS_TEXT];

	(void)state;
	assert_string_equal(sw_flags_name(0, text), "");
	assert_string_equal(sw_flags_name(0x02, text), "S");
	assert_string_equal(sw_flags_name(0x12, text), "SA");
	assert_string_equal(sw_flags_name(0x11, text), "FA");
	assert_string_equal(sw_flags_name(0xff, text), "FSRPAUEC");
}

static void what_guard_does_is_named_and_no_number_is_read_beyond_its_table(void **state)
{
	(void)state;
	assert_string_equal(sw_admission_name(ADMISSION_BPF), "bpf");
	assert_string_equal(sw_cookie_mode_name(COOKIES_NEVER), "never");
	assert_string_equal(sw_listener_name(LISTENING_SIGNED), "listening (MD5 or AO)");
	assert_string_equal(sw_admission_name((enum sw_admission)3), "?");
	assert_string_equal(sw_cookie_mode_name((enum sw_cookie_mode)3), "?");
	assert_string_equal(sw_listener_name((enum sw_listener_kind)5), "?");
}

int test_names(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(state_is_shown_by_its_name_and_read_back),
		cmocka_unit_test(state_is_read_in_small_letters_and_with_dashes),
		cmocka_unit_test(word_that_is_no_state_is_refused),
		cmocka_unit_test(every_counter_has_a_name_of_its_own_and_a_help),
		cmocka_unit_test(control_bits_are_shown_from_the_lowest_up),
		cmocka_unit_test(what_guard_does_is_named_and_no_number_is_read_beyond_its_table),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
