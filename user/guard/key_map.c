// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The map sw_keys: which keys come into force there. Buffers that held a key are cleared.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "guard/key_file.h"
#include "guard/key_map.h"
#include "guard/keys.h"
#include "host/clock.h"
#include "model/keys_in_force.h"
#include "model/map_fds.h"
#include "text/report.h"

static void say_merge(enum sw_key_merge merge)
{
	if (merge == SW_KEYS_NEW_ISN)
		sw_say("another ISN key is in force: handshakes under way begin anew");
	else if (merge == SW_KEYS_MERGE_LATER)
		sw_say("the key file names more keys than can serve at once: read it again "
		       "(SIGHUP) in two minutes");
}

static int choose(const char *key_file, struct sw_keys *keys, __u64 epoch)
{
	struct sw_key_file wanted;
	int err;

	if (!key_file)
		return sw_keys_none(keys) ? sw_keys_random(keys) : 0;
	err = sw_key_file_read(key_file, &wanted);
	if (err)
		return err;
	if (sw_keys_none(keys))
		*keys = wanted.keys;
	else
		say_merge(sw_keys_merge(keys, &wanted.keys, epoch));
	explicit_bzero(&wanted, sizeof(wanted));
	return 0;
}

int sw_keys_put(int keys_fd, const char *key_file)
{
	__u64 epoch = sw_cookie_epoch(sw_clock_ns(CLOCK_REALTIME));
	struct sw_keys keys = {};
	__u32 zero = 0;
	int err = sw_map_read_one(keys_fd, &keys);

	if (err)
		return sw_fail(err, NULL, "read the keys in force");
	err = choose(key_file, &keys, epoch);
	if (!err && bpf_map_update_elem(keys_fd, &zero, &keys, BPF_ANY))
		err = sw_fail(-errno, NULL, "write the keys");
	explicit_bzero(&keys, sizeof(keys));
	return err;
}
