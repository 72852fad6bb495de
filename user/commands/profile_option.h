/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The value of --profile, of run and of key.
 */
#ifndef SYNWARD_USER_PROFILE_OPTION_H
#define SYNWARD_USER_PROFILE_OPTION_H

#include <synward/guard.h>

#include "commands/option.h"

/* 0 or -EINVAL, reported. */
int sw_profile_take(const struct sw_option *option, const char *value, struct sw_profile *profile);

#endif
