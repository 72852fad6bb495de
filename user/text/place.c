// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * One place at a time: files are read one after another, by one thread.
 */
#include <stdio.h>

#include "text/place.h"

static const char *file_in_hand;
static unsigned int line_in_hand;

void sw_place_set(const char *file, unsigned int line)
{
	file_in_hand = file;
	line_in_hand = line;
}

const char *sw_place(char text[SW_PLACE_TEXT])
{
	text[0] = '\0';
	if (file_in_hand)
		snprintf(text, SW_PLACE_TEXT, "%.250s:%u: ", file_in_hand, line_in_hand);
	return text;
}

const char *sw_place_dashes(void)
{
	return file_in_hand ? "" : "--";
}
