// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Words in any order, each once. A text may be part of a line, and ends without a zero.
 */
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <synward/wire.h>

#include "guard/profile.h"

enum word {
	MSS,
	WSCALE,
	SACK,
	TIMESTAMPS,
	ECN,
	WORDS
};

static const struct {
	const char *name;
	unsigned int min, max; /* of its number; 0: it has none */
} words[WORDS] = {
	[MSS] = { "mss=", SW_MSS_DEFAULT_IPV4, UINT16_MAX },
	[WSCALE] = { "wscale=", 0, TCP_MAX_WINSHIFT },
	[SACK] = { .name = "sack" },
	[TIMESTAMPS] = { .name = "timestamps" },
	[ECN] = { .name = "ecn" },
};

static const char expected[] = "a profile is mss=536-65535 and, if they are offered, wscale=0-14, "
			       "sack, timestamps and ecn, with commas between";

static bool take_number(const char *text, size_t length, enum word word, unsigned int *number)
{
	*number = 0;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9' || length > 5)
			return false;
		*number = *number * 10 + (unsigned int)(text[i] - '0');
	}
	return length && *number >= words[word].min && *number <= words[word].max;
}

/* Which one it is, and its number; WORDS: none. */
static enum word take_word(const char *text, size_t length, unsigned int *number)
{
	for (enum word word = MSS; word < WORDS; word++) {
		size_t name = strlen(words[word].name);

		if (length < name || memcmp(text, words[word].name, name))
			continue;
		if (words[word].max ? take_number(text + name, length - name, word, number)
				    : length == name)
			return word;
	}
	return WORDS;
}

const char *sw_profile_parse(const char *text, size_t length, struct sw_profile *profile)
{
	unsigned int number[WORDS] = {};
	bool said[WORDS] = {};

	for (size_t at = 0; at <= length; at++) {
		const char *comma = memchr(text + at, ',', length - at);
		size_t end = comma ? (size_t)(comma - text) : length;
		unsigned int value = 0;
		enum word word = take_word(text + at, end - at, &value);

		if (word == WORDS || said[word])
			return expected;
		said[word] = true;
		number[word] = value;
		at = end;
	}
	*profile = (struct sw_profile){
		.mss = (__u16)number[MSS],
		.wscale = (__u8)number[WSCALE],
		.scales = said[WSCALE],
		.sack = said[SACK],
		.timestamps = said[TIMESTAMPS],
		.ecn = said[ECN],
	};
	return said[MSS] ? NULL : expected;
}

const char *sw_profile_text(const struct sw_profile *profile, char text[SW_PROFILE_TEXT])
{
	char wscale[16] = "";

	if (profile->scales)
		snprintf(wscale, sizeof(wscale), ",wscale=%u", profile->wscale);
	snprintf(text, SW_PROFILE_TEXT, "mss=%u%s%s%s%s", profile->mss, wscale,
		 profile->sack ? ",sack" : "", profile->timestamps ? ",timestamps" : "",
		 profile->ecn ? ",ecn" : "");
	return text;
}
