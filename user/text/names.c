// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The names of states and counters come from the X-macros that make the enums, so that a number and
 * its name can't drift apart.
 */
#include <ctype.h>
#include <errno.h>

#include "text/names.h"

static const char *const state_names[SW_STATES] = {
#define STATE_NAME(id, name, ms) [id] = #id,
	SW_TIMEOUTS(STATE_NAME)
};

static const char *const kind_names[SW_KINDS] = {
#define KIND_NAME(id, name, help) [SW_KIND_##id] = #id,
	SW_EVENT_KINDS(KIND_NAME)
};

static const struct {
	const char *name, *help;
} counters[SW_COUNTER_MAX] = {
#define COUNTER_TEXT(id, name, help) [SW_##id] = { #name, help },
	SW_COUNTERS(COUNTER_TEXT)
};

const char *sw_state_name(unsigned int state)
{
	return state < SW_STATES ? state_names[state] : "?";
}

/* Letters in either case, and '-' for '_'. */
static bool same_name(const char *a, const char *b)
{
	for (; *a && *b; a++, b++) {
		char ca = *a == '-' ? '_' : (char)toupper((unsigned char)*a);

		if (ca != *b)
			return false;
	}
	return *a == *b;
}

int sw_state_parse(const char *name)
{
	for (int state = 0; state < SW_STATES; state++)
		if (same_name(name, state_names[state]))
			return state;
	return -EINVAL;
}

const char *sw_event_kind_name(unsigned int kind)
{
	if (kind < SW_STATES)
		return state_names[kind];
	return kind < SW_KINDS ? kind_names[kind] : "?";
}

int sw_event_kind_parse(const char *name)
{
	for (unsigned int kind = 0; kind < SW_KINDS; kind++)
		if (same_name(name, sw_event_kind_name(kind)))
			return (int)kind;
	return -EINVAL;
}

const char *sw_event_name(const struct sw_event *event)
{
	__u32 kinds = sw_event_kinds(event);
	int sender = event->sender & 1;

	for (unsigned int kind = SW_STATES; kind < SW_KINDS; kind++)
		if (kinds & 1U << kind)
			return kind_names[kind];
	if (event->before[sender] == event->after[sender])
		sender = !sender;
	return sw_state_name(event->after[sender]);
}

const char *sw_counter_name(enum sw_counter counter)
{
	return counters[counter].name;
}

const char *sw_counter_help(enum sw_counter counter)
{
	return counters[counter].help;
}

const char *sw_flags_name(__u8 flags, char text[SW_FLAGS_TEXT])
{
	char *out = text;

	for (int bit = 0; bit < 8; bit++)
		if (flags & (1 << bit))
			*out++ = "FSRPAUEC"[bit];
	*out = '\0';
	return text;
}

const char *sw_admission_name(enum sw_admission admission)
{
	static const char *const names[] = {
		[ADMISSION_NONE] = "none",
		[ADMISSION_BPF] = "bpf",
		[ADMISSION_KERNEL] = "kernel",
		[ADMISSION_PROXY] = "proxy",
	};

	return admission <= ADMISSION_PROXY ? names[admission] : "?";
}

const char *sw_protection_name(enum sw_protection protects)
{
	static const char *const names[] = {
		[PROTECT_NONE] = "none",
		[PROTECT_PROXY] = "proxy",
		[PROTECT_STATELESS] = "stateless",
	};

	return protects <= PROTECT_STATELESS ? names[protects] : "?";
}

const char *sw_cookie_mode_name(enum sw_cookie_mode mode)
{
	static const char *const names[] = {
		[COOKIES_AUTO] = "auto",
		[COOKIES_ALWAYS] = "always",
		[COOKIES_NEVER] = "never",
	};

	return mode <= COOKIES_NEVER ? names[mode] : "?";
}

const char *sw_listener_name(enum sw_listener_kind kind)
{
	static const char *const names[] = {
		[NOT_SEEN] = "no SYN yet",
		[NOT_LISTENING] = "none",
		[LISTENING] = "listening",
		[LISTENING_MPTCP] = "listening (MPTCP)",
		[LISTENING_SIGNED] = "listening (MD5 or AO)",
	};

	return kind <= LISTENING_SIGNED ? names[kind] : "?";
}
