/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The maps that are read in this room, by descriptor. Who found them has checked that they are laid
 * out as include/synward says (host/maps.h): here that is believed.
 */
#ifndef SYNWARD_USER_MAP_FDS_H
#define SYNWARD_USER_MAP_FDS_H

/* -1: there is none. */
struct sw_map_fds {
	int flows, halfopen, stats, config, ports, port_masks, retreats, keys, services;
};

/* The one element of an array map, such as sw_config. 0 or -errno. */
int sw_map_read_one(int fd, void *value);

#endif
