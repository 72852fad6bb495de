/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Keeps what the data path knows of this host up to date while guard is in use: its addresses (sw_local)
 * and those of its interfaces (sw_ifaces).
 */
#ifndef SYNWARD_USER_LOCAL_DUTY_H
#define SYNWARD_USER_LOCAL_DUTY_H

#include "daemon/loop.h"
#include "host/tracker.h"

struct sw_follower;

/* 0 or -errno, reported. */
int sw_follower_open(struct sw_follower **follower, struct sw_tracker *tracker);
void sw_follower_close(struct sw_follower *follower);

struct sw_duty sw_follower_duty(struct sw_follower *follower);

#endif
