/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The BPF object, which is part of this executable: opened, given its maps, loaded. It is attached
 * elsewhere.
 */
#ifndef SYNWARD_USER_LOAD_H
#define SYNWARD_USER_LOAD_H

#include "host/code.h"
#include "host/maps.h"

struct synward; /* the skeleton */
struct bpf_program;

/* Sizes of the tables; 0 leaves what the object says. */
struct sw_sizes {
	__u32 flows, halfopen;
};

/*
 * Opened and nothing more. Destroy it with synward__destroy(). If it does not guard it is another object, with the
 * same maps, that can only track: guard in sw_config has no effect on it, and loading it takes a third of the time. 0
 * or -errno, reported.
 */
int sw_object_open(struct synward **object, bool guards);

/*
 * Loads every program, over the maps of *maps where it has them, else over new ones. 0 or -errno,
 * reported.
 */
int sw_object_load(struct synward *object, const struct sw_sizes *sizes,
		   const struct sw_maps *maps);

/* The same, but an error is not reported: for who only wants to know. */
int sw_object_try(struct synward *object, const struct sw_sizes *sizes, const struct sw_maps *maps);

/*
 * Loads what guard has at tc and its list of sockets, and nothing else, over these maps: for who has only tracked. 0
 * or -errno, reported.
 */
int sw_object_load_guard(struct synward *object, const struct sw_maps *maps);

/*
 * Loads proxy's programs, and nothing else, over these maps, and over those of an earlier synward that has
 * proxy's own. 0 or -errno, reported.
 */
int sw_object_load_proxy(struct synward *object, const struct sw_maps *maps,
			 const struct sw_maps *inherited);

/* Of its programs this one alone is to be loaded, over these maps. 0 or -errno, reported. */
int sw_object_keep(struct synward *object, const struct bpf_program *only,
		   const struct sw_maps *maps);

/* Fills *code for a loaded program. 0 or -errno. */
int sw_prog_code(int prog_fd, struct sw_code *code);

#endif
