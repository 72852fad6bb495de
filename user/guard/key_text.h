/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Keys as text, pure: the lines of a key file, and what may be shown of a key and of an epoch. What
 * is wrong with a text is said without a word of it, since that might be part of a secret.
 */
#ifndef SYNWARD_USER_KEY_TEXT_H
#define SYNWARD_USER_KEY_TEXT_H

#include <stddef.h>

#include <synward/cookie.h>
#include <synward/guard.h>

#define SW_KEY_TEXT_MAX 4096 /* bytes of a key file */
#define SW_KEY_LINE_MAX 200

/* The last one that begins at a time of 64 bits of ns, in 2554: key files know none beyond. */
#define SW_KEY_EPOCH_LAST 288230376ULL

_Static_assert(SW_KEY_EPOCH_LAST == ~0ULL / SW_EPOCH_NS, "as the message in key_text.c says it");

/* What the hosts of a fleet share. */
struct sw_key_file {
	struct sw_keys keys;
	struct sw_profile profile; /* of its servers, for gateways without state; mss 0: none */
};

struct sw_key_error {
	unsigned int line; /* from 1; 0: the file as a whole */
	const char *reason; /* what was expected */
};

/*
 * Lines in any order after the first; blank ones and those that begin with '#' don't count:
 *
 *      synward-keys 1                       the version of this format
 *      isn <32 hex digits>                  k_isn, as the 16 bytes of SipHash's key
 *      mac <first epoch> <32 hex digits>    one or two
 *      profile <profile>                    one, or none; see profile.h
 *
 * 0 or -EINVAL with *error filled; *file is then of no use.
 */
int sw_key_text_parse(const char *text, size_t size, struct sw_key_file *file,
		      struct sw_key_error *error);

/* The text of a key file; the older MAC key comes first. Returns its size. */
size_t sw_key_text_format(const struct sw_key_file *file, char text[SW_KEY_TEXT_MAX]);

#define SW_FINGERPRINT_TEXT 13

/* 12 hex digits that tell keys apart and from which no key can be found. */
const char *sw_key_fingerprint(const __u64 key[2], char text[SW_FINGERPRINT_TEXT]);

#define SW_EPOCH_TEXT 32

/* When the epoch begins: "2026-11-21T09:12:00Z". */
const char *sw_epoch_time(__u64 epoch, char text[SW_EPOCH_TEXT]);

#endif
