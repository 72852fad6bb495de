// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Unit tests: no root, no kernel. With CMOCKA_MESSAGE_OUTPUT=TAP the output is TAP.
 */
#include <stdio.h>

#include "unit.h"

/* A test that fails leaves what it held: that is no news. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

int main(void)
{
	int failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	failed += test_key_file();
	failed += test_keys();
	failed += test_model();
	failed += test_numbers();
	failed += test_holes();
	failed += test_parse();
	failed += test_prediction();
	failed += test_siphash();
	failed += test_cookie();
	failed += test_reply();
	failed += test_guard();
	failed += test_loop();
	failed += test_vectors();
	return failed ? 1 : 0;
}
