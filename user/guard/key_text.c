// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A key file's text is read in place, and written without stdio: no copy of a key is left where
 * nobody would clear it.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "guard/key_text.h"
#include "guard/profile.h"

#define KEY_DIGITS   32
#define EPOCH_DIGITS 10
#define EPOCH_S      (SW_EPOCH_NS / SW_NS_PER_S)

/* --- Reading -------------------------------------------------------------------------------- */

struct span {
	const char *at, *end;
};

struct reader {
	struct sw_key_file *file;
	bool has_version, has_isn;
	int macs;
};

static size_t length(struct span span)
{
	return (size_t)(span.end - span.at);
}

static bool is(struct span word, const char *name)
{
	return length(word) == strlen(name) && !memcmp(word.at, name, length(word));
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* What stands between blanks, off the line; empty at its end. */
static struct span take_word(struct span *line)
{
	struct span word;

	while (line->at < line->end && is_blank(*line->at))
		line->at++;
	word.at = line->at;
	while (line->at < line->end && !is_blank(*line->at))
		line->at++;
	word.end = line->at;
	return word;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Two digits a byte, and the first byte lowest in the word, as SipHash takes its key. */
static const char *take_key(struct span *line, __u64 key[2])
{
	struct span word = take_word(line);

	if (length(word) != KEY_DIGITS)
		return "a key is 32 hex digits, no more and no less";
	key[0] = key[1] = 0;
	for (int i = 0; i < KEY_DIGITS; i++) {
		int value = hex_value(word.at[i]), byte = i / 2;

		if (value < 0)
			return "a key is hex digits only, 0-9 and a-f";
		key[byte / 8] |= (__u64)value << (byte % 8 * 8 + (i % 2 ? 0 : 4));
	}
	return key[0] || key[1] ? NULL : "the key is all zeros";
}

static const char *take_epoch(struct span *line, __u64 *epoch)
{
	struct span word = take_word(line);
	bool good = length(word) >= 1 && length(word) <= EPOCH_DIGITS;

	*epoch = 0;
	for (; good && word.at < word.end; word.at++) {
		good = *word.at >= '0' && *word.at <= '9';
		*epoch = *epoch * 10 + (__u64)(*word.at - '0');
	}
	if (!good || *epoch > SW_KEY_EPOCH_LAST)
		return "mac wants the first epoch that it serves, 0 to 288230376, before the key";
	return NULL;
}

static const char *take_version(struct reader *reader, struct span *line)
{
	if (reader->has_version)
		return "synward-keys stands there for the second time";
	reader->has_version = true;
	return is(take_word(line), "1") ? NULL : "this synward reads \"synward-keys 1\" only";
}

static const char *take_isn(struct reader *reader, struct span *line)
{
	if (reader->has_isn)
		return "isn stands there for the second time; there is one";
	reader->has_isn = true;
	return take_key(line, reader->file->keys.isn);
}

static const char *take_mac(struct reader *reader, struct span *line)
{
	struct sw_mac_key *mac = reader->file->keys.mac;
	const char *wrong;

	if (reader->macs == 2)
		return "a third mac; there are one or two";
	mac += reader->macs++;
	wrong = take_epoch(line, &mac->first_epoch) ?: take_key(line, mac->key);
	if (!wrong && reader->macs == 2 && mac->first_epoch == mac[-1].first_epoch)
		wrong = "both macs serve from the same epoch";
	return wrong;
}

static const char *take_profile(struct reader *reader, struct span *line)
{
	struct span word = take_word(line);

	if (reader->file->profile.mss)
		return "profile stands there for the second time; there is one";
	return sw_profile_parse(word.at, length(word), &reader->file->profile);
}

static const struct {
	const char *name;
	const char *(*take)(struct reader *reader, struct span *line);
} words[] = {
	{ "synward-keys", take_version },
	{ "isn", take_isn },
	{ "mac", take_mac },
	{ "profile", take_profile },
};

static const char *take_by_word(struct reader *reader, struct span word, struct span *line)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (is(word, words[i].name))
			return words[i].take(reader, line);
	return "unknown word; a line begins with isn, mac, profile or #";
}

static bool is_text(struct span line)
{
	for (; line.at < line.end; line.at++)
		if (((unsigned char)*line.at < ' ' && *line.at != '\t') || *line.at == 0x7f)
			return false;
	return true;
}

/* NULL, or what is wrong. */
static const char *take_line(struct reader *reader, struct span line)
{
	const char *wrong;
	struct span word;

	if (length(line) > SW_KEY_LINE_MAX)
		return "it is longer than 200 bytes";
	if (!is_text(line))
		return "it has control characters or zero bytes, and is to be text";
	word = take_word(&line);
	if (!length(word) || *word.at == '#')
		return NULL;
	if (!reader->has_version && !is(word, "synward-keys"))
		return "a key file begins with \"synward-keys 1\"";
	wrong = take_by_word(reader, word, &line);
	if (!wrong && length(take_word(&line)))
		wrong = "something follows where the line is to end";
	return wrong;
}

static const char *missing(const struct reader *reader)
{
	if (!reader->has_version)
		return "it is empty; `synward key new` makes a key file";
	if (!reader->has_isn)
		return "it has no isn; one line is to be \"isn <32 hex digits>\"";
	if (!reader->macs)
		return "it has no mac; a line is to be \"mac <first epoch> <32 hex digits>\"";
	return NULL;
}

int sw_key_text_parse(const char *text, size_t size, struct sw_key_file *file,
		      struct sw_key_error *error)
{
	struct span rest = { text, text + size };
	struct reader reader = { .file = file };

	*file = (struct sw_key_file){ .keys.mac = { { .first_epoch = SW_EPOCH_NEVER },
						    { .first_epoch = SW_EPOCH_NEVER } } };
	*error = (struct sw_key_error){};
	while (!error->reason && rest.at < rest.end) {
		const char *end = memchr(rest.at, '\n', length(rest)) ?: rest.end;

		error->line++;
		error->reason = take_line(&reader, (struct span){ rest.at, end });
		rest.at = end < rest.end ? end + 1 : end;
	}
	if (!error->reason)
		*error = (struct sw_key_error){ .reason = missing(&reader) };
	return error->reason ? -EINVAL : 0;
}

/* --- Writing -------------------------------------------------------------------------------- */

static char *put(char *at, const char *text)
{
	return stpcpy(at, text);
}

static char *put_key(char *at, const __u64 key[2])
{
	for (int byte = 0; byte < 16; byte++) {
		unsigned int value = key[byte / 8] >> byte % 8 * 8 & 0xff;

		*at++ = "0123456789abcdef"[value >> 4];
		*at++ = "0123456789abcdef"[value & 15];
	}
	return put(at, "\n");
}

static char *put_mac(char *at, const struct sw_mac_key *mac)
{
	char time[SW_EPOCH_TEXT];

	if (mac->first_epoch == SW_EPOCH_NEVER)
		return at;
	if (mac->first_epoch)
		at += sprintf(at, "# serves from %s\n", sw_epoch_time(mac->first_epoch, time));
	at += sprintf(at, "mac %llu ", mac->first_epoch);
	return put_key(at, mac->key);
}

static char *put_profile(char *at, const struct sw_profile *profile)
{
	char text[SW_PROFILE_TEXT];

	if (!profile->mss)
		return at;
	return put(put(put(at, "profile "), sw_profile_text(profile, text)), "\n");
}

size_t sw_key_text_format(const struct sw_key_file *file, char text[SW_KEY_TEXT_MAX])
{
	const struct sw_keys *keys = &file->keys;
	int newer = sw_mac_newer(keys);
	char *at = text;

	at = put(at, "# synward key file: every host of a fleet has the same. Keep it secret (mode "
		     "0600).\nsynward-keys 1\nisn ");
	at = put_key(at, keys->isn);
	at = put_mac(at, &keys->mac[!newer]);
	at = put_mac(at, &keys->mac[newer]);
	at = put_profile(at, &file->profile);
	return (size_t)(at - text);
}

/* --- Showing -------------------------------------------------------------------------------- */

/*
 * SipHash under the key of the 11 bytes "synward key". No cookie hashes a message of that length, so
 * what is shown here is no part of one.
 */
const char *sw_key_fingerprint(const __u64 key[2], char text[SW_FINGERPRINT_TEXT])
{
	struct sw_sip sip = sw_sip_begin(key);
	__u64 hash;

	sw_sip_word(&sip, 0x20647261776e7973ULL); /* "synward ", the first byte lowest */
	hash = sw_sip_end(&sip, sw_sip_last(0x79656b, 11)); /* "key" */
	snprintf(text, SW_FINGERPRINT_TEXT, "%012llx", hash >> 16);
	return text;
}

const char *sw_epoch_time(__u64 epoch, char text[SW_EPOCH_TEXT])
{
	time_t seconds = (time_t)(epoch * EPOCH_S);
	struct tm tm;

	if (epoch > SW_KEY_EPOCH_LAST || !gmtime_r(&seconds, &tm) ||
	    !strftime(text, SW_EPOCH_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm))
		strcpy(text, "never");
	return text;
}
