/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The maps that are read in this room, by descriptor. Who found them has checked that they are laid
 * out as include/synward says (host/maps.h): here that is believed.
 */
#ifndef SYNWARD_USER_MAP_FDS_H
#define SYNWARD_USER_MAP_FDS_H

/* Each by its name without the sw_ before it. */
#define SW_READ_MAPS(X) \
	X(flows)        \
	X(halfopen) X(stats) X(config) X(ports) X(port_masks) X(retreats) X(keys) X(services)

/* -1: there is none. */
struct sw_map_fds {
#define SW_READ_MAP_FD(name) int name;
	SW_READ_MAPS(SW_READ_MAP_FD)
#undef SW_READ_MAP_FD
};

/* The one element of an array map, such as sw_config. 0 or -errno. */
int sw_map_read_one(int fd, void *value);

#endif
