/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Profiles of services as text, pure: "mss=1460,wscale=7,sack,timestamps,ecn". What is not there is not offered; mss
 * always is, as it stands over IPv4.
 */
#ifndef SYNWARD_USER_PROFILE_H
#define SYNWARD_USER_PROFILE_H

#include <stddef.h>

#include <synward/guard.h>

/* NULL; or what was expected, and *profile is then of no use. */
const char *sw_profile_parse(const char *text, size_t length, struct sw_profile *profile);

#define SW_PROFILE_TEXT 64

/* As it is taken. */
const char *sw_profile_text(const struct sw_profile *profile, char text[SW_PROFILE_TEXT]);

#endif
