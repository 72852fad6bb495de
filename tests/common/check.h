/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What every test file includes: cmocka with what it wants before it, and a run of tests made from
 * a table at run time.
 */
#ifndef SYNWARD_TESTS_CHECK_H
#define SYNWARD_TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Fails the test with the reason why it could not go on. */
#define must(condition, ...)                   \
	do {                                   \
		if (!(condition))              \
			fail_msg(__VA_ARGS__); \
	} while (0)

/* Says why, and skips the test. */
#define skip_because(...)                   \
	do {                                \
		print_message(__VA_ARGS__); \
		print_message("\n");        \
		skip();                     \
	} while (0)

#endif
