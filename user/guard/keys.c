// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Keys from getrandom(), and the arithmetic of two slots: a key that a cookie in flight needs keeps
 * its slot, whatever else is wanted.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>

#include "guard/key_text.h"
#include "guard/keys.h"
#include "text/report.h"

static int fill(__u64 key[2])
{
	/* so few bytes come all at once, or not at all */
	if (getrandom(key, 16, 0) == 16)
		return 0;
	return sw_fail(-errno, NULL, "get random bytes for a key");
}

int sw_keys_random(struct sw_keys *keys)
{
	*keys = (struct sw_keys){ .mac[1].first_epoch = SW_EPOCH_NEVER };
	return fill(keys->isn) ?: fill(keys->mac[0].key);
}

/* --- The next key ----------------------------------------------------------------------------- */

static int busy(__u64 first_epoch, __u64 now_epoch)
{
	char time[SW_EPOCH_TEXT];

	if (first_epoch > now_epoch)
		sw_fail(0, NULL, "add a next MAC key: there is one, which serves from %s on",
			sw_epoch_time(first_epoch, time));
	else
		sw_fail(0, NULL,
			"add a next MAC key: cookies of the last but one are good until %s",
			sw_epoch_time(first_epoch + 1, time));
	return -EBUSY;
}

int sw_keys_add_next(struct sw_keys *keys, __u64 now_epoch, __u64 first_epoch)
{
	int newer = sw_mac_newer(keys), slot = newer;
	struct sw_mac_key *only = &keys->mac[!newer];
	__u64 last = keys->mac[newer].first_epoch;

	if (first_epoch <= now_epoch)
		return sw_fail(-EINVAL, NULL, "add a MAC key from epoch %llu on in epoch %llu",
			       first_epoch, now_epoch);
	if (last != SW_EPOCH_NEVER) {
		if (last >= now_epoch)
			return busy(last, now_epoch);
		slot = !newer;
	} else if (only->first_epoch > now_epoch) {
		/* Being alone it serves now, too; and so it must where the new one is not later. */
		only->first_epoch = now_epoch;
	}
	keys->mac[slot].first_epoch = first_epoch;
	return fill(keys->mac[slot].key);
}

/* --- Merging ---------------------------------------------------------------------------------- */

static bool same(const __u64 a[2], const __u64 b[2])
{
	return a[0] == b[0] && a[1] == b[1];
}

static bool agree(const struct sw_keys *a, const struct sw_keys *b, __u64 epoch)
{
	return same(sw_mac_key(a, epoch), sw_mac_key(b, epoch));
}

/*
 * The data path may look while the element is being copied: kept in its slot, the key that serves is
 * whole at any moment.
 */
static void take(struct sw_keys *in_force, const struct sw_keys *wanted, __u64 now_epoch)
{
	const __u64 *serving = sw_mac_key(in_force, now_epoch);
	bool here = serving == in_force->mac[1].key;
	bool there = sw_mac_key(wanted, now_epoch) == wanted->mac[1].key;
	struct sw_mac_key mac[2] = { wanted->mac[here != there], wanted->mac[here == there] };

	memcpy(in_force->mac, mac, sizeof(mac));
	explicit_bzero(mac, sizeof(mac));
}

/*
 * A cookie that the data path makes between now_epoch being read and the keys being written, while
 * the epoch ends, may be void. It takes the end of an epoch, within microseconds, and a file that
 * names other keys for the present: who plans ahead with `synward key new --next` has no such file.
 */
static enum sw_key_merge begin_next_epoch(struct sw_keys *in_force, const struct sw_keys *wanted,
					  __u64 now_epoch)
{
	const __u64 *serving = sw_mac_key(in_force, now_epoch);
	const __u64 *next = sw_mac_key(wanted, now_epoch + 1);
	struct sw_mac_key *kept = &in_force->mac[serving == in_force->mac[1].key];
	struct sw_mac_key *other = &in_force->mac[serving != in_force->mac[1].key];
	__u64 last = wanted->mac[sw_mac_newer(wanted)].first_epoch;

	if (kept->first_epoch > now_epoch) /* alone it served all the same */
		kept->first_epoch = now_epoch;
	other->first_epoch = now_epoch + 1;
	memcpy(other->key, next, sizeof(other->key));
	return last == SW_EPOCH_NEVER || last <= now_epoch + 1 ? SW_KEYS_MERGED
							       : SW_KEYS_MERGE_LATER;
}

enum sw_key_merge sw_keys_merge(struct sw_keys *in_force, const struct sw_keys *wanted,
				__u64 now_epoch)
{
	__u64 before = now_epoch ? now_epoch - 1 : 0;

	if (!same(in_force->isn, wanted->isn)) {
		*in_force = *wanted;
		return SW_KEYS_NEW_ISN;
	}
	if (agree(in_force, wanted, before) && agree(in_force, wanted, now_epoch)) {
		take(in_force, wanted, now_epoch);
		return SW_KEYS_MERGED;
	}
	if (!same(sw_mac_key(in_force, before), sw_mac_key(in_force, now_epoch)))
		return SW_KEYS_MERGE_LATER; /* both slots are needed */
	return begin_next_epoch(in_force, wanted, now_epoch);
}
