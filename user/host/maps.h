/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The maps that a set of programs works on, by name; and what is written to them one value at a time.
 * They are read by model/.
 */
#ifndef SYNWARD_USER_MAPS_H
#define SYNWARD_USER_MAPS_H

#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include <synward/config.h>
#include <synward/stats.h>

#include "model/map_fds.h"

#define SW_MAPS_MAX 64

struct sw_maps {
	int count;
	struct sw_map {
		int fd;
		struct bpf_map_info info;
	} map[SW_MAPS_MAX];
};

/* Opens the maps of a loaded program that *maps does not have yet, by name. 0 or -errno. */
int sw_maps_open(struct sw_maps *maps, int prog_fd);

/* The same of all maps of a loaded object, but for those of its variables. 0 or -errno. */
int sw_maps_open_all(struct sw_maps *maps, const struct bpf_object *object);

/* Closes them; *maps is then empty. */
void sw_maps_close(struct sw_maps *maps);

/* NULL or -1 if there is none of that name. */
const struct sw_map *sw_maps_find(const struct sw_maps *maps, const char *name);
int sw_maps_fd(const struct sw_maps *maps, const char *name);

/* Bytes of the kernel's memory that the map takes, as the kernel says; 0: it doesn't. */
__u64 sw_map_memory(const struct sw_map *map);

/* Those that the readers of model/ want. */
struct sw_map_fds sw_maps_fds(const struct sw_maps *maps);

/* The kernel's number of the map, 0 if there is none of that name. */
__u32 sw_maps_id(const struct sw_maps *maps, const char *name);

/*
 * NULL if they are laid out as this program knows them; else the name of one that is not, or that is
 * missing: a synward of another version made it, or somebody else. Nothing else may be read then.
 */
const char *sw_maps_misfit(const struct sw_maps *maps);

/* They are laid out as this program knows them, and as the object wants them: it can work on them. */
bool sw_maps_fit(const struct sw_maps *maps, const struct bpf_object *object);

/* Lets the object, not loaded yet, use those of *maps that it knows by name. 0 or -errno. */
int sw_maps_reuse(const struct sw_maps *maps, struct bpf_object *object);

/* Ties the maps to the program of this id, so that sw_maps_open() finds them by it. 0 or -errno. */
int sw_maps_bind(const struct sw_maps *maps, __u32 prog_id);

/* 0 or -errno. */
int sw_config_write(const struct sw_maps *maps, const struct sw_config *config);

/* Guard is in use, if only to take back the cookies of an earlier run. */
bool sw_maps_guarded(const struct sw_maps *maps);

int sw_iface_read(const struct sw_maps *maps, __u32 ifindex, struct sw_iface *iface);
int sw_iface_write(const struct sw_maps *maps, __u32 ifindex, const struct sw_iface *iface);
int sw_iface_delete(const struct sw_maps *maps, __u32 ifindex);
int sw_sockets_now_write(const struct sw_maps *maps, __u32 in_use); /* see bpf/sockets.bpf.h */

#endif
