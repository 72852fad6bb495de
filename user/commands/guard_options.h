/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Guard's options of run and attach, for their table. Each takes a value into a struct
 * sw_tracker_options; 0 or -EINVAL, reported.
 */
#ifndef SYNWARD_USER_GUARD_OPTIONS_H
#define SYNWARD_USER_GUARD_OPTIONS_H

int sw_take_guard(const char *value, void *args);
int sw_take_cookies(const char *value, void *args);
int sw_take_admission(const char *value, void *args);
int sw_take_key_file(const char *value, void *args);
int sw_take_dry_run(const char *value, void *args);
int sw_take_reply_budget(const char *value, void *args);
int sw_take_high_mark(const char *value, void *args);
int sw_take_low_mark(const char *value, void *args);
int sw_take_quiet(const char *value, void *args);

#endif
