/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The life of the cookie's keys: how they come into being, take turns, and are exchanged without
 * breaking a handshake that is in flight. Epochs come in as a parameter; see sw_cookie_epoch().
 */
#ifndef SYNWARD_USER_KEYS_H
#define SYNWARD_USER_KEYS_H

#include <synward/cookie.h>

/* New keys; one MAC key, which serves from the beginning. 0 or -errno, reported. */
int sw_keys_random(struct sw_keys *keys);

/*
 * A new MAC key that serves from first_epoch on, a coming one, in the place of a key none of whose
 * cookies can come back any more. 0; -EBUSY, reported, if there is no such place: a next key waits
 * already, or the last one took over only in this epoch.
 */
int sw_keys_add_next(struct sw_keys *keys, __u64 now_epoch, __u64 first_epoch);

enum sw_key_merge {
	SW_KEYS_MERGED, /* what is wanted is in force, or will be by itself */
	SW_KEYS_MERGE_LATER, /* not all of it has a place yet: merge again in the next epoch */
	SW_KEYS_NEW_ISN, /* another k_isn: all of it is in force, every cookie in flight is void */
};

/*
 * What is to be in force where *wanted has been read, in *in_force. Cookies of now_epoch and of the
 * one before that were made by *in_force stay good, unless k_isn is another one: where the two
 * disagree on those epochs, *wanted begins with the next one. Called again in each epoch until it no
 * longer says LATER, a few times at most, *in_force comes to serve as *wanted does.
 */
enum sw_key_merge sw_keys_merge(struct sw_keys *in_force, const struct sw_keys *wanted,
				__u64 now_epoch);

#endif
