// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Values into the arguments of a command, by the row of their option. What is refused is echoed with
 * what would have been accepted.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/option.h"
#include "text/names.h"
#include "text/place.h"
#include "text/report.h"
#include "text/values.h"

const struct sw_option *sw_option_find(const struct sw_option *options, const char *name)
{
	for (; options && options->name; options++)
		if (!strcmp(options->name, name))
			return options;
	return NULL;
}

/* --- Taking --------------------------------------------------------------------------------- */

static void *place_of(const struct sw_option *option, void *args)
{
	return (char *)args + option->offset;
}

static bool is_duration(const struct sw_option *option)
{
	return option->kind == SW_OPTION_DURATION || option->kind == SW_OPTION_TIMEOUT;
}

static void store(const struct sw_option *option, __u64 number, void *args)
{
	void *place = place_of(option, args);

	if (option->size == sizeof(__u8))
		*(__u8 *)place = (__u8)number;
	else if (option->size == sizeof(__u16))
		*(__u16 *)place = (__u16)number;
	else if (option->size == sizeof(__u32))
		*(__u32 *)place = (__u32)number;
	else
		*(__u64 *)place = number;
}

int sw_option_parse(const struct sw_option *option, const char *value, __u64 *number)
{
	char name[SW_OPTION_TEXT_MAX];
	struct sw_range range = { name, option->min, option->max };

	snprintf(name, sizeof(name), "%s%s", sw_place_dashes(), option->name);
	if (is_duration(option))
		return sw_parse_duration(value, &range, number);
	return sw_parse_number(value, &range, number);
}

/* On the command line it has no value: it is there. */
static int take_flag(const struct sw_option *option, const char *value, void *args)
{
	bool yes = !value || !strcmp(value, "yes");

	if (!yes && strcmp(value, "no"))
		return sw_misuse("%s%s is yes or no, not \"%s\"", sw_place_dashes(), option->name,
				 value);
	store(option, yes, args);
	return 0;
}

static int take_number(const struct sw_option *option, const char *value, void *args)
{
	__u64 number;
	int err = sw_option_parse(option, value, &number);

	if (!err)
		store(option, number * (option->times ?: 1), args);
	return err;
}

/* "auto, always or never": `between` the words, `last` before the last one. */
static const char *list_choices(const struct sw_option *option, const char *between,
				const char *last, char text[SW_OPTION_TEXT_MAX])
{
	size_t length = 0;

	text[0] = '\0';
	for (__u64 i = option->min; i <= option->max && length < SW_OPTION_TEXT_MAX; i++) {
		const char *joint = i == option->min ? "" : i == option->max ? last : between;

		length += snprintf(text + length, SW_OPTION_TEXT_MAX - length, "%s%s", joint,
				   option->choice((unsigned int)i));
	}
	return text;
}

static int take_choice(const struct sw_option *option, const char *value, void *args)
{
	char choices[SW_OPTION_TEXT_MAX];

	for (__u64 i = option->min; i <= option->max; i++) {
		if (!strcmp(value, option->choice((unsigned int)i))) {
			store(option, i, args);
			return 0;
		}
	}
	return sw_misuse("%s%s is %s, not \"%s\"", sw_place_dashes(), option->name,
			 list_choices(option, ", ", " or ", choices), value);
}

/* More of them may follow, in this value and in further ones. */
static int take_state(const struct sw_option *option, const char *value, void *args)
{
	char *copy = strdup(value), *rest = copy, *word;
	__u32 states = 0;
	int state = copy ? 0 : sw_fail(-ENOMEM, NULL, "read --%s", option->name);

	while (state >= 0 && (word = strsep(&rest, ","))) {
		state = sw_state_parse(word);
		if (state < 0)
			sw_misuse("%s%s is a state of RFC 9293 such as time-wait, not \"%s\"",
				  sw_place_dashes(), option->name, word);
		else
			states |= 1U << state;
	}
	free(copy);
	if (state < 0)
		return state;
	*(__u32 *)place_of(option, args) |= states;
	return 0;
}

static int refuse_timeout(const struct sw_option *option, const char *value)
{
	char names[SW_OPTION_TEXT_MAX] = "";

	for (int state = 0; state < SW_STATES; state++) {
		strcat(names, state ? " " : "");
		strcat(names, sw_state_name(state));
	}
	return sw_misuse("%s%s is STATE=DURATION, not \"%s\"; states: %s", sw_place_dashes(),
			 option->name, value, names);
}

static int take_timeout(const struct sw_option *option, const char *value, void *args)
{
	struct sw_timeouts *timeouts = place_of(option, args);
	const char *equals = strchr(value, '=');
	struct sw_option row = *option;
	char name[16] = "";
	int state, err;
	__u64 ms;

	if (equals && (size_t)(equals - value) < sizeof(name))
		memcpy(name, value, equals - value);
	state = sw_state_parse(name);
	if (state < 0)
		return refuse_timeout(option, value);
	if (state == CLOSED)
		row.min = 0; /* what is closed may be forgotten at once */
	err = sw_option_parse(&row, equals + 1, &ms);
	if (!err)
		timeouts->ms[state] = (__u32)ms;
	return err;
}

static int take_file(const struct sw_option *option, const char *value, void *args)
{
	*(const char **)place_of(option, args) = value;
	return 0;
}

int sw_option_take(const struct sw_option *option, const char *value, void *args)
{
	static int (*const takers[])(const struct sw_option *, const char *, void *) = {
		[SW_OPTION_FLAG] = take_flag,       [SW_OPTION_NUMBER] = take_number,
		[SW_OPTION_DURATION] = take_number, [SW_OPTION_CHOICE] = take_choice,
		[SW_OPTION_STATE] = take_state,     [SW_OPTION_TIMEOUT] = take_timeout,
		[SW_OPTION_FILE] = take_file,
	};

	return (option->take ?: takers[option->kind])(option, value, args);
}

void sw_options_default(const struct sw_option *options, void *args)
{
	for (; options && options->name; options++)
		if (options->initial && !options->late)
			sw_option_take(options, options->initial, args);
}

/* --- In help -------------------------------------------------------------------------------- */

const char *sw_option_value(const struct sw_option *option, char text[SW_OPTION_TEXT_MAX])
{
	static const char *const values[] = {
		[SW_OPTION_FLAG] = "",
		[SW_OPTION_NUMBER] = "N",
		[SW_OPTION_DURATION] = "DURATION",
		[SW_OPTION_STATE] = "STATE[,STATE]",
		[SW_OPTION_TIMEOUT] = "STATE=DURATION",
		[SW_OPTION_FILE] = "FILE",
	};

	if (option->kind == SW_OPTION_CHOICE)
		return list_choices(option, "|", "|", text);
	snprintf(text, SW_OPTION_TEXT_MAX, option->value_optional ? "[%s]" : "%s",
		 option->value ?: values[option->kind]);
	return text;
}

const char *sw_option_initial(const struct sw_option *option, char text[SW_OPTION_TEXT_MAX])
{
	static const __u32 ms[SW_STATES] = { SW_TIMEOUTS(SW_TIMEOUT_DEFAULT) };
	char duration[SW_VALUE_TEXT];
	size_t length = 0;

	if (option->kind != SW_OPTION_TIMEOUT)
		return strcpy(text, option->initial ?: "");
	for (int state = 0; state < SW_STATES; state++)
		length += snprintf(text + length, SW_OPTION_TEXT_MAX - length, "%s%s=%s",
				   state ? ", " : "", sw_state_name(state),
				   sw_duration_exact(ms[state], duration));
	return text;
}

bool sw_option_has_range(const struct sw_option *option)
{
	return option->kind == SW_OPTION_NUMBER || is_duration(option) ||
	       (option->kind == SW_OPTION_TEXT && option->max);
}

const char *sw_option_bound(const struct sw_option *option, __u64 bound, char text[SW_VALUE_TEXT])
{
	if (is_duration(option))
		return sw_duration_exact(bound, text);
	snprintf(text, SW_VALUE_TEXT, "%llu", bound);
	return text;
}

const char *sw_option_needs(const struct sw_option *option, char text[SW_OPTION_TEXT_MAX])
{
	size_t length = 0;

	text[0] = '\0';
	for (int i = 0; option->needs[i] && length < SW_OPTION_TEXT_MAX; i++)
		length += snprintf(text + length, SW_OPTION_TEXT_MAX - length, "%s%s%s",
				   i ? " or " : "", sw_place_dashes(), option->needs[i]);
	return text;
}

const char *sw_option_kind_name(enum sw_option_kind kind)
{
	static const char *const names[] = {
		[SW_OPTION_FLAG] = "flag",         [SW_OPTION_NUMBER] = "number",
		[SW_OPTION_DURATION] = "duration", [SW_OPTION_CHOICE] = "choice",
		[SW_OPTION_STATE] = "state",       [SW_OPTION_TIMEOUT] = "timeout",
		[SW_OPTION_FILE] = "file",         [SW_OPTION_TEXT] = "text",
	};

	return names[kind];
}
