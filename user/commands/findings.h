/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What `synward check` finds: a list of subjects, each with a grade and, where it isn't good, advice.
 */
#ifndef SYNWARD_USER_FINDINGS_H
#define SYNWARD_USER_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>

enum sw_grade {
	SW_GOOD,
	SW_NOTE, /* works, but could be better, or a later feature will miss it */
	SW_REFUSED, /* something of the configuration is not taken */
	SW_UNGUARDED, /* guard does not work */
	SW_BAD, /* track mode does not work */
};

struct sw_finding {
	const char *subject;
	enum sw_grade grade;
	char text[80];
	const char *advice; /* or NULL */
};

struct sw_findings {
	struct sw_finding *finding;
	size_t count, room;
	bool tried; /* guard was tried */
	const char *config_file; /* that was read, or NULL */
	int err; /* -ENOMEM: one could not be kept, and was reported */
};

/* Adds one; subject and advice are not copied, and what is good needs no advice. */
void sw_find(struct sw_findings *findings, const char *subject, enum sw_grade grade,
	     const char *advice, const char *text, ...) __attribute__((format(printf, 5, 6)));

enum sw_grade sw_findings_worst(const struct sw_findings *findings);

/* On stdout, as text or, if that was asked for, as JSON. */
void sw_findings_print(const struct sw_findings *findings);

void sw_findings_free(struct sw_findings *findings);

#endif
