/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Keeps guard's settings in step with what hinders it in the namespace: within milliseconds where
 * nf_tables tells of it, within a second where iptables-legacy, which tells nobody, or a sysctl is behind
 * it. What changes is said, and is an event.
 */
#ifndef SYNWARD_USER_ADMISSION_WATCH_H
#define SYNWARD_USER_ADMISSION_WATCH_H

#include "daemon/loop.h"
#include "host/tracker.h"

struct sw_admission_watch {
	struct sw_tracker *tracker;
	int nft_fd; /* readable when nf_tables changes; -1: there is none */
	__u64 renew_ns; /* whether it tells or not */
};

/* 0 or -errno, reported. */
int sw_admission_watch_open(struct sw_admission_watch *watch, struct sw_tracker *tracker);
void sw_admission_watch_close(struct sw_admission_watch *watch);

struct sw_duty sw_admission_duty(struct sw_admission_watch *watch);

#endif
