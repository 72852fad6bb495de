/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * States and counters by name, for messages and for .expect files.
 */
#ifndef SYNWARD_TESTS_NAMES_H
#define SYNWARD_TESTS_NAMES_H

#include <synward/flow.h>
#include <synward/stats.h>

const char *state_name(unsigned int state);

/* -1 when there is no such state. */
int state_by_name(const char *name);

const char *counter_name(unsigned int counter);

#define FLAGS_TEXT 9

/* The letters of the control bits that are set, FSRPAUEC. */
const char *flags_text(__u8 flags, char text[FLAGS_TEXT]);

#endif
