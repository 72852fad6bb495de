// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * JSON on stdout. 16 digits of a real number are enough for the microseconds of a time since 1970,
 * and few enough that 0.1 is printed as 0.1.
 */
#include <stdio.h>

#include "text/json.h"

#define REALS JSON_REAL_PRECISION(16)

bool sw_json;

void sw_json_print_element(json_t *value)
{
	json_dumpf(value, stdout, JSON_COMPACT | REALS);
	json_decref(value);
}

void sw_json_print_line(json_t *value)
{
	sw_json_print_element(value);
	putchar('\n');
}

void sw_json_print(json_t *value)
{
	json_dumpf(value, stdout, JSON_INDENT(1) | REALS);
	putchar('\n');
	json_decref(value);
}

json_t *sw_seconds_json(__s64 ns)
{
	return json_real((double)(ns / 1000) / 1e6);
}
