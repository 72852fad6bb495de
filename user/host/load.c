// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Opening, configuring and loading the BPF object. What fails here fails because of the kernel or
 * of missing rights, and nothing has been changed yet.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "host/kernel.h"
#include "host/load.h"
#include "text/report.h"
#include "synward.skel.h"
#include "synward_track.skel.h"

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

/* Guard's programs, where they are there and this kernel can load them: tracking works without. */
static void want_guard(struct synward *object, bool wanted)
{
	bpf_program__set_autoload(object->progs.synward_admit,
				  wanted && sw_kernel_assigns_requests());
	bpf_program__set_autoload(object->progs.synward_sockets,
				  wanted && sw_kernel_lists_sockets());
}

/* The object that only tracks has the names of all programs and maps, and the same variables: one type is for both. */
#define SAME_PLACE(area, name)                                               \
	_Static_assert(offsetof(struct synward__##area, name) ==             \
			       offsetof(struct synward_track__##area, name), \
		       "the objects differ in ." #area)
SAME_PLACE(rodata, offline);
SAME_PLACE(rodata, bare_ip);
SAME_PLACE(bss, offline_now_ns);
SAME_PLACE(bss, offline_result);
SAME_PLACE(bss, offline_wire_length);
SAME_PLACE(bss, expire_batch);

static struct synward *open_track(void)
{
	struct synward *object = calloc(1, sizeof(*object));
	int err = object ? synward__create_skeleton(object) : -ENOMEM;

	if (!err) {
		object->skeleton->data =
			(void *)synward_track__elf_bytes(&object->skeleton->data_sz);
		err = bpf_object__open_skeleton(object->skeleton, NULL);
	}
	if (!err)
		return object;
	synward__destroy(object);
	errno = -err;
	return NULL;
}

int sw_object_open(struct synward **object, bool guards)
{
	sw_library_forget();
	*object = guards ? synward__open() : open_track();
	if (!*object)
		return sw_fail(-errno, sw_library_said(), "open the BPF object");
	want_proxy(*object, false);
	want_guard(*object, guards);
	return 0;
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
	if (err == -ESRCH)
		return "Guard reads the kernel's types, in /sys/kernel/btf; tracking does without";
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
	int err;

	want_nothing(object);
	want_guard(object, true);
	bpf_program__set_autoload(object->progs.synward_egress, true);
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
