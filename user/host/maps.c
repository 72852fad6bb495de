// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Maps by name. A running synward's maps are those its programs refer to: no pin is needed, and it
 * does not matter who attached the programs.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <synward/event.h>
#include <synward/local.h>
#include <synward/population.h>
#include <synward/proxy.h>

#include "host/maps.h"

static int add_map(struct sw_maps *maps, __u32 id)
{
	struct sw_map map = {};
	__u32 length = sizeof(map.info);
	int err = 0;

	map.fd = bpf_map_get_fd_by_id(id);
	if (map.fd < 0)
		return -errno;
	if (bpf_obj_get_info_by_fd(map.fd, &map.info, &length))
		err = -errno;
	else if (maps->count == SW_MAPS_MAX)
		err = -E2BIG;
	if (err || sw_maps_find(maps, map.info.name))
		close(map.fd);
	else
		maps->map[maps->count++] = map;
	return err;
}

int sw_maps_open(struct sw_maps *maps, int prog_fd)
{
	__u32 ids[SW_MAPS_MAX];
	struct bpf_prog_info info = { .nr_map_ids = SW_MAPS_MAX, .map_ids = (__u64)(long)ids };
	__u32 length = sizeof(info);
	int err = 0;

	if (bpf_obj_get_info_by_fd(prog_fd, &info, &length))
		return -errno;
	for (__u32 i = 0; !err && i < info.nr_map_ids && i < SW_MAPS_MAX; i++)
		err = add_map(maps, ids[i]);
	return err;
}

int sw_maps_open_all(struct sw_maps *maps, const struct bpf_object *object)
{
	struct bpf_map_info info = {};
	__u32 length = sizeof(info);
	struct bpf_map *map;
	int err = 0;

	bpf_object__for_each_map (map, object) {
		if (err || bpf_map__is_internal(map) || !bpf_map__autocreate(map))
			continue;
		if (bpf_obj_get_info_by_fd(bpf_map__fd(map), &info, &length))
			err = -errno;
		else
			err = add_map(maps, info.id);
	}
	return err;
}

void sw_maps_close(struct sw_maps *maps)
{
	while (maps->count)
		close(maps->map[--maps->count].fd);
}

const struct sw_map *sw_maps_find(const struct sw_maps *maps, const char *name)
{
	for (int i = 0; i < maps->count; i++)
		if (!strcmp(maps->map[i].info.name, name))
			return &maps->map[i];
	return NULL;
}

int sw_maps_fd(const struct sw_maps *maps, const char *name)
{
	const struct sw_map *map = sw_maps_find(maps, name);

	return map ? map->fd : -1;
}

__u64 sw_map_memory(const struct sw_map *map)
{
	unsigned long long bytes = 0;
	char name[64], line[128];
	FILE *file;

	snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", map->fd);
	file = fopen(name, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "memlock: %llu", &bytes) == 1)
			break;
	if (file)
		fclose(file);
	return bytes;
}

struct sw_map_fds sw_maps_fds(const struct sw_maps *maps)
{
#define FD_OF(name) .name = sw_maps_fd(maps, "sw_" #name),
	return (struct sw_map_fds){ SW_READ_MAPS(FD_OF) };
#undef FD_OF
}

__u32 sw_maps_id(const struct sw_maps *maps, const char *name)
{
	const struct sw_map *map = sw_maps_find(maps, name);

	return map ? map->info.id : 0;
}

/* A ring buffer has neither keys nor values. */
static const struct layout {
	const char *name;
	enum bpf_map_type type;
	__u32 key_size, value_size;
	bool needed; /* every program of synward works on it */
} layouts[] = {
	{ "sw_flows", BPF_MAP_TYPE_HASH, sizeof(struct sw_flow_key), sizeof(struct sw_flow), true },
	{ "sw_halfopen", BPF_MAP_TYPE_LRU_HASH, sizeof(struct sw_flow_key), sizeof(struct sw_flow),
	  true },
	{ "sw_stats", BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(__u32), sizeof(struct sw_stats), true },
	{ "sw_config", BPF_MAP_TYPE_ARRAY, sizeof(__u32), sizeof(struct sw_config), true },
	{ "sw_population", BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(__u32), sizeof(struct sw_population),
	  false },
	{ "sw_ifaces", BPF_MAP_TYPE_HASH, sizeof(__u32), sizeof(struct sw_iface), false },
	{ "sw_readers", BPF_MAP_TYPE_ARRAY, sizeof(__u32), sizeof(struct sw_reader), false },
	{ "sw_reader_rings", BPF_MAP_TYPE_ARRAY_OF_MAPS, sizeof(__u32), sizeof(__u32), false },
	{ "sw_reading", BPF_MAP_TYPE_ARRAY, sizeof(__u32), sizeof(__u32), false },
	{ "sw_due", BPF_MAP_TYPE_RINGBUF, 0, 0, false },
	{ "sw_local", BPF_MAP_TYPE_LPM_TRIE, sizeof(struct sw_local_key), sizeof(__u32), false },
	{ "sw_routes", BPF_MAP_TYPE_LPM_TRIE, sizeof(struct sw_local_key), sizeof(struct sw_route),
	  false },
	{ "sw_local_bits", BPF_MAP_TYPE_ARRAY, sizeof(__u32), sizeof(struct sw_local_bits), false },
	{ "sw_clients", BPF_MAP_TYPE_LPM_TRIE, sizeof(struct sw_local_key), sizeof(__u32), false },
	{ "sw_ports", BPF_MAP_TYPE_HASH, sizeof(struct sw_port_key), sizeof(struct sw_port),
	  false },
	{ "sw_port_masks", BPF_MAP_TYPE_ARRAY, sizeof(__u32), sizeof(struct sw_port_masks), false },
	{ "sw_services", BPF_MAP_TYPE_HASH, sizeof(struct sw_port_key), sizeof(struct sw_service),
	  false },
	{ "sw_proxied", BPF_MAP_TYPE_HASH, sizeof(struct sw_flow_key), sizeof(struct sw_proxied),
	  false },
	{ "sw_retreats", BPF_MAP_TYPE_ARRAY, sizeof(__u32), sizeof(struct sw_retreat), false },
	{ "sw_keys", BPF_MAP_TYPE_ARRAY, sizeof(__u32), sizeof(struct sw_keys), false },
};

static bool as_laid_out(const struct sw_map *map, const struct layout *layout)
{
	return map->info.type == layout->type && map->info.key_size == layout->key_size &&
	       map->info.value_size == layout->value_size;
}

/* What is nobody's configuration, as after `ip link`, bears no number: its sizes have to do. */
static bool numbered_as_ours(const struct sw_maps *maps)
{
	struct sw_config config;

	return !sw_map_read_one(sw_maps_fd(maps, "sw_config"), &config) &&
	       config.layout == (config.configured ? SW_LAYOUT : 0);
}

const char *sw_maps_misfit(const struct sw_maps *maps)
{
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		const struct sw_map *map = sw_maps_find(maps, layouts[i].name);

		if (map ? !as_laid_out(map, &layouts[i]) : layouts[i].needed)
			return layouts[i].name;
	}
	return numbered_as_ours(maps) ? NULL : "sw_config";
}

/* The number of entries matters only where it is part of the layout; a table may have any size. */
static bool map_fits(const struct bpf_map_info *have, const struct bpf_map *want)
{
	bool array = have->type == BPF_MAP_TYPE_ARRAY || have->type == BPF_MAP_TYPE_PERCPU_ARRAY;

	return have->type == bpf_map__type(want) && have->key_size == bpf_map__key_size(want) &&
	       have->value_size == bpf_map__value_size(want) &&
	       (!array || have->max_entries == bpf_map__max_entries(want));
}

bool sw_maps_fit(const struct sw_maps *maps, const struct bpf_object *object)
{
	const struct sw_map *have;
	struct bpf_map *want;

	bpf_object__for_each_map (want, object) {
		have = sw_maps_find(maps, bpf_map__name(want));
		if (have && !bpf_map__is_internal(want) && !map_fits(&have->info, want))
			return false;
	}
	return !sw_maps_misfit(maps);
}

int sw_maps_reuse(const struct sw_maps *maps, struct bpf_object *object)
{
	struct bpf_map *map;
	int err = 0;

	bpf_object__for_each_map (map, object) {
		int fd = sw_maps_fd(maps, bpf_map__name(map));

		if (fd >= 0 && !bpf_map__is_internal(map))
			err = err ?: bpf_map__reuse_fd(map, fd);
	}
	return err;
}

int sw_maps_bind(const struct sw_maps *maps, __u32 prog_id)
{
	int prog_fd = bpf_prog_get_fd_by_id(prog_id), err = 0;

	if (prog_fd < 0)
		return -errno;
	for (int i = 0; !err && i < maps->count; i++)
		err = bpf_prog_bind_map(prog_fd, maps->map[i].fd, NULL) ? -errno : 0;
	close(prog_fd);
	return err;
}

int sw_config_write(const struct sw_maps *maps, const struct sw_config *config)
{
	struct sw_config numbered = *config;
	__u32 zero = 0;

	numbered.layout = SW_LAYOUT;
	return bpf_map_update_elem(sw_maps_fd(maps, "sw_config"), &zero, &numbered, BPF_ANY)
		       ? -errno
		       : 0;
}

bool sw_maps_guarded(const struct sw_maps *maps)
{
	struct sw_config config;

	return !sw_map_read_one(sw_maps_fd(maps, "sw_config"), &config) && config.guard.ports;
}

int sw_iface_read(const struct sw_maps *maps, __u32 ifindex, struct sw_iface *iface)
{
	return bpf_map_lookup_elem(sw_maps_fd(maps, "sw_ifaces"), &ifindex, iface) ? -errno : 0;
}

int sw_iface_write(const struct sw_maps *maps, __u32 ifindex, const struct sw_iface *iface)
{
	int fd = sw_maps_fd(maps, "sw_ifaces");

	return bpf_map_update_elem(fd, &ifindex, iface, BPF_ANY) ? -errno : 0;
}

int sw_iface_delete(const struct sw_maps *maps, __u32 ifindex)
{
	return bpf_map_delete_elem(sw_maps_fd(maps, "sw_ifaces"), &ifindex) ? -errno : 0;
}

int sw_sockets_now_write(const struct sw_maps *maps, __u32 in_use)
{
	int fd = sw_maps_fd(maps, "sw_sockets_now");
	__u32 zero = 0;

	return bpf_map_update_elem(fd, &zero, &in_use, BPF_ANY) ? -errno : 0;
}
