/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * An option is a row of a table: its name, the kind of its value, where that goes, its default, its
 * range, what it does nothing without, and its help. The command line and the help are made of rows
 * and know no option by name.
 */
#ifndef SYNWARD_USER_OPTION_H
#define SYNWARD_USER_OPTION_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#include "text/values.h"

enum sw_option_kind {
	SW_OPTION_FLAG, /* no value; bool */
	SW_OPTION_NUMBER, /* min to max; any integer */
	SW_OPTION_DURATION, /* "10s", min to max in milliseconds; any integer */
	SW_OPTION_CHOICE, /* the words of min to max; an enum */
	SW_OPTION_STATE, /* "time-wait,closed"; __u32, bit n: state n */
	SW_OPTION_TIMEOUT, /* "time-wait=60s", once a state, min to max; struct sw_timeouts */
	SW_OPTION_FILE, /* a path; const char * */
	SW_OPTION_TEXT, /* what the row's own `take` understands: numbers from min to max, if there is a max */
};

#define SW_OPTION_NEEDS 2

struct sw_option {
	const char *name; /* without the dashes; NULL ends the table */
	char letter; /* for short, or 0 */
	enum sw_option_kind kind;
	size_t offset, size; /* where the value goes in the command's arguments: SW_INTO() */
	const char *help; /* says neither default nor range: they follow from the row */
	const char *value; /* what stands for it in help, if the kind has no word of its own */
	bool value_optional;
	const char *initial; /* the default, as one would write it; NULL: none */
	bool late; /* the default isn't stored: who uses it has to know that nothing was given */
	__u64 min, max;
	__u64 times; /* so many times the value is stored; 0: once */
	const char *(*choice)(unsigned int value); /* the word for it */
	const char *needs[SW_OPTION_NEEDS + 1]; /* it does nothing without one of these */
	bool repeats; /* given again, it adds to what it was given before */
	bool of_ports; /* ports of their own section of the configuration file may have their own */
	bool changes; /* something: it is not for those who may only read */
	bool fixed; /* what is in force stays until a new start */
	/* Takes the value where the kind alone can't. As sw_option_take(). */
	int (*take)(const struct sw_option *option, const char *value, void *args);
};

/* The member of the command's arguments that an option fills. */
#define SW_INTO(type, member) .offset = offsetof(type, member), .size = sizeof(((type *)0)->member)

/* The row of that name, or NULL. */
const struct sw_option *sw_option_find(const struct sw_option *options, const char *name);

/* Puts the defaults of all rows into *args. What has none is left as it is. */
void sw_options_default(const struct sw_option *options, void *args);

/* Takes the value (NULL: none was given) into *args. 0 or -EINVAL, reported. */
int sw_option_take(const struct sw_option *option, const char *value, void *args);

/* A number or duration (ms) in the row's range; it goes nowhere. 0 or -EINVAL, reported. */
int sw_option_parse(const struct sw_option *option, const char *value, __u64 *number);

#define SW_OPTION_TEXT_MAX 256

/* What stands for the value in help: "N", "[FLOW]", "auto|always|never"; "" if it takes none. */
const char *sw_option_value(const struct sw_option *option, char text[SW_OPTION_TEXT_MAX]);

/* "--ladder or --svg", as it is written there; "" if it needs nothing. */
const char *sw_option_needs(const struct sw_option *option, char text[SW_OPTION_TEXT_MAX]);

/* "flag", "number", ... */
const char *sw_option_kind_name(enum sw_option_kind kind);

/* Its default as one would write it, "10s"; "" if it has none. */
const char *sw_option_initial(const struct sw_option *option, char text[SW_OPTION_TEXT_MAX]);

/* Whether min and max bound what people write; and either of them as they would write it. */
bool sw_option_has_range(const struct sw_option *option);
const char *sw_option_bound(const struct sw_option *option, __u64 bound, char text[SW_VALUE_TEXT]);

#endif
