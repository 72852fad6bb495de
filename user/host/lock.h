/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Who is at work: one byte of /run/synward.lock for each thing that one process alone may do at a
 * time. The locks are the kernel's, so they go with their process, however it ends, and tell its
 * pid; they hold across network namespaces, since the ids of BPF maps do.
 */
#ifndef SYNWARD_LOCK_H
#define SYNWARD_LOCK_H

#include <linux/types.h>
#include <sys/types.h>

/*
 * Attaching and detaching: waits until nobody else does. Ends with sw_lock_release_setup(). 0 or
 * -errno, reported.
 */
int sw_lock_setup(void);
void sw_lock_release_setup(void);

/* To be the one reader of this ring buffer map. 0, -EBUSY (not reported) or -errno, reported. */
int sw_lock_reader(__u32 map_id);

/* The pid of the ring buffer's reader, 0 if there is none. */
pid_t sw_lock_reader_pid(__u32 map_id);

#endif
