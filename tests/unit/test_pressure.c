// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The rules of <synward/pressure.h>, row by row: each row is a case that only the rule as it is gets
 * right. The clock is a number.
 */
#include <synward/pressure.h>

#include "check.h"
#include "unit.h"

#define NOW    (1000 * SW_NS_PER_S)
#define EPOCHS (128 * SW_NS_PER_S) /* two */

/* --- A port's cookies begin and end ----------------------------------------------------------- */

static void high_mark_is_the_setting_or_three_quarters_of_the_backlog(void **state)
{
	static const struct {
		__u32 high, backlog, mark;
	} cases[] = {
		{ 100, 4096, 100 },
		{ 100, 134, 100 }, /* 134 - 33 */
		{ 100, 133, 100 }, /* 133 - 33 */
		{ 100, 132, 99 },
		{ 100, 128, 96 },
		{ 100, 4, 3 },
		{ 100, 3, 3 },
		{ 100, 1, 1 },
		{ 100, 0, 1 }, /* listen(fd, 0): one is pressure, none is not */
		{ 0, 4096, 1 },
		{ 0, 0, 1 },
		{ 0xffffffff, 0xffffffff, 0xc0000000 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(sw_high_mark(cases[i].high, cases[i].backlog), cases[i].mark);
}

static void port_is_quiet_when_its_quiet_time_is_over(void **state)
{
	static const struct {
		__u64 busy_ns;
		__u32 quiet_ms;
		__u64 now;
		bool quiet;
	} cases[] = {
		{ NOW, 10000, NOW, false },
		{ NOW, 10000, NOW + 10 * SW_NS_PER_S - 1, false },
		{ NOW, 10000, NOW + 10 * SW_NS_PER_S, false }, /* its last moment is in it */
		{ NOW, 10000, NOW + 10 * SW_NS_PER_S + 1, true },
		{ NOW, 0, NOW, false },
		{ NOW, 0, NOW + 1, true },
		{ NOW + 1, 0, NOW, false }, /* by the clock of a CPU that is ahead */
		{ NOW, 0xffffffff, NOW + 0xffffffff * SW_NS_PER_MS, false }, /* 49 days: 64 bits */
		{ NOW, 0xffffffff, NOW + 0xffffffff * SW_NS_PER_MS + 1, true },
		{ 0, 10000, 10 * SW_NS_PER_S, false },
		{ 0, 10000, NOW, true }, /* never under pressure */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		must(sw_is_quiet(cases[i].busy_ns, cases[i].quiet_ms, cases[i].now) ==
			     cases[i].quiet,
		     "row %zu", i);
}

static void cookies_begin_with_a_full_queue_and_end_with_quiet_and_room(void **state)
{
	static const struct {
		bool on, full, quiet;
		enum sw_turn turn;
		bool busy_again;
	} cases[] = {
		{ false, false, false, TURN_NONE, false },
		{ false, false, true, TURN_NONE, false },
		{ false, true, false, TURN_ON, true },
		{ false, true, true, TURN_ON, true }, /* the usual way: pressure after quiet */
		{ true, false, false, TURN_NONE, false },
		{ true, false, true, TURN_OFF, false },
		{ true, true, false, TURN_NONE, false },
		{ true, true, true, TURN_NONE, true }, /* what came before is still queued */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		bool on = cases[i].on, full = cases[i].full, quiet = cases[i].quiet;

		must(sw_turn_of(on, full, quiet) == cases[i].turn, "turn of row %zu", i);
		must(sw_busy_again(on, full, quiet) == cases[i].busy_again, "row %zu", i);
	}
}

static void port_sends_cookies_by_its_mode_or_under_pressure(void **state)
{
	static const struct {
		enum sw_cookie_mode mode;
		bool on, quiet, sends;
	} cases[] = {
		{ COOKIES_ALWAYS, false, false, true },
		{ COOKIES_ALWAYS, false, true, true },
		{ COOKIES_ALWAYS, true, true, true },
		{ COOKIES_NEVER, false, false, false },
		{ COOKIES_NEVER, true, false, false }, /* on while it was auto */
		{ COOKIES_AUTO, false, false, false },
		{ COOKIES_AUTO, false, true, false },
		{ COOKIES_AUTO, true, false, true },
		{ COOKIES_AUTO, true, true, false }, /* no SYN has come to end it */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		must(sw_sends_cookies(cases[i].mode, cases[i].on, cases[i].quiet) == cases[i].sends,
		     "row %zu", i);
}

/* Was the port busy at any of them? */
static bool send_cookies(struct sw_pressure *pressure, __u32 low, __u64 now, int count)
{
	bool busy = false;

	while (count--)
		busy |= sw_cookie_sent(pressure, low, now);
	return busy;
}

static void port_is_busy_beyond_the_low_mark_in_a_second(void **state)
{
	struct sw_pressure pressure = { 0 };

	(void)state;
	assert_false(send_cookies(&pressure, 23, NOW, 22));
	assert_false(send_cookies(&pressure, 23, NOW + SW_NS_PER_S - 1, 1));
	assert_true(send_cookies(&pressure, 23, NOW + SW_NS_PER_S - 1, 1));
	assert_int_equal(pressure.sent, 24);
}

static void window_of_the_pressure_is_a_second(void **state)
{
	struct sw_pressure pressure = { 0 };

	(void)state;
	assert_true(send_cookies(&pressure, 23, NOW, 24));
	assert_true(send_cookies(&pressure, 23, NOW + SW_NS_PER_S - 1, 1));
	assert_int_equal(pressure.sent, 25);
	assert_false(send_cookies(&pressure, 23, NOW + SW_NS_PER_S, 1));
	assert_int_equal(pressure.sent, 1);
	assert_true(pressure.since_ns == NOW + SW_NS_PER_S);
	assert_false(send_cookies(&pressure, 23, NOW + 2 * SW_NS_PER_S - 1, 22));
	assert_true(send_cookies(&pressure, 23, NOW + 2 * SW_NS_PER_S - 1, 1));
}

static void cookies_that_come_back_are_no_pressure(void **state)
{
	struct sw_pressure pressure = { 0 };

	(void)state;
	for (int i = 0; i < 1009; i++) {
		assert_false(sw_cookie_sent(&pressure, 23, NOW));
		pressure.accepted++;
	}
	assert_int_equal(pressure.sent, 1009);
}

/* Those sent in the second before may come back in this one. */
static void more_may_come_back_than_went_out(void **state)
{
	struct sw_pressure pressure = { .since_ns = NOW, .accepted = 500 };

	(void)state;
	assert_false(send_cookies(&pressure, 0, NOW, 500));
	assert_true(send_cookies(&pressure, 0, NOW, 1));
	assert_true(send_cookies(&pressure, 0, NOW + SW_NS_PER_S, 1));
	assert_int_equal(pressure.accepted, 0);
}

static void pressure_is_noted_each_second_or_four_times_in_the_quiet_time(void **state)
{
	static const struct {
		__u32 quiet_ms;
		__u64 every_ns;
	} cases[] = {
		{ 0, 0 },
		{ 1, SW_NS_PER_MS / 4 },
		{ 3999, 3999 * SW_NS_PER_MS / 4 },
		{ 4000, SW_NS_PER_S },
		{ 4001, SW_NS_PER_S },
		{ 4295, SW_NS_PER_S }, /* more than 32 bits of nanoseconds */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		must(sw_busy_write_every(cases[i].quiet_ms) == cases[i].every_ns, "row %zu", i);
}

/* --- Whose cookie ----------------------------------------------------------------------------- */

static void cookie_is_the_one_that_the_listener_can_be_given(void **state)
{
	static const struct {
		enum sw_listener_kind listener;
		enum sw_admission kernel;
		bool kernel_cookies;
		enum sw_admission admission;
	} cases[] = {
		{ LISTENING, ADMISSION_BPF, false, ADMISSION_BPF },
		{ LISTENING, ADMISSION_BPF, true, ADMISSION_BPF },
		{ LISTENING, ADMISSION_KERNEL, true, ADMISSION_KERNEL },
		{ LISTENING, ADMISSION_NONE, false, ADMISSION_NONE },
		{ NOT_SEEN, ADMISSION_BPF, false, ADMISSION_BPF },
		{ NOT_SEEN, ADMISSION_NONE, true, ADMISSION_NONE },
		{ LISTENING_MPTCP, ADMISSION_BPF, true, ADMISSION_KERNEL },
		{ LISTENING_MPTCP, ADMISSION_BPF, false, ADMISSION_NONE },
		{ LISTENING_MPTCP, ADMISSION_KERNEL, true, ADMISSION_KERNEL },
		{ LISTENING, ADMISSION_PROXY, false, ADMISSION_PROXY },
		{ LISTENING_MPTCP, ADMISSION_PROXY, true, ADMISSION_PROXY },
		{ LISTENING_SIGNED, ADMISSION_PROXY, false, ADMISSION_NONE },
		{ LISTENING_SIGNED, ADMISSION_BPF, true, ADMISSION_NONE },
		{ LISTENING_SIGNED, ADMISSION_KERNEL, true, ADMISSION_NONE },
		{ NOT_LISTENING, ADMISSION_BPF, true, ADMISSION_NONE },
		{ NOT_LISTENING, ADMISSION_KERNEL, true, ADMISSION_NONE },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		must(sw_admission_of(cases[i].listener, cases[i].kernel, cases[i].kernel_cookies) ==
			     cases[i].admission,
		     "row %zu", i);
}

static const struct {
	struct sw_guard guard;
	enum sw_admission ipv4, ipv6;
} hindered[] = {
	{ { .admission = ADMISSION_BPF }, ADMISSION_BPF, ADMISSION_BPF },
	{ { .admission = ADMISSION_BPF, .hindrance = { HINDRANCE_NAT } },
	  ADMISSION_NONE,
	  ADMISSION_BPF },
	{ { .admission = ADMISSION_BPF, .hindrance = { 0, HINDRANCE_NAT } },
	  ADMISSION_BPF,
	  ADMISSION_NONE },
	{ { .admission = ADMISSION_BPF,
	    .kernel_cookies = SYNCOOKIES_ALWAYS,
	    .hindrance = { HINDRANCE_NAT } },
	  ADMISSION_KERNEL,
	  ADMISSION_BPF },
	{ { .admission = ADMISSION_KERNEL,
	    .kernel_cookies = SYNCOOKIES_ALWAYS,
	    .hindrance = { HINDRANCE_NAT } },
	  ADMISSION_KERNEL,
	  ADMISSION_KERNEL },
	{ { .admission = ADMISSION_BPF,
	    .kernel_cookies = SYNCOOKIES_ALWAYS,
	    .hindrance = { HINDRANCE_BRIDGE, HINDRANCE_NEW_ACK } },
	  ADMISSION_KERNEL,
	  ADMISSION_NONE },
	{ { .admission = ADMISSION_KERNEL,
	    .kernel_cookies = SYNCOOKIES_ALWAYS,
	    .hindrance = { HINDRANCE_NAT | HINDRANCE_NEW_ACK } },
	  ADMISSION_NONE,
	  ADMISSION_KERNEL },
	{ { .admission = ADMISSION_KERNEL }, ADMISSION_NONE, ADMISSION_NONE },
	{ { .admission = ADMISSION_BPF, .chosen = 1, .hindrance = { HINDRANCE_NAT } },
	  ADMISSION_NONE,
	  ADMISSION_BPF },
	{ { .admission = ADMISSION_BPF, .proxy = 1, .hindrance = { HINDRANCE_NAT } },
	  ADMISSION_NONE,
	  ADMISSION_BPF },
	{ { .admission = ADMISSION_BPF,
	    .chosen = 1,
	    .proxy = 1,
	    .kernel_cookies = SYNCOOKIES_ALWAYS,
	    .hindrance = { HINDRANCE_NEW_ACK, HINDRANCE_BRIDGE } },
	  ADMISSION_PROXY,
	  ADMISSION_PROXY },
	{ { .admission = ADMISSION_BPF, .chosen = 1, .proxy = 1, .hindrance = { HINDRANCE_NAT } },
	  ADMISSION_PROXY,
	  ADMISSION_BPF },
	{ { .admission = ADMISSION_BPF, .hindrance = { HINDRANCE_SYNCOOKIES } },
	  ADMISSION_NONE,
	  ADMISSION_BPF },
	{ { .admission = ADMISSION_BPF,
	    .chosen = 1,
	    .proxy = 1,
	    .hindrance = { 0, HINDRANCE_SYNCOOKIES } },
	  ADMISSION_BPF,
	  ADMISSION_PROXY },
	{ { .admission = ADMISSION_PROXY, .hindrance = { 0, HINDRANCE_NEW_ACK } },
	  ADMISSION_PROXY,
	  ADMISSION_PROXY },
	{ { .admission = ADMISSION_NONE, .kernel_cookies = SYNCOOKIES_ALWAYS },
	  ADMISSION_NONE,
	  ADMISSION_NONE },
};

static void hindered_family_is_admitted_by_the_kernels_cookie_or_not_at_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(hindered); i++) {
		must(sw_admission_in(&hindered[i].guard, 0) == hindered[i].ipv4, "row %zu, IPv4",
		     i);
		must(sw_admission_in(&hindered[i].guard, 1) == hindered[i].ipv6, "row %zu, IPv6",
		     i);
	}
}

static void cookie_is_under_way_for_two_epochs(void **state)
{
	static const struct {
		bool shared_keys;
		__u64 cookie_ns, now;
		bool outstanding;
	} cases[] = {
		{ false, 0, NOW, false }, /* none yet */
		{ false, 0, 1, false },
		{ false, NOW, NOW, true },
		{ false, NOW + 1, NOW, true }, /* by the clock of a CPU that is ahead */
		{ false, NOW, NOW + EPOCHS - 1, true },
		{ false, NOW, NOW + EPOCHS, false },
		{ true, 0, NOW, true }, /* another host's */
		{ true, 1, NOW, true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		must(sw_cookie_outstanding(cases[i].shared_keys, cases[i].cookie_ns,
					   cases[i].now) == cases[i].outstanding,
		     "row %zu", i);
}

static void kernels_cookie_is_under_way_for_two_epochs_after_its_last_turn(void **state)
{
	static const struct {
		enum sw_cookie_mode mode;
		bool on;
		__u64 switched_ns, now;
		bool outstanding;
	} cases[] = {
		{ COOKIES_AUTO, false, 0, NOW, true }, /* it answers */
		{ COOKIES_NEVER, false, 0, NOW, true },
		{ COOKIES_AUTO, true, NOW, NOW, true },
		{ COOKIES_AUTO, true, NOW, NOW + EPOCHS - 1, true },
		{ COOKIES_AUTO, true, NOW, NOW + EPOCHS, false },
		{ COOKIES_ALWAYS, false, NOW, NOW + EPOCHS - 1, true },
		{ COOKIES_ALWAYS, false, NOW, NOW + EPOCHS, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		must(sw_kernel_outstanding(cases[i].mode, cases[i].on, cases[i].switched_ns,
					   cases[i].now) == cases[i].outstanding,
		     "row %zu", i);
}

/* --- Strays ----------------------------------------------------------------------------------- */

static int strays_passed(struct sw_pressure *strays, __u64 now, int count)
{
	int passed = 0;

	while (count--)
		passed += sw_stray_within_pace(strays, now);
	return passed;
}

static void a_thousand_strays_pass_in_a_second(void **state)
{
	struct sw_pressure strays = { 0 };

	(void)state;
	assert_int_equal(strays_passed(&strays, NOW, 997), 997);
	assert_int_equal(strays_passed(&strays, NOW + SW_NS_PER_S - 1, 1009), 3);
	assert_int_equal(strays_passed(&strays, NOW + SW_NS_PER_S, 1009), 1000);
	assert_int_equal(strays_passed(&strays, NOW + 2 * SW_NS_PER_S - 1, 1009), 0);
	assert_int_equal(strays_passed(&strays, NOW + 5 * SW_NS_PER_S, 23), 23);
}

int test_pressure(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(high_mark_is_the_setting_or_three_quarters_of_the_backlog),
		cmocka_unit_test(port_is_quiet_when_its_quiet_time_is_over),
		cmocka_unit_test(cookies_begin_with_a_full_queue_and_end_with_quiet_and_room),
		cmocka_unit_test(port_sends_cookies_by_its_mode_or_under_pressure),
		cmocka_unit_test(port_is_busy_beyond_the_low_mark_in_a_second),
		cmocka_unit_test(window_of_the_pressure_is_a_second),
		cmocka_unit_test(cookies_that_come_back_are_no_pressure),
		cmocka_unit_test(more_may_come_back_than_went_out),
		cmocka_unit_test(pressure_is_noted_each_second_or_four_times_in_the_quiet_time),
		cmocka_unit_test(cookie_is_the_one_that_the_listener_can_be_given),
		cmocka_unit_test(hindered_family_is_admitted_by_the_kernels_cookie_or_not_at_all),
		cmocka_unit_test(cookie_is_under_way_for_two_epochs),
		cmocka_unit_test(kernels_cookie_is_under_way_for_two_epochs_after_its_last_turn),
		cmocka_unit_test(a_thousand_strays_pass_in_a_second),
	};

	return cmocka_run_group_tests_name("pressure", tests, NULL, NULL);
}
