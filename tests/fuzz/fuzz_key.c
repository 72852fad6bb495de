// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Any bytes as a key file: they are refused with a line that is there and a reason, or the keys that
 * were read make a file that is read as the same keys.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guard/key_text.h"

int LLVMFuzzerTestOneInput(const __u8 *bytes, size_t size);

static void require(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "fuzz_key: %s\n", what);
	abort();
}

static unsigned int count_lines(const __u8 *bytes, size_t size)
{
	unsigned int lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += bytes[i] == '\n';
	return lines;
}

static bool same_key(const struct sw_mac_key *a, const struct sw_mac_key *b)
{
	return a->first_epoch == b->first_epoch &&
	       (a->first_epoch == SW_EPOCH_NEVER || !memcmp(a->key, b->key, sizeof(a->key)));
}

static void check_file(const struct sw_key_file *file)
{
	const struct sw_keys *keys = &file->keys;
	int newer = sw_mac_newer(keys);
	char text[SW_KEY_TEXT_MAX];
	struct sw_key_error error;
	struct sw_key_file again;
	size_t size = sw_key_text_format(file, text);

	require(keys->isn[0] || keys->isn[1], "no k_isn");
	require(keys->mac[0].first_epoch != SW_EPOCH_NEVER, "no MAC key");
	require(!sw_key_text_parse(text, size, &again, &error), "what is written can't be read");
	require(!memcmp(keys->isn, again.keys.isn, sizeof(again.keys.isn)), "another k_isn");
	require(same_key(&keys->mac[!newer], &again.keys.mac[0]) &&
			same_key(&keys->mac[newer], &again.keys.mac[1]),
		"another MAC key");
	require(!memcmp(&file->profile, &again.profile, sizeof(again.profile)), "another profile");
}

int LLVMFuzzerTestOneInput(const __u8 *bytes, size_t size)
{
	struct sw_key_error error;
	struct sw_key_file file;

	if (!sw_key_text_parse((const char *)bytes, size, &file, &error)) {
		check_file(&file);
		return 0;
	}
	require(error.reason, "refused without a reason");
	require(error.line <= count_lines(bytes, size), "a line that is not there");
	return 0;
}
