// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Two slots take turns, see <synward/cookie.h>: the one that begins later ends the other's term.
 */
#include "model/keys_in_force.h"

int sw_mac_terms(const struct sw_keys *keys, __u64 now_epoch, struct sw_mac_term term[2])
{
	int newer = sw_mac_newer(keys), count = 0;
	const struct sw_mac_key *in_turn[2] = { &keys->mac[!newer], &keys->mac[newer] };
	const __u64 *serving = sw_mac_key(keys, now_epoch);

	for (int i = 0; i < 2 && !sw_keys_none(keys); i++)
		if (in_turn[i]->first_epoch != SW_EPOCH_NEVER)
			term[count++] = (struct sw_mac_term){
				.mac = in_turn[i],
				.last_epoch = i ? SW_EPOCH_NEVER : in_turn[1]->first_epoch,
				.serves = in_turn[i]->key == serving,
			};
	return count;
}
