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
#define OF_ONE_MAX  8 /* of one user; further ones are refused, so that the others have places */
#define CONNECTION  3 /* its number in the process of its own */

/* Of a processor, who asks again and again takes one part in so many. */
#define SHARE 10

struct reader {
	pid_t pid;
	uid_t user;
};

struct sw_readers {
	int fd, serving;
	struct reader reader[READERS_MAX]; /* the first `serving` of them */
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

static int start(struct sw_readers *readers, int connection, uid_t user)
{
	pid_t child;

	fflush(NULL); /* else both write it */
	child = fork();
	if (!child)
		serve(readers, connection);
	if (child < 0)
		return -errno;
	readers->reader[readers->serving++] = (struct reader){ child, user };
	return 0;
}

static bool has_all_of_one(const struct sw_readers *readers, uid_t user)
{
	int count = 0;

	for (int i = 0; i < readers->serving; i++)
		count += readers->reader[i].user == user;
	return count >= OF_ONE_MAX;
}

/* What is left unread would reset the connection, and take the answer with it. */
static void refuse(int connection)
{
	unsigned char answer = SW_GROUP_SOCKET_BUSY;

	shutdown(connection, SHUT_RD);
	recv(connection, NULL, 0, MSG_DONTWAIT);
	send(connection, &answer, sizeof(answer), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static int take(struct sw_readers *readers)
{
	int connection = accept4(readers->fd, NULL, NULL, SOCK_CLOEXEC), err = 0;
	struct ucred who = {};
	socklen_t length = sizeof(who);

	if (connection < 0)
		return errno == EAGAIN || errno == ECONNABORTED ? 0 : -errno;
	if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &who, &length))
		err = -errno;
	else if (has_all_of_one(readers, who.uid))
		refuse(connection);
	else
		err = start(readers, connection, who.uid);
	close(connection);
	return err;
}

static void reap(struct sw_readers *readers)
{
	int i = 0;

	while (i < readers->serving)
		if (waitpid(readers->reader[i].pid, NULL, WNOHANG))
			readers->reader[i] = readers->reader[--readers->serving];
		else
			i++;
}

static int work(void *context, struct sw_next *next)
{
	struct sw_readers *readers = context;
	__u64 began = sw_monotonic_ns(), ended;
	int err = 0;

	reap(readers);
	if (readers->serving < READERS_MAX)
		err = take(readers);
	ended = sw_monotonic_ns();
	next->from_ns = readers->serving < READERS_MAX ? ended + (SHARE - 1) * (ended - began)
						       : ended + SW_RETRY_NS;
	next->by_ns = readers->serving ? ended + SW_NS_PER_S : SW_NEVER_NS;
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
