/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#ifndef SYNWARD_USER_KEYS_H
#define SYNWARD_USER_KEYS_H

#include <synward/cookie.h>

int sw_keys_random(struct sw_keys *keys, __u64 epoch);
bool sw_keys_merge(struct sw_keys *in_force, const struct sw_keys *wanted, __u64 now_epoch);

#endif
