// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The state names are written out once more, so that a state that got another number is noticed.
 */
#include <string.h>

#include "names.h"

static const char *const states[SW_STATES] = {
	"CLOSED",     "LISTEN",     "SYN_SENT", "SYN_RCVD", "ESTABLISHED", "FIN_WAIT_1",
	"FIN_WAIT_2", "CLOSE_WAIT", "CLOSING",  "LAST_ACK", "TIME_WAIT",
};

static const char *const counters[SW_COUNTER_MAX] = {
#define COUNTER_NAME(id, name, help) [SW_##id] = #name,
	SW_COUNTERS(COUNTER_NAME)
};

const char *state_name(unsigned int state)
{
	return state < SW_STATES ? states[state] : "(none)";
}

int state_by_name(const char *name)
{
	for (int state = 0; state < SW_STATES; state++)
		if (!strcmp(states[state], name))
			return state;
	return -1;
}

const char *counter_name(unsigned int counter)
{
	return counter < SW_COUNTER_MAX ? counters[counter] : "(no such counter)";
}

const char *flags_text(__u8 flags, char text[FLAGS_TEXT])
{
	char *out = text;

	for (int bit = 0; bit < 8; bit++)
		if (flags & (1 << bit))
			*out++ = "FSRPAUEC"[bit];
	*out = '\0';
	return text;
}
