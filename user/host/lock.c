// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * POSIX record locks on one file. They belong to the process and fall with the first close() of the
 * file, so the descriptor is opened once and never closed.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "host/lock.h"
#include "text/report.h"

#define LOCK_FILE "/run/synward.lock"

/* Byte 0 is for setting up; the byte of a ring buffer is its map id, which is never 0. */
#define SETUP_BYTE 0

static int lock_fd(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = open(LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	return fd;
}

static int lock_byte(off_t byte, short type, int command)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };
	int fd = lock_fd();

	return fd < 0 || fcntl(fd, command, &lock) ? -errno : 0;
}

int sw_lock_setup(void)
{
	int err = lock_byte(SETUP_BYTE, F_WRLCK, F_SETLKW);

	return err ? sw_fail(err, NULL, "lock " LOCK_FILE) : 0;
}

void sw_lock_release_setup(void)
{
	lock_byte(SETUP_BYTE, F_UNLCK, F_SETLK);
}

int sw_lock_reader(__u32 map_id)
{
	int err = lock_byte(map_id, F_WRLCK, F_SETLK);

	if (err == -EACCES || err == -EAGAIN)
		return -EBUSY;
	return err ? sw_fail(err, NULL, "lock " LOCK_FILE) : 0;
}

pid_t sw_lock_reader_pid(__u32 map_id)
{
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = map_id, .l_len = 1
	};

	if (fcntl(lock_fd(), F_GETLK, &lock) || lock.l_type == F_UNLCK)
		return 0;
	return lock.l_pid;
}
