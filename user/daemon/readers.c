// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Nothing is read from a connection here: who says nothing, or nonsense, holds up a process of its own alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <synward/types.h>

#include "daemon/readers.h"
#include "host/clock.h"
#include "host/group_socket.h"
#include "text/report.h"

#define READERS_MAX 32 /* further ones wait */
#define CONNECTION  3 /* its number in the process of its own */

struct sw_readers {
	int fd, serving;
	char path[SW_GROUP_SOCKET_PATH];
	sigset_t signals; /* those that are blocked there */
	int (*answer)(int connection);
};

int sw_readers_open(struct sw_readers **readers, const sigset_t *signals,
		    int (*answer)(int connection))
{
	struct sw_readers *new = calloc(1, sizeof(*new));

	if (!new)
		return sw_fail(-ENOMEM, NULL, "let the group " SW_GROUP " read");
	new->signals = *signals;
	new->answer = answer;
	new->fd = sw_group_socket_listen(new->path);
	if (new->fd >= 0) {
		*readers = new;
		return 0;
	}
	if (new->fd != -ENOENT)
		sw_fail(new->fd, "Only root may", "let the group " SW_GROUP " read");
	free(new);
	return 0;
}

void sw_readers_close(struct sw_readers *readers)
{
	if (!readers)
		return;
	unlink(readers->path);
	close(readers->fd);
	free(readers);
}

/* In the process of its own. What the daemon has open is not for who asked. */
static void serve(const struct sw_readers *readers, int connection)
{
	dup2(connection, CONNECTION);
	close_range(CONNECTION + 1, ~0U, 0);
	sigprocmask(SIG_SETMASK, &readers->signals, NULL);
	_exit(readers->answer(CONNECTION));
}

static int take(struct sw_readers *readers)
{
	int connection = accept4(readers->fd, NULL, NULL, SOCK_CLOEXEC), err = 0;
	pid_t child;

	if (connection < 0)
		return errno == EAGAIN || errno == ECONNABORTED ? 0 : -errno;
	fflush(NULL); /* else both write it */
	child = fork();
	if (!child)
		serve(readers, connection);
	if (child < 0)
		err = -errno;
	else
		readers->serving++;
	close(connection);
	return err;
}

static int work(void *context, struct sw_next *next)
{
	struct sw_readers *readers = context;
	__u64 now = sw_monotonic_ns();
	int err = 0;

	while (readers->serving && waitpid(-1, NULL, WNOHANG) > 0)
		readers->serving--;
	if (readers->serving < READERS_MAX)
		err = take(readers);
	next->from_ns = readers->serving < READERS_MAX ? now : now + SW_RETRY_NS;
	next->by_ns = readers->serving ? now + SW_NS_PER_S : SW_NEVER_NS;
	return err;
}

struct sw_duty sw_readers_duty(struct sw_readers *readers)
{
	return (struct sw_duty){
		.what = "answer who reads",
		.fd = readers->fd,
		.work = work,
		.context = readers,
	};
}
