// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The list of findings of `synward check`.
 */
#include "check.h"
#include "commands/findings.h"
#include "unit.h"

#define MANY 997

static void any_number_of_findings_is_kept(void **state)
{
	struct sw_findings findings = {};
	char wanted[80];

	(void)state;
	for (int i = 0; i < MANY; i++)
		sw_find(&findings, "subject", SW_NOTE, "advice", "number %d", i);
	assert_int_equal(findings.count, MANY);
	for (int i = 0; i < MANY; i++) {
		sprintf(wanted, "number %d", i);
		assert_string_equal(findings.finding[i].text, wanted);
	}
	assert_int_equal(findings.err, 0);
	sw_findings_free(&findings);
}

static void text_longer_than_its_place_is_cut(void **state)
{
	struct sw_findings findings = {};
	size_t room = sizeof(findings.finding->text);

	(void)state;
	sw_find(&findings, "subject", SW_GOOD, NULL, "%0*d", 2 * (int)room, 7);
	assert_int_equal(strlen(findings.finding[0].text), room - 1);
	sw_findings_free(&findings);
}

static void worst_grade_is_that_of_the_worst_finding(void **state)
{
	struct sw_findings findings = {};

	(void)state;
	assert_int_equal(sw_findings_worst(&findings), SW_GOOD);
	sw_find(&findings, "a", SW_NOTE, "advice", "found");
	sw_find(&findings, "b", SW_BAD, "advice", "found");
	sw_find(&findings, "c", SW_GOOD, "advice", "found");
	assert_int_equal(sw_findings_worst(&findings), SW_BAD);
	sw_findings_free(&findings);
}

static void what_is_good_bears_no_advice(void **state)
{
	struct sw_findings findings = {};

	(void)state;
	sw_find(&findings, "a", SW_GOOD, "advice", "found");
	sw_find(&findings, "b", SW_NOTE, "advice", "found");
	assert_null(findings.finding[0].advice);
	assert_string_equal(findings.finding[1].advice, "advice");
	sw_findings_free(&findings);
}

int test_findings(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_number_of_findings_is_kept),
		cmocka_unit_test(text_longer_than_its_place_is_cut),
		cmocka_unit_test(worst_grade_is_that_of_the_worst_finding),
		cmocka_unit_test(what_is_good_bears_no_advice),
	};

	return cmocka_run_group_tests_name("findings", tests, NULL, NULL);
}
