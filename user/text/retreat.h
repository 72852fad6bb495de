/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * How a port that lost connections is dealt with, in words.
 */
#ifndef SYNWARD_TEXT_RETREAT_H
#define SYNWARD_TEXT_RETREAT_H

#include <jansson.h>

#include <synward/guard.h>

/* "guard", "kernel", "off". */
const char *sw_stand_name(enum sw_stand stand);

/* What has happened, and whose cookies there are from now on. */
const char *sw_stand_text(enum sw_stand stand);

/* {"stand": "off", "since": 2.5, "again": 2.5, "admitted": 7, "lost": 3}, times in seconds from now. */
json_t *sw_retreat_json(const struct sw_retreat *retreat, enum sw_stand stand, __u64 now_ns);

#endif
