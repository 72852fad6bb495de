/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Who is at work: a lock for each thing that one process alone may do at a time. They hold within a network
 * namespace, like what is attached there, whatever /run and process ids its processes have; they go with
 * their process, however it ends, and tell its pid.
 */
#ifndef SYNWARD_LOCK_H
#define SYNWARD_LOCK_H

#include <linux/types.h>
#include <stdbool.h>
#include <sys/types.h>

/* A process of another pid namespace, or one that doesn't tell its id. */
#define SW_PROCESS_HIDDEN (-1)

/*
 * Attaching and detaching: waits until nobody else does. Ends with sw_lock_release_setup(). 0 or
 * -errno, reported.
 */
int sw_lock_setup(void);
void sw_lock_release_setup(void);

/* Interfaces are changed from here on: until the lock is released, signals wait, so that nothing is left half done. */
void sw_lock_begin_changes(void);

/* A lock of any name, to be given back. */
struct sw_lock {
	int name, process; /* descriptors */
};

#define SW_LOCK_NONE     \
	(struct sw_lock) \
	{                \
		-1, -1   \
	}
#define SW_LOCK_NAME 40

/* 0, -EBUSY or another -errno, not reported. */
int sw_lock_try(const char *name, struct sw_lock *lock);
void sw_lock_release(struct sw_lock *lock);
bool sw_lock_is_held(const struct sw_lock *lock);

/* To be the one daemon of the maps among which this sw_due is. 0, -EBUSY (not reported) or -errno, reported. */
int sw_lock_daemon(__u32 map_id);

/* The pid of that daemon, or SW_PROCESS_HIDDEN; 0 if there is none. */
pid_t sw_lock_daemon_pid(__u32 map_id);

/* "process 123", or in words that it is hidden. */
#define SW_PROCESS_TEXT 24
const char *sw_process_text(pid_t process, char text[SW_PROCESS_TEXT]);

#endif
