// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The findings of `synward check`, kept in a list that grows, and printed.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "commands/findings.h"
#include "text/json.h"
#include "text/report.h"

static const char *const grade_names[] = { "ok", "note", "fail", "fail", "fail" };

static struct sw_finding *add(struct sw_findings *findings)
{
	size_t room = findings->room ? 2 * findings->room : 16;
	struct sw_finding *grown;

	if (findings->count == findings->room) {
		grown = reallocarray(findings->finding, room, sizeof(*grown));
		if (!grown) {
			findings->err = sw_fail(-ENOMEM, NULL, "keep what was found");
			return NULL;
		}
		findings->finding = grown;
		findings->room = room;
	}
	return &findings->finding[findings->count++];
}

void sw_find(struct sw_findings *findings, const char *subject, enum sw_grade grade,
	     const char *advice, const char *text, ...)
{
	struct sw_finding *finding = add(findings);
	va_list args;

	if (!finding)
		return;
	finding->subject = subject;
	finding->grade = grade;
	finding->advice = grade == SW_GOOD ? NULL : advice;
	va_start(args, text);
	vsnprintf(finding->text, sizeof(finding->text), text, args);
	va_end(args);
}

enum sw_grade sw_findings_worst(const struct sw_findings *findings)
{
	enum sw_grade grade = SW_GOOD;

	for (size_t i = 0; i < findings->count; i++)
		if (findings->finding[i].grade > grade)
			grade = findings->finding[i].grade;
	return grade;
}

static bool has(const struct sw_findings *findings, enum sw_grade grade)
{
	for (size_t i = 0; i < findings->count; i++)
		if (findings->finding[i].grade == grade)
			return true;
	return false;
}

static bool guard_works(const struct sw_findings *findings)
{
	return !has(findings, SW_UNGUARDED) && !has(findings, SW_BAD);
}

static void print_text(const struct sw_findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		const struct sw_finding *finding = &findings->finding[i];

		printf("%-4s  %-19s %s\n", grade_names[finding->grade], finding->subject,
		       finding->text);
		if (finding->advice)
			printf("      -> %s\n", finding->advice);
	}
	printf("\nTracking %s here.\n", has(findings, SW_BAD) ? "does not work" : "works");
	if (findings->tried)
		printf("Guard %s on this kernel.\n",
		       guard_works(findings) ? "works" : "does not work");
	if (findings->config_file)
		printf("The configuration %s %s.\n", findings->config_file,
		       has(findings, SW_REFUSED) ? "is not taken: see above" : "is taken");
}

/* What was not asked for is null. */
static json_t *verdict(bool asked, bool good)
{
	return asked ? json_boolean(good) : json_null();
}

static void print_json(const struct sw_findings *findings)
{
	json_t *list = json_array();

	for (size_t i = 0; i < findings->count; i++) {
		const struct sw_finding *finding = &findings->finding[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s?}", "subject",
						      finding->subject, "grade",
						      grade_names[finding->grade], "found",
						      finding->text, "advice", finding->advice));
	}
	sw_json_print(json_pack("{s:b, s:o, s:o, s:o}", "track", !has(findings, SW_BAD), "guard",
				verdict(findings->tried, guard_works(findings)), "configuration",
				verdict(findings->config_file, !has(findings, SW_REFUSED)),
				"findings", list));
}

void sw_findings_print(const struct sw_findings *findings)
{
	if (sw_json)
		print_json(findings);
	else
		print_text(findings);
}

void sw_findings_free(struct sw_findings *findings)
{
	free(findings->finding);
}
