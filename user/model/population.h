/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The flow table by state, and the delays of expiry, summed up over the CPUs.
 */
#ifndef SYNWARD_USER_POPULATION_H
#define SYNWARD_USER_POPULATION_H

#include <synward/population.h>

/* 0 or -errno. */
int sw_population_read(int population_fd, struct sw_population *sum);

#endif
