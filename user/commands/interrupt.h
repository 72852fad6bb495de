/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Commands that go on until somebody has seen enough: SIGINT, SIGQUIT, SIGTERM and a terminal that goes are how
 * they end, and no failure.
 */
#ifndef SYNWARD_USER_INTERRUPT_H
#define SYNWARD_USER_INTERRUPT_H

#include <linux/types.h>
#include <stdbool.h>

void sw_interrupt_catch(void);
bool sw_interrupted(void);

/* Until this time of CLOCK_MONOTONIC, or until it is interrupted, which it returns. */
bool sw_interrupt_sleep(__u64 until_ns);

#endif
