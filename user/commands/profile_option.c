// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <string.h>

#include "commands/profile_option.h"
#include "guard/profile.h"
#include "text/place.h"
#include "text/report.h"

int sw_profile_take(const struct sw_option *option, const char *value, struct sw_profile *profile)
{
	const char *wrong = sw_profile_parse(value, strlen(value), profile);

	return wrong ? sw_misuse("%s%s: %s, not \"%s\"", sw_place_dashes(), option->name, wrong,
				 value)
		     : 0;
}
