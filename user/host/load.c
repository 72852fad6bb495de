// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Opening, configuring and loading the BPF object. What fails here fails because of the kernel or
 * of missing rights, and nothing has been changed yet.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "host/kernel.h"
#include "host/load.h"
#include "text/report.h"
#include "synward.skel.h"

/* Proxy is loaded where it is needed, by sw_object_keep_proxy(): nobody else pays for it. */
static void want_proxy(struct synward *object, bool wanted)
{
	bpf_program__set_autoload(object->progs.synward_inward, wanted);
	bpf_program__set_autoload(object->progs.synward_outward, wanted);
	bpf_program__set_autoload(object->progs.synward_again, wanted);
	bpf_program__set_autoload(object->progs.synward_retry, wanted);
	bpf_map__set_autocreate(object->maps.sw_proxied, wanted);
	bpf_map__set_autocreate(object->maps.sw_kept, wanted);
	bpf_map__set_autocreate(object->maps.sw_proxy_work, wanted);
}

/* What this kernel can't load is left out: tracking works without. */
static void suit_kernel(struct synward *object)
{
	want_proxy(object, false);
	if (!sw_kernel_assigns_requests())
		bpf_program__set_autoload(object->progs.synward_admit, false);
	if (!sw_kernel_lists_sockets())
		bpf_program__set_autoload(object->progs.synward_sockets, false);
}

int sw_object_open(struct synward **object)
{
	sw_library_forget();
	*object = synward__open();
	if (!*object)
		return sw_fail(-errno, sw_library_said(), "open the BPF object");
	suit_kernel(*object);
	return 0;
}

void sw_object_only_track(struct synward *object)
{
	object->rodata->guardable = false;
	bpf_program__set_autoload(object->progs.synward_admit, false);
}

static int set_sizes(struct synward *object, const struct sw_sizes *sizes)
{
	int err = 0;

	if (sizes->flows)
		err = bpf_map__set_max_entries(object->maps.sw_flows, sizes->flows);
	if (sizes->halfopen)
		err = err ?: bpf_map__set_max_entries(object->maps.sw_halfopen, sizes->halfopen);
	return err;
}

static const char *load_hint(int err)
{
	if (err == -EPERM || err == -EACCES)
		return "`synward check` tells what this kernel allows; --verbose what it says";
	if (err == -ENOMEM)
		return "Smaller tables (--flows, --half-open) need less memory";
	return sw_library_said();
}

int sw_object_try(struct synward *object, const struct sw_sizes *sizes, const struct sw_maps *maps)
{
	int err = set_sizes(object, sizes) ?: sw_maps_reuse(maps, object->obj);

	sw_library_forget();
	return err ?: synward__load(object);
}

int sw_object_load(struct synward *object, const struct sw_sizes *sizes, const struct sw_maps *maps)
{
	int err = sw_object_try(object, sizes, maps);

	return err ? sw_fail(err, load_hint(err), "load the BPF programs") : 0;
}

static void want_nothing(struct synward *object)
{
	struct bpf_program *prog;

	bpf_object__for_each_program (prog, object->obj)
		bpf_program__set_autoload(prog, false);
}

int sw_object_load_guard(struct synward *object, const struct sw_maps *maps)
{
	bool admits = bpf_program__autoload(object->progs.synward_admit);
	int err;

	want_nothing(object);
	bpf_program__set_autoload(object->progs.synward_egress, true);
	bpf_program__set_autoload(object->progs.synward_admit, admits);
	err = sw_maps_reuse(maps, object->obj);
	sw_library_forget();
	err = err ?: synward__load(object);
	return err ? sw_fail(err, load_hint(err), "load guard's programs") : 0;
}

int sw_object_load_proxy(struct synward *object, const struct sw_maps *maps,
			 const struct sw_maps *inherited)
{
	const struct sw_map *flows = sw_maps_find(maps, "sw_flows");
	int err;

	want_nothing(object);
	want_proxy(object, true);
	err = bpf_map__set_max_entries(object->maps.sw_proxied, flows->info.max_entries) ?:
		      sw_maps_reuse(maps, object->obj) ?:
		      sw_maps_reuse(inherited, object->obj);
	sw_library_forget();
	err = err ?: synward__load(object);
	return err ? sw_fail(err, load_hint(err), "load proxy's programs") : 0;
}

int sw_object_keep(struct synward *object, const struct bpf_program *only,
		   const struct sw_maps *maps)
{
	struct bpf_program *prog;
	int err;

	bpf_object__for_each_program (prog, object->obj)
		bpf_program__set_autoload(prog, prog == only);
	err = sw_maps_reuse(maps, object->obj);
	return err ? sw_fail(err, NULL, "reuse the maps") : 0;
}

int sw_prog_code(int prog_fd, struct sw_code *code)
{
	struct bpf_prog_info info = {};
	__u32 length = sizeof(info);

	if (bpf_obj_get_info_by_fd(prog_fd, &info, &length))
		return -errno;
	*code = sw_code_of(&info);
	return 0;
}
