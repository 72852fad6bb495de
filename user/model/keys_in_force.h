/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The cookie's keys, and which of them serves when. They are secrets: clear *keys after use, and show
 * no more of a key than its fingerprint.
 */
#ifndef SYNWARD_USER_KEYS_IN_FORCE_H
#define SYNWARD_USER_KEYS_IN_FORCE_H

#include <stdbool.h>

#include <synward/cookie.h>

/* Nobody has put keys there: guard has never been on. */
static inline bool sw_keys_none(const struct sw_keys *keys)
{
	return !keys->isn[0] && !keys->isn[1];
}

/* A MAC key, seen at one moment. */
struct sw_mac_term {
	const struct sw_mac_key *mac;
	__u64 last_epoch; /* in which the other key takes over; SW_EPOCH_NEVER: none does */
	bool serves; /* now */
};

/* The MAC keys there are, in the order in which they serve. How many. */
int sw_mac_terms(const struct sw_keys *keys, __u64 now_epoch, struct sw_mac_term term[2]);

#endif
