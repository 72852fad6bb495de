// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Which segment with a good cookie may end a TIME_WAIT (<synward/time_wait.h>): as Linux has it of the SYN before.
 */
#include <synward/time_wait.h>

#include "check.h"
#include "unit.h"

#define WANTS 0xfffffff0U /* so that what is newer is a small number */
#define CLOCK 0x7ffffffeU

struct newcomer {
	const char *label;
	__u32 isn;
	__s64 tsval; /* less CLOCK; NONE */
	bool bare; /* the old connection had no timestamps */
	bool anew;
};

#define NONE INT64_MAX

static const struct newcomer newcomers[] = {
	{ "a higher number", WANTS + 1, NONE, false, true },
	{ "a number half the circle ahead", WANTS + 0x7fffffff, NONE, false, true },
	{ "the number that is wanted", WANTS, NONE, false, false },
	{ "the old connection's own", WANTS - 1000, NONE, false, false },
	{ "a lower number, newer by the clock", WANTS - 1000, 5, false, true },
	{ "a higher number, and the clock stands", WANTS + 1, 0, false, true },
	{ "a higher number, older by the clock", WANTS + 1, -5, false, false },
	{ "neither is newer", WANTS - 1000, 0, false, false },
	{ "a clock where there was none", WANTS + 1, -5, true, true },
	{ "a lower number, and a clock where there was none", WANTS - 1000, 5, true, false },
};

static void newer_connection_may_end_time_wait_and_a_copy_of_the_old_one_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(newcomers); i++) {
		const struct newcomer *one = &newcomers[i];
		const struct sw_time_wait wait = {
			.wants = WANTS,
			.tsval = one->bare ? 0 : CLOCK,
			.timestamps = !one->bare,
		};
		const struct sw_segment seg = {
			.seq = one->isn + 1,
			.has_tsval = one->tsval != NONE,
			.tsval = one->tsval != NONE ? CLOCK + (__u32)one->tsval : 0,
		};

		must(sw_begins_anew(&wait, &seg) == one->anew, "%s", one->label);
	}
}

int test_time_wait(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(newer_connection_may_end_time_wait_and_a_copy_of_the_old_one_not),
	};

	return cmocka_run_group_tests_name("time_wait", tests, NULL, NULL);
}
