// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The program is loaded for this alone, over the maps that are in use: the one of the daemon is at work
 * on the daemon's own batch.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "host/load.h"
#include "host/removal.h"
#include "text/report.h"
#include "synward.skel.h"

int sw_removal_open(struct sw_removal *removal, const struct sw_maps *maps)
{
	static const struct sw_sizes sizes;
	struct bpf_program *prog;
	int err = sw_object_open(&removal->object, false);

	if (err)
		return err;
	if (!sw_maps_fit(maps, removal->object->obj))
		return sw_fail(0, "Another version of synward has made them",
			       "remove flows: the maps are laid out otherwise");
	bpf_object__for_each_program (prog, removal->object->obj)
		bpf_program__set_autoload(prog, prog == removal->object->progs.synward_expire);
	return sw_object_load(removal->object, &sizes, maps);
}

int sw_removal_run(struct sw_removal *removal, const struct sw_flow_key *keys, size_t count,
		   size_t *removed)
{
	struct sw_expire_batch *batch = &removal->object->bss->expire_batch;
	LIBBPF_OPTS(bpf_test_run_opts, run);

	*batch = (struct sw_expire_batch){ .live_too = 1 };
	for (size_t done = 0; done < count; done += batch->count) {
		size_t left = count - done;

		batch->count = left < SW_EXPIRE_FLOWS ? (__u32)left : SW_EXPIRE_FLOWS;
		memcpy(batch->key, keys + done, batch->count * sizeof(*keys));
		if (bpf_prog_test_run_opts(bpf_program__fd(removal->object->progs.synward_expire),
					   &run))
			return sw_fail(-errno, NULL, "remove flows");
	}
	*removed = batch->removed;
	return 0;
}

void sw_removal_close(struct sw_removal *removal)
{
	synward__destroy(removal->object);
}
