/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * JSON on stdout: how it is laid out, and whether it was asked for.
 */
#ifndef SYNWARD_JSON_H
#define SYNWARD_JSON_H

#include <jansson.h>
#include <linux/types.h>
#include <stdbool.h>

/* --json was given: what is printed, said and reported is JSON. */
extern bool sw_json;

/* Each prints the value and releases it: one to read, over several lines, with a newline ... */
void sw_json_print(json_t *value);

/* ... one of many, on a line of its own ... */
void sw_json_print_line(json_t *value);

/* ... and one in a list, of which the caller prints the rest. */
void sw_json_print_element(json_t *value);

/* Seconds with microseconds. */
json_t *sw_seconds_json(__s64 ns);

#endif
