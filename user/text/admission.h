/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * How a family of addresses is admitted, in words.
 */
#ifndef SYNWARD_TEXT_ADMISSION_H
#define SYNWARD_TEXT_ADMISSION_H

#include <jansson.h>

#include <synward/guard.h>

/* "IPv4", "IPv6". */
const char *sw_family_name(int family);

/* One sentence: what hinders, and whose cookies there are then. */
const char *sw_admission_text(__u8 hindrance, enum sw_admission admission);

/* {"hindrances": ["nat"], "admission": "kernel"} */
json_t *sw_admission_json(__u8 hindrance, enum sw_admission admission);

#endif
