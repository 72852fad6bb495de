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

#include "daemon/members.h"
#include "host/clock.h"
#include "host/group_socket.h"
#include "text/report.h"

#define MEMBERS_MAX 32 /* further ones wait */
#define OF_ONE_MAX  8 /* of one user; further ones are refused, so that the others have places */
#define CONNECTION  3 /* its number in the process of its own */

/* Of a processor, who asks again and again takes one part in so many. */
#define SHARE 10

struct member {
	pid_t pid;
	uid_t user;
};

struct sw_members {
	int fd, serving;
	struct member member[MEMBERS_MAX]; /* the first `serving` of them */
	char path[SW_GROUP_SOCKET_PATH];
	sigset_t signals; /* those that are blocked there */
	int (*answer)(int connection);
};

int sw_members_open(struct sw_members **members, const sigset_t *signals,
		    int (*answer)(int connection))
{
	struct sw_members *new = calloc(1, sizeof(*new));

	if (!new)
		return sw_fail(-ENOMEM, NULL, "let the group " SW_GROUP " read");
	new->signals = *signals;
	new->answer = answer;
	new->fd = sw_group_socket_listen(new->path);
	if (new->fd >= 0) {
		*members = new;
		return 0;
	}
	if (new->fd != -ENOENT)
		sw_fail(new->fd, "Only root may", "let the group " SW_GROUP " read");
	free(new);
	return 0;
}

void sw_members_close(struct sw_members *members)
{
	if (!members)
		return;
	unlink(members->path);
	close(members->fd);
	free(members);
}

/* In the process of its own. What the daemon has open is not for who asked. */
static void serve(const struct sw_members *members, int connection)
{
	dup2(connection, CONNECTION);
	close_range(CONNECTION + 1, ~0U, 0);
	sigprocmask(SIG_SETMASK, &members->signals, NULL);
	_exit(members->answer(CONNECTION));
}

static int start(struct sw_members *members, int connection, uid_t user)
{
	pid_t child;

	fflush(NULL); /* else both write it */
	child = fork();
	if (!child)
		serve(members, connection);
	if (child < 0)
		return -errno;
	members->member[members->serving++] = (struct member){ child, user };
	return 0;
}

static bool has_all_of_one(const struct sw_members *members, uid_t user)
{
	int count = 0;

	for (int i = 0; i < members->serving; i++)
		count += members->member[i].user == user;
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

static int take(struct sw_members *members)
{
	int connection = accept4(members->fd, NULL, NULL, SOCK_CLOEXEC), err = 0;
	struct ucred who = {};
	socklen_t length = sizeof(who);

	if (connection < 0)
		return errno == EAGAIN || errno == ECONNABORTED ? 0 : -errno;
	if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &who, &length))
		err = -errno;
	else if (has_all_of_one(members, who.uid))
		refuse(connection);
	else
		err = start(members, connection, who.uid);
	close(connection);
	return err;
}

static void reap(struct sw_members *members)
{
	int i = 0;

	while (i < members->serving)
		if (waitpid(members->member[i].pid, NULL, WNOHANG))
			members->member[i] = members->member[--members->serving];
		else
			i++;
}

static int work(void *context, struct sw_next *next)
{
	struct sw_members *members = context;
	__u64 began = sw_monotonic_ns(), ended;
	int err = 0;

	reap(members);
	if (members->serving < MEMBERS_MAX)
		err = take(members);
	ended = sw_monotonic_ns();
	next->from_ns = members->serving < MEMBERS_MAX ? ended + (SHARE - 1) * (ended - began)
						       : ended + SW_RETRY_NS;
	next->by_ns = members->serving ? ended + SW_NS_PER_S : SW_NEVER_NS;
	return err;
}

struct sw_duty sw_members_duty(struct sw_members *members)
{
	return (struct sw_duty){
		.what = "answer who reads",
		.fd = members->fd,
		.work = work,
		.context = members,
	};
}
