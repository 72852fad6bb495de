/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * In place of user/text/report.c: what modules of user/ report is kept, for tests to compare.
 */
#ifndef SYNWARD_TESTS_SAID_H
#define SYNWARD_TESTS_SAID_H

/* The last error or talk whole, or "" since it was forgotten. */
const char *said(void);
void forget_said(void);

#endif
