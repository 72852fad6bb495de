/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Says when a port that loses connections falls back, and when it is back. The data path decides it and needs
 * no daemon for that; so does it tell `synward events`.
 */
#ifndef SYNWARD_USER_RETREAT_H
#define SYNWARD_USER_RETREAT_H

#include <synward/guard.h>

#include "daemon/loop.h"
#include "model/map_fds.h"

struct sw_retreat_watch {
	struct sw_map_fds maps;
	enum sw_stand said[SW_RETREAT_PLACES]; /* where each stood when it was looked at last */
};

struct sw_duty sw_retreat_duty(struct sw_retreat_watch *watch, const struct sw_map_fds *maps);

#endif
