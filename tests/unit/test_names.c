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
	assert_string_equal(sw_admission_name(ADMISSION_KERNEL), "kernel");
	assert_string_equal(sw_admission_name(ADMISSION_PROXY), "proxy");
	assert_string_equal(sw_protection_name(PROTECT_NONE), "none");
	assert_string_equal(sw_protection_name(PROTECT_PROXY), "proxy");
	assert_string_equal(sw_protection_name(PROTECT_STATELESS), "stateless");
	assert_string_equal(sw_protection_name((enum sw_protection)3), "?");
	assert_string_equal(sw_cookie_mode_name(COOKIES_NEVER), "never");
	assert_string_equal(sw_listener_name(LISTENING_SIGNED), "listening (MD5 or AO)");
	assert_string_equal(sw_admission_name((enum sw_admission)4), "?");
	assert_string_equal(sw_cookie_mode_name((enum sw_cookie_mode)3), "?");
	assert_string_equal(sw_listener_name((enum sw_listener_kind)5), "?");
}

/* --- Events --------------------------------------------------------------------------------- */

static void event_is_named_by_what_it_tells(void **state)
{
	static const struct {
		struct sw_event event;
		const char *name;
		__u32 kinds; /* of states alone */
	} cases[] = {
		{ { .after = { SYN_SENT, LISTEN } }, "NEW", 1 << SYN_SENT | 1 << LISTEN },
		{ { .before = { TIME_WAIT, CLOSED }, .after = { SYN_SENT, LISTEN } },
		  "NEW",
		  1 << SYN_SENT | 1 << LISTEN },
		{ { .before = { SYN_SENT, LISTEN }, .after = { SYN_SENT, SYN_RCVD } },
		  "SYN_RCVD",
		  1 << SYN_RCVD },
		{ { .before = { SYN_SENT, SYN_RCVD }, .after = { ESTABLISHED, ESTABLISHED } },
		  "ESTABLISHED",
		  1 << ESTABLISHED },
		{ { .before = { FIN_WAIT_1, ESTABLISHED },
		    .after = { FIN_WAIT_2, LAST_ACK },
		    .sender = 1 },
		  "LAST_ACK",
		  1 << FIN_WAIT_2 | 1 << LAST_ACK },
		{ { .before = { FIN_WAIT_2, LAST_ACK }, .after = { TIME_WAIT, CLOSED } },
		  "TIME_WAIT",
		  1 << TIME_WAIT | 1 << CLOSED },
		{ { .before = { ESTABLISHED, ESTABLISHED }, .flags = SW_TCP_RST }, "RESET", 1 },
		{ { .before = { CLOSING, CLOSING }, .after = { CLOSING, TIME_WAIT } },
		  "TIME_WAIT",
		  1 << TIME_WAIT },
		{ { .cause = SW_EVENT_EXPIRED, .after = { LISTEN, SYN_SENT } }, "EXPIRED", 0 },
		{ { .cause = SW_EVENT_DELETED }, "DELETED", 0 },
		{ { .cause = SW_EVENT_COOKIES_ON }, "COOKIES_ON", 0 },
		{ { .cause = SW_EVENT_COOKIES_OFF }, "COOKIES_OFF", 0 },
		{ { .cause = SW_EVENT_ADMISSION }, "ADMISSION", 0 },
		{ { .cause = SW_EVENT_RETREAT }, "RETREAT", 0 },
		{ { .cause = SW_EVENT_HOOK_LOST, .flags = SW_TCP_RST }, "HOOK_LOST", 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		__u32 kinds = sw_event_kinds(&cases[i].event);

		must(!strcmp(sw_event_name(&cases[i].event), cases[i].name), "%zu: %s", i,
		     sw_event_name(&cases[i].event));
		must((kinds & ((1U << SW_STATES) - 1)) == cases[i].kinds, "%s: %#x", cases[i].name,
		     kinds);
		must(kinds & 1U << sw_event_kind_parse(cases[i].name), "%s: %#x", cases[i].name,
		     kinds);
	}
}

static void kind_of_event_is_read_as_a_state_is(void **state)
{
	(void)state;
	assert_int_equal(sw_event_kind_parse("time-wait"), TIME_WAIT);
	assert_int_equal(sw_event_kind_parse("hook-lost"), SW_KIND_HOOK_LOST);
	assert_int_equal(sw_event_kind_parse("New"), SW_KIND_NEW);
	assert_int_equal(sw_event_kind_parse("old"), -EINVAL);
	assert_int_equal(sw_event_kind_parse(""), -EINVAL);
}

int test_names(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(event_is_named_by_what_it_tells),
		cmocka_unit_test(kind_of_event_is_read_as_a_state_is),
		cmocka_unit_test(state_is_shown_by_its_name_and_read_back),
		cmocka_unit_test(state_is_read_in_small_letters_and_with_dashes),
		cmocka_unit_test(word_that_is_no_state_is_refused),
		cmocka_unit_test(every_counter_has_a_name_of_its_own_and_a_help),
		cmocka_unit_test(control_bits_are_shown_from_the_lowest_up),
		cmocka_unit_test(what_guard_does_is_named_and_no_number_is_read_beyond_its_table),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
