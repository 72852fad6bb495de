/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The groups of program tests. Each returns how many of its tests failed.
 */
#ifndef SYNWARD_TESTS_PROG_H
#define SYNWARD_TESTS_PROG_H

int test_frames(void);
int test_model(void);
int test_maps(void);
int test_sweep(void);
int test_load(void);
int test_races(void);
int test_guard_syn(void);
int test_guard_ack(void);
int test_guard_auto(void);
int test_guard_clients(void);
int test_guard_bounds(void);
int test_guard_sockets(void);
int test_guard_shortcut(void);
int test_guard_admit(void);
int test_guard_unread(void);

#endif
